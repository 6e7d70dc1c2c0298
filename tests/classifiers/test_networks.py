"""The networks are the published ones: same names, shapes, sizes, and the same answers."""

import importlib.util
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

from idbias.classifiers.networks.by_name import build
from idbias.classifiers.networks.cct import cct7
from idbias.classifiers.networks.resnet import resnet, resnet18
from idbias.classifiers.networks.timm_models import timm_model
from idbias.errors import InputError

DATA = Path(os.environ.get("IDBIAS_TEST_DATA", Path(__file__).parents[3] / "shared/data"))
CHECKPOINT = DATA / "resnet20-12fca82f.th"
CIFAR = DATA / "cifar10-first1017.tar.gz"


@pytest.mark.skipif(not CHECKPOINT.exists() or not CIFAR.exists(), reason=f"no {DATA}")
def test_resnet20_classifies_932_of_1017_images_with_the_public_weights():
    state = torch.load(CHECKPOINT, map_location="cpu", weights_only=True)["state_dict"]
    network = resnet(20).eval()
    network.load_state_dict({key.removeprefix("module."): value for key, value in state.items()})
    with tarfile.open(CIFAR) as archive:
        raw = archive.extractfile("cifar-10-batches-bin/test_batch.bin").read()
    records = np.frombuffer(raw, np.uint8).reshape(-1, 3073)
    images = torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32) / np.float32(255))
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
    with torch.no_grad():
        found = torch.cat([network((batch - mean) / std).argmax(1) for batch in images.split(128)])
    assert (found.numpy() == records[:, 0]).sum() == 932


# Table 6 of He et al. 2016, in millions.
@pytest.mark.parametrize(("depth", "millions"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85)])
def test_resnets_have_the_papers_number_of_parameters(depth, millions):
    parameters = sum(parameter.numel() for parameter in resnet(depth).parameters())
    assert round(parameters / 1e6, 2) == millions


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (3, 33, 47), (2, 5, 5)])
def test_resnet_takes_any_channels_and_image_size(shape):
    network = resnet(20, shape, classes=7).eval()
    assert network(torch.rand(2, *shape)).shape == (2, 7)


def test_unknown_depth_is_refused_by_name():
    with pytest.raises(InputError, match=r"ResNet-18.*20, 32, 44, 56"):
        resnet(18)


def published_cct7(tokens, classes):
    """Names and shapes of SHI-Labs/Compact-Transformers' cct_7_3x1_32 (src/cct.py)."""
    expected = {
        "classifier.positional_emb": (1, tokens, 256),
        "tokenizer.conv_layers.0.0.weight": (256, 3, 3, 3),
        "classifier.attention_pool.weight": (1, 256),
        "classifier.attention_pool.bias": (1,),
        "classifier.norm.weight": (256,),
        "classifier.norm.bias": (256,),
        "classifier.fc.weight": (classes, 256),
        "classifier.fc.bias": (classes,),
    }
    for block in range(7):
        expected |= {
            f"classifier.blocks.{block}.{name}": shape
            for name, shape in {
                "pre_norm.weight": (256,),
                "pre_norm.bias": (256,),
                "self_attn.qkv.weight": (768, 256),
                "self_attn.proj.weight": (256, 256),
                "self_attn.proj.bias": (256,),
                "linear1.weight": (512, 256),
                "linear1.bias": (512,),
                "norm1.weight": (256,),
                "norm1.bias": (256,),
                "linear2.weight": (256, 512),
                "linear2.bias": (256,),
            }.items()
        }
    return expected


@pytest.mark.parametrize("positional", ["learnable", "sine"])
@pytest.mark.parametrize("classes", [10, 100])
def test_cct7_has_the_published_names_and_shapes(positional, classes):
    state = cct7(classes=classes, positional=positional).state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == published_cct7(
        256, classes
    )


def test_cct7_has_the_published_number_of_parameters():
    parameters = sum(parameter.numel() for parameter in cct7().parameters())
    assert round(parameters / 1e6, 2) == 3.76


def test_cct7_computes_what_its_published_equations_say():
    torch.manual_seed(0)
    network = cct7(positional="sine").eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    images = torch.rand(2, 3, 32, 32)
    p = {name.removeprefix("classifier."): value for name, value in network.state_dict().items()}

    def linear(x, name):
        return x @ p[f"{name}.weight"].T + p.get(f"{name}.bias", 0)

    def norm(x, name):
        x = (x - x.mean(-1, keepdim=True)) / (x.var(-1, correction=0, keepdim=True) + 1e-5).sqrt()
        return x * p[f"{name}.weight"] + p[f"{name}.bias"]

    x = torch.conv2d(images, p["tokenizer.conv_layers.0.0.weight"], padding=1).relu()
    x = torch.max_pool2d(x, 3, 2, 1).flatten(2).mT
    position, i = torch.meshgrid(torch.arange(256.0), torch.arange(256.0), indexing="ij")
    angle = position / 10000 ** (2 * (i // 2) / 256)
    x = x + torch.where(i % 2 == 0, angle.sin(), angle.cos())
    for block in range(7):
        name = f"blocks.{block}"
        q, k, v = (
            part.unflatten(-1, (4, 64)).transpose(1, 2)
            for part in linear(norm(x, f"{name}.pre_norm"), f"{name}.self_attn.qkv").chunk(3, -1)
        )
        attended = (q @ k.mT / 8).softmax(-1) @ v
        x = x + linear(attended.transpose(1, 2).flatten(2), f"{name}.self_attn.proj")
        x = norm(x, f"{name}.norm1")
        hidden = linear(x, f"{name}.linear1")
        gelu = hidden * (1 + torch.erf(hidden / 2**0.5)) / 2
        x = x + linear(gelu, f"{name}.linear2")
    x = norm(x, "norm")
    pooled = linear(x, "attention_pool").softmax(1).mT @ x
    expected = linear(pooled[:, 0], "fc")
    with torch.no_grad():
        torch.testing.assert_close(network(images), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 33, 20)])
