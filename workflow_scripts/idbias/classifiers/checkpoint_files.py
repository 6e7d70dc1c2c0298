"""What lies in a checkpoint's file: the sets of tensors in it, or what kind of file it is instead."""

import pickle
import zipfile
from numbers import Real

import torch
from safetensors.torch import load_file

from idbias.errors import InputError, first_few

# Of an optimiser's state nothing is a network's.
NOT_OF_NETWORKS = ("optim",)
# What training scripts call the accuracy of the checkpoint they save, as a share or in percent.
ACCURACIES = (
    "best_prec1", "best_prec", "prec1", "best_acc1", "best_acc", "acc1", "acc", "top1", "best_top1",
    "test_acc", "test_accuracy", "val_acc", "val_accuracy", "best_accuracy", "accuracy", "metric",
)  # fmt: skip
# The first bytes of files that users take for checkpoints -> what they are.
BEGINNINGS = {
    b"\x89HDF": "an HDF5 file (Keras's weights, or a classifier of idbias), and no checkpoint of torch",
    b"\x93NUMPY": "an array of numpy, and no checkpoint of torch",
    b"\x1f\x8b": "compressed by gzip; decompress it first",
    b"BZh": "compressed by bzip2; decompress it first",
    b"\xfd7zXZ": "compressed by xz; decompress it first",
    b"7z\xbc\xaf": "a 7z archive; unpack it first",
    b"version https://git-lfs": "a pointer of git LFS in place of the file; run `git lfs pull`",
    b"<!doctype": "a web page, what a server sends when it does not have a file; download it again",
    b"<html": "a web page, what a server sends when it does not have a file; download it again",
    b"<?xml": "an XML document, what a server sends when it does not have a file; download it again",
    b"\x08\x07\x12": "an ONNX model, and no checkpoint of torch",
    b"\x08\x08\x12": "an ONNX model, and no checkpoint of torch",
}
SAVE = "save `network.state_dict()` with torch.save or as .safetensors"


def read_checkpoint(path, key=None):
    """Return the tensors of a checkpoint, key -> tensor on the CPU, and its own accuracy, or None.

    path: a Path; what it is goes by its content, not by its name: safetensors, or what torch.save wrote.
    key: which of several sets of tensors, such as state_dict_ema; dots lead into nested dicts. Raises
    InputError, in one sentence, if it is another kind of file or damaged, holds no set of tensors, or several
    and no key, or not what `key` names.
    """
    if is_safetensors(path):
        if key is not None:
            raise InputError(
                f"config.yaml: weights.key is {key}, but {path} is of safetensors, which holds one set: "
                "leave key out."
            )
        try:
            return load_file(path), None
        except Exception as error:
            raise _unreadable(path, error) from None
    loaded = load(path)
    sets = dict(sets_of_tensors(loaded))
    if key is not None:
        if key not in sets:
            raise InputError(
                f"config.yaml: weights.key is {key}, but {path} has no set of tensors of that name; it has "
                f"{_listed(sets)}."
            )
        return with_names(path, sets[key]), accuracy_of(loaded)
    if len(sets) > 1:
        raise InputError(
            f"{path} holds {len(sets)} sets of tensors: {_listed(sets)}; say which by weights.key in "
            f"config.yaml, such as key: {next(iter(sets))}."
        )
    if not sets:
        raise InputError(f"{path} holds {_content(loaded)}, and no state dict of tensors; {SAVE}.")
    return with_names(path, next(iter(sets.values()))), accuracy_of(loaded)


def load(path):
    """Return what torch.save wrote to `path`; no code in it is run. Raises InputError."""
    other = kind_of(path)
    if other:
        raise InputError(f"{path} is {other}.")
    try:
        with path.open("rb") as file:  # by its name alone torch would take it for safetensors
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise InputError(
            f"{path} holds more than tensors, as a whole network that was pickled does, or is "
            f"damaged; anything else in such a file could run code, so it is not opened: {SAVE}."
        ) from None
    except Exception as error:  # a damaged file makes the readers raise anything
        raise _unreadable(path, error) from None


