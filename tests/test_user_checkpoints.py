"""What users bring as a checkpoint: the right tensors, or one sentence."""

import gzip
import tarfile
import zipfile

import h5py
import numpy as np
import pytest
import torch
import user_networks
from safetensors.torch import save_file
from torch import nn

from idbias.classifiers import training
from idbias.classifiers.weights import load_weights
from idbias.errors import InputError

IMAGES = np.random.default_rng(0).random((7, 1, 8, 8), np.float32)


def saved(path, content):
    torch.save(content, path)
    return path


def tensors(seed=1, **options):
    torch.manual_seed(seed)
    return user_networks.TwoHeads(**options).state_dict()


def loaded(path, **options):
    torch.manual_seed(2)
    network = user_networks.TwoHeads()
    return network, load_weights(network, path, **options)


def prefixed(prefix, state):
    return {f"{prefix}{key}": value for key, value in state.items()}


RIGHT = {
    "as it is": lambda one, other: one,
    "DataParallel": lambda one, other: prefixed("module.", one),
    "compiled in DataParallel": lambda one, other: {"model": prefixed("module._orig_mod.", one)},
    "a prefix of its own": lambda one, other: {"state_dict": prefixed("backbone.", one)},
    "beside its optimiser": lambda one, other: {
        "net": one, "optimizer": {"state": {0: {"step": torch.ones(3)}}}, "optim_by_name": {"a": other},
    },
    "beside numbers": lambda one, other: {"weights": one, "scaler": {"scale": torch.tensor(2.0)}},
    "nested": lambda one, other: {"run": {"model": {"state_dict": one}}, "epoch": 3},
    "in halves": lambda one, other: {key: value.half() for key, value in one.items()},
}  # fmt: skip


@pytest.mark.parametrize("how", RIGHT)
def test_a_checkpoint_that_means_one_thing_is_loaded(how, tmp_path):
    path = saved(tmp_path / "w.pth", RIGHT[how](tensors(1), tensors(3)))
    network, _ = loaded(path)
    for key, value in tensors(1).items():
        torch.testing.assert_close(network.state_dict()[key], value, atol=1e-3, rtol=0)


def test_a_network_that_wraps_another_takes_the_inner_one_s_checkpoint(tmp_path):
    inner, outer = user_networks.Linear(), nn.Sequential(user_networks.Linear())
    load_weights(outer, saved(tmp_path / "w.pth", inner.state_dict()))
    assert torch.equal(outer[0].layer.weight, inner.layer.weight)
    load_weights(outer, saved(tmp_path / "w.pth", nn.Sequential(inner).state_dict()))
    assert torch.equal(outer[0].layer.weight, inner.layer.weight)


def test_several_sets_of_tensors_need_a_key(tmp_path):
    both = {"state_dict": tensors(1), "state_dict_ema": tensors(3), "best_acc": 94.5}
    path = saved(tmp_path / "w.pth", both)
    with pytest.raises(InputError, match="key: state_dict") as caught:
        loaded(path)
    assert "state_dict (4 tensors), state_dict_ema (4 tensors); say which by weights.key" in str(
        caught.value
    )
    network, accuracy = loaded(path, key="state_dict_ema")
    assert torch.equal(network.head.weight, tensors(3)["head.weight"])
    assert accuracy == 0.945
    with pytest.raises(InputError, match=r"weights.key is ema, but .* it has state_dict"):
        loaded(path, key="ema")


@pytest.mark.parametrize("average", ["ema", "shadow"])
def test_a_running_average_hides_nowhere(average, tmp_path):
    content = {"model": tensors(1), "ema": {"decay": 0.99, "shadow": tensors(3)}}
    if average == "shadow":
        content["ema"]["shadow"] = list(tensors(3).values())
    path = saved(tmp_path / "w.pth", content)
    with pytest.raises(InputError, match=r"2 sets of tensors: model \(4 tensors\), ema.shadow \(4"):
        loaded(path)
    network, _ = loaded(path, key="model")
    assert torch.equal(network.head.weight, tensors(1)["head.weight"])
    if average == "shadow":
        with pytest.raises(InputError, match="a list of tensors without names"):
            loaded(path, key="ema.shadow")


def without(key):
    return {name: value for name, value in tensors().items() if name != key}


def changed(change):
    return {name: change(value) for name, value in tensors().items()}