def test_cct7_takes_other_sizes_repeats_itself_and_passes_gradients(shape):
    network = cct7(shape, classes=7).eval().requires_grad_(False)
    images = torch.rand(2, *shape, requires_grad=True)
    logits = network(images)
    assert logits.shape == (2, 7)
    assert torch.equal(logits, network(images))
    (gradient,) = torch.autograd.grad(logits[0].sum(), images)
    assert gradient[0].abs().min() >= 0
    assert gradient[0].abs().max() > 0
    assert not gradient[1].any(), "one image's logits depend on another's pixels"


def test_cct7_is_regularised_in_training_only():
    network = cct7().train()
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        assert not torch.equal(network(images), network(images))


def test_unknown_positional_embedding_is_refused():
    with pytest.raises(InputError, match="learnable or sine, not 'none'"):
        cct7(positional="none")


def published_resnet18(classes):
    """Names and shapes of torchvision's resnet18 checkpoint (and timm's), without the counters."""
    expected = {"conv1.weight": (64, 3, 7, 7), "fc.weight": (classes, 512), "fc.bias": (classes,)}
    normed = {"bn1": 64}
    for stage, channels in enumerate((64, 128, 256, 512), 1):
        for block in range(2):
            name, before = f"layer{stage}.{block}", channels
            if stage > 1 and block == 0:
                before = channels // 2
                expected[f"{name}.downsample.0.weight"] = (channels, before, 1, 1)
                normed[f"{name}.downsample.1"] = channels
            expected[f"{name}.conv1.weight"] = (channels, before, 3, 3)
            expected[f"{name}.conv2.weight"] = (channels, channels, 3, 3)
            normed |= {f"{name}.bn1": channels, f"{name}.bn2": channels}
    for name, channels in normed.items():
        for part in ("weight", "bias", "running_mean", "running_var"):
            expected[f"{name}.{part}"] = (channels,)
    return expected


def test_resnet18_has_the_published_names_shapes_and_size():
    state = resnet18().state_dict()
    found = {name: tuple(value.shape) for name, value in state.items() if "num_batches" not in name}
    assert found == published_resnet18(1000)
    assert sum(parameter.numel() for parameter in resnet18().parameters()) == 11_689_512


@pytest.mark.parametrize("shape", [(3, 224, 224), (1, 32, 47)])
def test_resnet18_takes_other_sizes(shape):
    assert resnet18(shape, classes=10).eval()(torch.rand(1, *shape)).shape == (1, 10)


@pytest.mark.skipif(importlib.util.find_spec("timm") is not None, reason="timm is installed")
def test_without_timm_it_is_said_what_to_install():
    with pytest.raises(InputError, match=r"missing \(No module named .*pip install timm"):
        timm_model("resnet18")


@pytest.mark.skipif(importlib.util.find_spec("timm") is None, reason="timm is not installed")
def test_timm_networks_are_built_for_shape_and_classes():
    network = timm_model("resnet18", (3, 64, 64), 10)
    ours = resnet18(classes=10).eval()
    ours.load_state_dict(network.state_dict())
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(network(images), ours(images))
    with pytest.raises(InputError, match="no network 'resnet_18'; did you mean resnet18"):
        timm_model("resnet_18")


FAKE_TORCHVISION = """
import torch

@torch.library.register_fake("torchvision::nms")
def nms(dets, scores, iou_threshold):
    return dets

@torch.library.register_fake("torchvision::qnms")
def qnms(dets, scores, iou_threshold):
    return dets
"""
FAKE_TIMM = """
import torch
import torchvision

def is_model(name):
    return name == "plain"

def list_models():
    return ["plain"]

def create_model(name, pretrained, in_chans, num_classes):
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, num_classes))

__version__ = "0"
"""


def test_timm_imports_beside_a_torchvision_whose_operators_do_not_load(tmp_path):
    """A stand-in fails as torchvision's own _meta_registrations.py does beside a CPU torch."""
    for name, code in (("torchvision", FAKE_TORCHVISION), ("timm", FAKE_TIMM)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(code)
    code = f"""
import sys
sys.path[:] = {[str(tmp_path), *sys.path]!r}
from idbias.classifiers.networks.timm_models import timm_model
try:
    import timm
except RuntimeError as error:
    print(error)
print(timm_model("plain", (3, 2, 2), 5)[1].out_features)
for name, shape in (("plane", (3, 2, 2)), ("plain", (3, 4, 4))):
    try:
        timm_model(name, shape, 5)
    except ValueError as error:
        print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    printed = result.stdout.splitlines()
    assert printed[:3] == [
        "operator torchvision::nms does not exist",
        "5",
        "timm 0 has no network 'plane'; did you mean plain?",
    ], result.stderr
    assert printed[3].startswith("timm's network 'plain' cannot take images of shape (3, 4, 4)")


def test_arguments_reach_the_constructor_or_are_refused():
    network = build("local_convolution_1_linear", (1, 8, 8), 10, {"kernel": 5, "width": 4})
    assert network.hidden1.weight.shape == (4, 1, 5, 5)
    with pytest.raises(InputError, match="zoo takes no kernels; its arguments are architecture"):
        build("local_convolution_1_linear", (1, 8, 8), 10, {"kernels": 5})
