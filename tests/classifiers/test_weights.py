"""Checkpoints load whatever they are wrapped in, and what does not fit is explained."""

import hashlib
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from idbias.classifiers.networks.resnet import resnet
from idbias.classifiers.weights import load_weights
from idbias.errors import InputError

DATA = Path(os.environ.get("IDBIAS_TEST_DATA", Path(__file__).parents[3] / "shared/data"))
CHECKPOINT = DATA / "resnet20-12fca82f.th"


def network(seed=0, **options):
    torch.manual_seed(seed)
    return resnet(20, **options)


def same(one, other):
    state = other.state_dict()
    return all(torch.equal(value, state[key]) for key, value in one.state_dict().items())


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3, "best_prec1": 91.7},
        lambda state: {"model": {f"module.{key}": value for key, value in state.items()}},
        lambda state: {"model_state_dict": {f"module._orig_mod.{k}": v for k, v in state.items()}},
        lambda state: {k: v for k, v in state.items() if "num_batches" not in k},
    ],
)
def test_a_checkpoint_loads_however_it_was_wrapped(tmp_path, wrap):
    saved, loaded = network(1), network(2)
    torch.save(wrap(saved.state_dict()), tmp_path / "weights.pth")
    load_weights(loaded, tmp_path / "weights.pth")
    assert same(loaded, saved)


def test_safetensors_and_its_checksum(tmp_path):
    saved, loaded = network(1), network(2)
    path = tmp_path / "weights.safetensors"
    save_file({f"encoder.{key}": value for key, value in saved.state_dict().items()}, path)
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    load_weights(loaded, path, sha256=checksum)
    assert same(loaded, saved)
    with pytest.raises(InputError, match=f"{path.name} has the SHA-256 {checksum}"):
        load_weights(loaded, path, sha256="0" * 64)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match=r"weights.safetensors is no readable checkpoint"):
        load_weights(loaded, path)


@pytest.mark.skipif(not CHECKPOINT.exists(), reason=f"no {CHECKPOINT}")
def test_the_public_checkpoint_loads_as_it_is():
    loaded = network()
    load_weights(
        loaded, CHECKPOINT, "12fca82f0bebc4135bf1f32f6e3710e61d5108578464b84fd6d7f5c1b04036c8"
    )
    public = torch.load(CHECKPOINT, map_location="cpu", weights_only=True)["state_dict"]
    assert torch.equal(loaded.linear.bias, public["module.linear.bias"])


def test_a_new_head_is_left_alone(tmp_path):
    saved, loaded = network(1, classes=100), network(2)
    torch.save(saved.state_dict(), tmp_path / "weights.pth")
    head = loaded.linear.weight.detach().clone()
    images = torch.rand(2, 3, 32, 32)
    load_weights(loaded, tmp_path / "weights.pth", new_head=True, images=images)
    assert torch.equal(loaded.linear.weight, head)
    assert torch.equal(loaded.conv1.weight, saved.conv1.weight)


def state_with(**changes):
    state = network(1).state_dict()
    for key, value in changes.items():
        key = key.replace("__", ".")
        state.pop(key)
        if value is not None:
            state[key] = value
    return state


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (lambda: network(shape=(1, 8, 8)).state_dict(), r"conv1.weight is \(16, 1, 3, 3\), not"),
        (lambda: network(classes=100).state_dict(), r"2 of another shape \(linear.weight is"),
        (lambda: state_with(bn1__bias=None), r"ResNet: 1 missing \(bn1.bias\)"),
        (lambda: resnet(32).state_dict(), r"72 unexpected \(layer1.3.conv1.weight, .*, \.\.\.\)"),
        (lambda: state_with(bn1__bias=torch.full((16,), torch.nan)), "bn1.bias hold numbers that"),
        (lambda: {"epoch": 3}, r"no tensors \(epoch\)"),
        (lambda: [torch.ones(2)], "holds a list"),
        (lambda: {}, "holds a dict"),
    ],
)
def test_what_does_not_fit_is_explained_and_changes_nothing(tmp_path, state, message):
    path = tmp_path / "weights.pth"
    torch.save(state(), path)
    loaded = network(2)
    with pytest.raises(InputError, match=message) as raised:
        load_weights(loaded, path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert same(loaded, network(2))


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_code_in_a_checkpoint_is_never_run(tmp_path):
    mark = tmp_path / "ran"
    torch.save({"state_dict": Malicious(mark)}, tmp_path / "weights.pth")
    with pytest.raises(InputError, match="could run code"):
        load_weights(network(), tmp_path / "weights.pth")
    assert not mark.exists()


@pytest.mark.parametrize("content", [b"", b"hello", None, "half"])
def test_missing_and_damaged_files_are_named(tmp_path, content):
    path = tmp_path / "weights.pth"
    torch.save(network().state_dict(), path)
    whole = path.read_bytes()
    path.unlink()
    if content is not None:
        path.write_bytes(whole[: len(whole) // 2] if content == "half" else content)
    with pytest.raises(InputError, match=r"weights.pth") as raised:
        load_weights(network(), path)
    assert "\n" not in str(raised.value)


def test_a_key_into_safetensors_is_refused(tmp_path):
    save_file(network().state_dict(), tmp_path / "weights.safetensors")
    with pytest.raises(InputError, match=r"weights.key is ema, but .* holds one set: leave key"):
        load_weights(network(), tmp_path / "weights.safetensors", key="ema")