INFINITE = torch.full((10,), torch.inf)
WRONG_STATES = {
    "complex": (
        lambda: changed(lambda value: value.to(torch.complex64)),
        "4 of another kind of number (head.weight is complex64, not float32",
    ),
    "whole numbers": (
        lambda: changed(lambda value: (9 * value).to(torch.int8)),
        "head.weight is int8, not float32",
    ),
    "other classes": (
        lambda: tensors(classes=5),
        "2 of another shape (head.weight is (5, 32), not (10, 32)",
    ),
    "one missing": (lambda: without("head.bias"), "1 missing (head.bias)"),
    "other names": (
        lambda: {f"{name}x": value for name, value in tensors().items()},
        "4 missing (head.weight, head.bias, hidden.weight, ...), 4 unexpected",
    ),
    "nothing": (lambda: {"epoch": 3}, "things that are no tensors (epoch), and no state dict"),
    "an infinite number": (
        lambda: {**without("head.bias"), "head.bias": INFINITE},
        "head.bias hold numbers that are not finite",
    ),
}


@pytest.mark.parametrize("how", WRONG_STATES)
def test_tensors_that_do_not_fit_are_counted_and_named(how, tmp_path):
    make, said = WRONG_STATES[how]
    with pytest.raises(InputError) as caught:
        loaded(saved(tmp_path / "w.pth", make()))
    assert said in str(caught.value)
    assert str(tmp_path / "w.pth") in str(caught.value)
    assert "\n" not in str(caught.value)


def scripted(path):
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), path)


def in_numpy(write):
    def make(path):
        with path.open("wb") as file:
            write(file, np.ones(3))

    return make


def in_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights.pth", "x")


def in_tar(path):
    with tarfile.open(path, "w") as archive:
        archive.add(__file__, "x")


def holds(content):
    return lambda path: path.write_bytes(content)


OTHER_FILES = {
    "TorchScript": (scripted, "a TorchScript archive, a network with its code"),
    "a network": (
        lambda path: torch.save(nn.Linear(2, 2), path),
        "a whole network that was pickled",
    ),
    "npz": (in_numpy(np.savez), "a .npz archive of numpy"),
    "npy": (in_numpy(np.save), "an array of numpy"),
    "HDF5": (lambda path: h5py.File(path, "w").close(), "an HDF5 file"),
    "zip": (in_zip, "a zip archive of 1 files (weights.pth); unpack it first"),
    "tar": (in_tar, "a tar archive; unpack it first"),
    "gzip": (holds(gzip.compress(b"x")), "compressed by gzip"),
    "a web page": (holds(b"<!DOCTYPE html><html>"), "a web page"),
    "git LFS": (holds(b"version https://git-lfs.github.com/spec/v1"), "run `git lfs pull`"),
    "nothing": (holds(b""), "empty; get the file again"),
    "no file": (lambda path: None, "does not exist"),
    "a folder": (lambda path: path.mkdir(), "does not exist; give the path of an existing file"),
}


@pytest.mark.parametrize("how", OTHER_FILES)
@pytest.mark.filterwarnings("ignore")
def test_other_files_are_called_what_they_are(how, tmp_path):
    make, said = OTHER_FILES[how]
    path = tmp_path / "weights.pth"
    make(path)
    with pytest.raises(InputError) as caught:
        loaded(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_safetensors_are_known_by_their_content(tmp_path):
    save_file(tensors(), tmp_path / "weights.bin")
    network, _ = loaded(tmp_path / "weights.bin")
    assert torch.equal(network.head.weight, tensors()["head.weight"])
    network, _ = loaded(saved(tmp_path / "weights.safetensors", tensors(3)))
    assert torch.equal(network.head.weight, tensors(3)["head.weight"])


def test_a_new_head_is_the_last_layer_of_the_forward_pass(tmp_path):
    path = saved(tmp_path / "w.pth", tensors(classes=5))
    network, _ = loaded(path, new_head=True, images=torch.tensor(IMAGES))
    torch.manual_seed(2)
    assert torch.equal(network.head.weight, user_networks.TwoHeads().head.weight)
    assert torch.equal(network.hidden.weight, tensors(classes=5)["hidden.weight"])
    assert training.find_head(network, torch.tensor(IMAGES)) is network.head
    ends_in_relu = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 20), nn.Unflatten(1, (10, 2)), nn.MaxPool1d(2)
    )
    for other in (ends_in_relu, nn.Sequential(nn.Flatten())):
        with pytest.raises(InputError, match="whose last linear layer gives its"):
            training.find_head(other, torch.tensor(IMAGES))