def kind_of(path):
    """Return what a file is that torch.save did not write, as the end of a sentence; "" if it may have."""
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}): weights need a checkpoint there; give its path, or "
            "permission to read it."
        ) from None
    if not head:
        return "empty; get the file again"
    for beginning, kind in BEGINNINGS.items():
        if head[: len(beginning)].lower() == beginning.lower():
            return kind
    if head[257:262] == b"ustar":
        return "a tar archive; unpack it first"
    if not zipfile.is_zipfile(path):
        return ""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    inner = {name.split("/", 1)[-1] for name in names}
    if "constants.pkl" in inner:
        return (
            "a TorchScript archive, a network with its code; load it in a function of your own by "
            f"torch.jit.load, as network: MODULE:FUNCTION, or {SAVE}"
        )
    if "data.pkl" in inner:
        return ""
    if any(name.endswith(".npy") for name in names):
        return f"a .npz archive of numpy; {SAVE}"
    if "metadata.json" in inner and "config.json" in inner:
        return f"a Keras archive, and no checkpoint of torch; {SAVE}"
    return f"a zip archive of {len(names)} files ({first_few(names)}); unpack it first"


def is_safetensors(path):
    """Return whether a file begins as safetensors do: the length of a header in JSON, and the header."""
    try:
        with path.open("rb") as file:
            head = file.read(9)
    except OSError:
        return False  # `kind_of` will say why
    length = int.from_bytes(head[:8], "little")
    return head[8:] == b"{" and length < 2**32


def sets_of_tensors(loaded, name=""):
    """Yield (name, tensors) of each dict, or list, in `loaded` that holds nothing else, but an optimiser's.

    Names of nested ones are joined by dots; the outermost is called "". Numbers alone are no such set.
    """
    values = list(loaded.values()) if isinstance(loaded, dict) else loaded
    if not isinstance(values, (list, tuple)) or not values:
        return
    if all(isinstance(value, torch.Tensor) for value in values):
        if any(value.ndim for value in values):
            yield name, loaded
        return
    if not isinstance(loaded, dict) or not all(isinstance(key, str) for key in loaded):
        return
    for key, value in loaded.items():
        if not any(word in key.lower() for word in NOT_OF_NETWORKS):
            yield from sets_of_tensors(value, f"{name}.{key}" if name else key)


def with_names(path, tensors):
    """Return `tensors` if it is a dict with names. Raises InputError if not."""
    if not isinstance(tensors, dict) or not all(isinstance(name, str) for name in tensors):
        raise InputError(
            f"{path} holds a {type(tensors).__name__} of tensors without names; {SAVE}."
        )
    return dict(tensors)


def accuracy_of(loaded):
    """Return the accuracy that a checkpoint says it has, as a share, or None."""
    for key in ACCURACIES:
        value = loaded.get(key) if isinstance(loaded, dict) else None
        if isinstance(value, torch.Tensor) and value.numel() == 1:
            value = value.item()
        if isinstance(value, Real) and not isinstance(value, bool) and 0 < value <= 100:
            return float(value / 100 if value > 1 else value)
    return None


def _unreadable(path, error):
    return InputError(
        f"{path} is no readable checkpoint ({type(error).__name__}); get the file again, "
        "as .safetensors or as torch.save writes it."
    )


def _content(loaded):
    if not isinstance(loaded, dict):
        return f"a {type(loaded).__name__}"
    others = [k for k, value in loaded.items() if not isinstance(value, torch.Tensor)]
    return (
        f"a dict with things that are no tensors ({first_few(others)})"
        if others
        else "a dict that is empty"
    )


def _listed(sets):
    return ", ".join(f"{name} ({len(tensors)} tensors)" for name, tensors in sets.items()) or "none"
