"""What an attack returned, or how it failed: checked, and said in a sentence."""

import sys
import traceback

import torch

from idbias.attacks.perturbations import ROUNDING
from idbias.errors import InputError, said
from idbias.machine import out_of_memory

# Faults of the attack itself, or of how it is called: no other image would fare better.
FAULTS = (TypeError, AttributeError, NameError, ImportError, NotImplementedError)


def checked(attacked, images, name, forgiving=False):
    """Return what the attack `name` made of `images` (N, C, H, W), float32 in [0, 1]; and where it failed.

    forgiving: images that are not finite, or blank where an image was not, are failures, bool (N,), and
    come back as they were. Raises InputError if what it returned is no tensor of that shape, or has values
    not in [0, 1]; not finite, unless `forgiving`.
    """
    if not isinstance(attacked, torch.Tensor) or attacked.shape != images.shape:
        shape = getattr(attacked, "shape", None)
        kind = f"a {type(attacked).__name__}" + (
            "" if shape is None else f" of shape {tuple(shape)}"
        )
        raise InputError(
            f"attacks: {name} returned {kind}; it must return a tensor of attacked images of the "
            f"shape of the images it was given, {tuple(images.shape)}."
        )
    attacked = attacked.detach().to(images)
    failed = ~attacked.flatten(1).isfinite().all(dim=1)
    if failed.any() and not forgiving:
        raise InputError(
            f"attacks: {name} returned images that are not finite; where it fails on an image it "
            "must return that image as it was."
        )
    attacked = torch.where(failed.view(-1, 1, 1, 1), images, attacked)
    low, high = attacked.min().item(), attacked.max().item()
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise InputError(
            f"attacks: {name} returned pixels from {low:.4g} to {high:.4g}; they must lie in [0, 1]: "
            "end it with .clamp(0, 1)."
        )
    return attacked.clamp(0, 1), failed


def failure(error, name, label, batch_size):
    """Return the InputError that says, in a sentence, how the attack `name` failed on a batch.

    label: attack and shard; batch_size: images in the batch. Its traceback goes to standard error.
    """
    traceback.print_exc(file=sys.stderr)
    where = f"attacks: {name} failed{f' on {label}' if label else ''} ({said(error)})"
    if out_of_memory(error):
        return InputError(f"{where}; lower execution.attack_batch, now {batch_size}.")
    if is_fault(error):
        return InputError(
            f"{where}; fix the attack or its arguments: it is called only with images whose class is known, "
            "without targets."
        )
    if batch_size == 1:
        return InputError(f"{where}; change its arguments.")
    return InputError(
        f"{where}; change its arguments, or set one_at_a_time: true beside it, so that only images on which "
        "it fails count as not succeeded."
    )


def is_fault(error):
    """Return whether an exception says that the attack cannot work on any image, or not on this machine."""
    told = any(words in str(error) for words in ("criterion", "does not require grad"))
    return isinstance(error, FAULTS) or out_of_memory(error) or told


def tell_failures(failed, label):
    """Print to standard error on how many images (bool (N,)) an attack failed."""
    if failed.any():
        print(
            f"{label}: the attack failed on {failed.sum()} of {len(failed)} images; they come back as they "
            "were and count as not succeeded.",
            file=sys.stderr,
        )
