"""Loading a network's weights from a checkpoint of the user's or of the network's authors."""

import pickle
from pathlib import Path

import torch
from safetensors.torch import load_file

from idbias.classifiers.training import find_head
from idbias.datasets.downloads import check_sha256
from idbias.errors import InputError

NESTS = ("state_dict", "model_state_dict", "model", "network", "net", "weights")
PREFIXES = ("module.", "_orig_mod.", "model.", "network.")
NAMED = 3  # how many keys a message names


def load_weights(network, path, sha256=None, prefixes=PREFIXES, new_head=False):
    """Load the weights in `path` into `network` (unwrapped from its normalisation), in place.

    path: a .safetensors file, or one that torch.save wrote; no code in it is ever run. The tensors
        may be nested under one of NESTS.
    sha256: the file's checksum, checked before it is opened.
    prefixes: taken off the keys, in any order, where all keys carry them.
    new_head: leave the last linear layer as it is, for fine-tuning to other classes (A.1).
    Raises InputError, in one sentence, if the file is missing, damaged, of another checksum, holds
    more than tensors or numbers that are not finite, or does not fit the network.
    """
    path = Path(path)
    check_sha256(path, sha256)
    state = without_prefixes(read_state(path), prefixes)
    expected = network.state_dict()
    # Counters of batch norm that older checkpoints lack and that no answer depends on.
    optional = {key for key in expected if key.endswith("num_batches_tracked")}
    if new_head:
        head = head_keys(network)
        state = {key: value for key, value in state.items() if key not in head}
        optional |= head
    fault = mismatch(state, expected, optional)
    if fault:
        raise InputError(
            f"{path} does not fit {type(network).__name__}: {fault}; "
            "choose the network it was saved from, or give its number of classes and image size."
        )
    not_finite = [
        key for key, value in state.items()
        if value.is_floating_point() and not value.isfinite().all()
    ]  # fmt: skip
    if not_finite:
        raise InputError(
            f"{path}: {named(not_finite)} hold numbers that are not finite; get another checkpoint."
        )
    network.load_state_dict(state, strict=False)


def read_state(path):
    """Return the tensors of a checkpoint, key -> tensor on the CPU."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise InputError(
            f"{path} is no checkpoint of tensors alone, or is damaged; anything else in such a file "
            "could run code, so it is not opened: save `network.state_dict()` as .safetensors."
        ) from None
    except Exception as error:  # a damaged file makes the readers raise anything
        raise InputError(
            f"{path} is no readable checkpoint ({type(error).__name__}); get the file again, "
            "as .safetensors or as torch.save writes it."
        ) from None
    while isinstance(loaded, dict):
        nested = [loaded[key] for key in NESTS if isinstance(loaded.get(key), dict)]
        if not nested:
            break
        loaded = nested[0]
    if not isinstance(loaded, dict) or not loaded:
        raise InputError(f"{path} holds a {type(loaded).__name__}, not a state dict of tensors.")
    others = [key for key, value in loaded.items() if not isinstance(value, torch.Tensor)]
    if others:
        raise InputError(
            f"{path} holds things that are no tensors ({named(others)}); a state dict is looked for "
            f"at its top and under {', '.join(NESTS)}."
        )
    return loaded


def without_prefixes(state, prefixes):
    """Return `state` without those `prefixes` that every key carries."""
    while True:
        shared = [p for p in prefixes if p and all(key.startswith(p) for key in state)]
        if not shared:
            return state
        state = {key.removeprefix(shared[0]): value for key, value in state.items()}


def head_keys(network):
    """Return the keys of the last linear layer's tensors."""
    head = find_head(network)
    name = next(name for name, module in network.named_modules() if module is head)
    return {f"{name}.{key}".lstrip(".") for key in head.state_dict()}


def mismatch(state, expected, optional):
    """Return what in `state` does not fit `expected` (key -> tensor), as a phrase, or ""."""
    missing = [key for key in expected if key not in state and key not in optional]
    unexpected = [key for key in state if key not in expected]
    shapes = [
        f"{key} is {tuple(value.shape)}, not {tuple(expected[key].shape)}"
        for key, value in state.items()
        if key in expected and value.shape != expected[key].shape
    ]
    faults = [("missing", missing), ("unexpected", unexpected), ("of another shape", shapes)]
    return ", ".join(f"{len(keys)} {what} ({named(keys)})" for what, keys in faults if keys)


def named(keys):
    """Return the first few of `keys` as text."""
    return ", ".join(map(str, keys[:NAMED])) + (", ..." if len(keys) > NAMED else "")
