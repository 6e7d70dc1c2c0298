"""Loading a network's weights from a checkpoint of the user's or of the network's authors."""

from pathlib import Path

from idbias.classifiers.checkpoint_files import read_checkpoint
from idbias.classifiers.head import find_head
from idbias.datasets.downloads import check_sha256
from idbias.errors import InputError, first_few


def load_weights(
    network, path, sha256=None, new_head=False, *, key=None, images=None
):  # fmt: skip
    """Load the weights in `path` into `network` (unwrapped from its normalisation), in place.

    path: a safetensors file, or one that torch.save wrote; no code in it is ever run.
    sha256: the file's checksum, checked before it is opened.
    new_head: leave the last linear layer of the forward pass as it is, for fine-tuning to other classes
        (A.1); images, float32 (N, C, H, W) on the network's device, are needed to find it.
    key: which of several sets of tensors in the file, as idbias.classifiers.checkpoint_files names them.
    Returns the accuracy, a share, that the checkpoint says it has, or None. Raises InputError, in one
    sentence, if the file is missing, damaged, of another kind or checksum, holds several sets and no key is
    given, numbers that are not finite, or does not fit the network.
    """
    path = Path(path)
    check_sha256(path, sha256)
    state, accuracy = read_checkpoint(path, key)
    expected = network.state_dict()
    state = renamed(state, expected)
    # Counters of batch norm that older checkpoints lack and that no answer depends on.
    optional = {name for name in expected if name.endswith("num_batches_tracked")}
    if new_head:
        head = head_keys(network, images)
        state = {name: value for name, value in state.items() if name not in head}
        optional |= head
    fault = mismatch(state, expected, optional)
    if fault:
        raise InputError(
            f"{path} does not fit {type(network).__name__}: {fault}; "
            "choose the network it was saved from, or give its number of classes and image size."
        )
    not_finite = [
        name for name, value in state.items()
        if (value.is_floating_point() or value.is_complex()) and not value.isfinite().all()
    ]  # fmt: skip
    if not_finite:
        raise InputError(
            f"{path}: {first_few(not_finite)} hold numbers that are not finite; get another checkpoint."
        )
    network.load_state_dict(state, strict=False)
    return accuracy


def renamed(state, expected):
    """Return `state` under the names of `expected` (key -> tensor), as far as a prefix makes the difference.

    Tried in turn: as it is; without the first part, followed by a dot, that all keys share, as often as there is
    one; and with the prefix of all that is expected. The first that has all keys counts, else that with the most.
    """
    tried = [state]
    while True:
        keys = list(tried[-1])
        parts = {key.split(".", 1)[0] for key in keys}
        if len(parts) != 1 or not all("." in key for key in keys):
            break
        tried.append({key.split(".", 1)[1]: value for key, value in tried[-1].items()})
    tops = {key.split(".", 1)[0] for key in expected}
    if len(tops) == 1:
        tried += [
            {f"{next(iter(tops))}.{k}": value for k, value in candidate.items()}
            for candidate in list(tried)
        ]
    return max(tried, key=lambda candidate: len(expected.keys() & candidate.keys()))


def head_keys(network, images):
    """Return the keys of the tensors of the last linear layer of the forward pass on `images`."""
    head = find_head(network, images)
    name = next(name for name, module in network.named_modules() if module is head)
    return {f"{name}.{key}".lstrip(".") for key in head.state_dict()}


def mismatch(state, expected, optional):
    """Return what in `state` does not fit `expected` (key -> tensor), as a phrase with counts, or ""."""
    missing = [key for key in expected if key not in state and key not in optional]
    unexpected = [key for key in state if key not in expected]
    shapes = [
        f"{key} is {tuple(value.shape)}, not {tuple(expected[key].shape)}"
        for key, value in state.items()
        if key in expected and value.shape != expected[key].shape
    ]
    kinds = [
        f"{key} is {value.dtype}, not {expected[key].dtype}".replace("torch.", "")
        for key, value in state.items()
        if key in expected and key not in optional and kind(value) != kind(expected[key])
    ]
    faults = [
        ("missing", missing), ("unexpected", unexpected), ("of another shape", shapes),
        ("of another kind of number", kinds),
    ]  # fmt: skip
    return ", ".join(f"{len(keys)} {what} ({first_few(keys)})" for what, keys in faults if keys)


def kind(tensor):
    """Return whether a tensor is of complex, real or whole numbers: none becomes another without loss."""
    if tensor.is_complex():
        return "complex"
    return "real" if tensor.is_floating_point() else "whole"
