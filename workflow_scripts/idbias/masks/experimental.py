"""Arithmetic of less than float32 in mask training: experimental, so each job compares it with float32."""

import copy
import sys
from collections import deque

import torch

from idbias.masks import gpu
from idbias.masks.gradients import input_gradient
from idbias.masks.slots import Slots, Work

# dtype of idbias.config.schema.Masks -> how far the gradient of a mask may be from float32's, as a share of
# its norm. Rounding gives a twelfth and a quarter on ResNet-20 (docs/masks.md).
ROUNDING = {"tf32": 0.25, "bfloat16": 0.6}
STEPS, IMAGES = 3, 16


def gradient(classifier, example, settings, engine):
    """Return what gives masks their gradients, and the arithmetic it is for, both as asked or in float32.

    classifier, example, engine: as for idbias.masks.gradients.input_gradient; settings: schema.Masks. In
    tf32 and bfloat16 the first steps of some random images, the same in each job, are made both ways;
    where they differ beyond ROUNDING that is said on stderr, and the job goes on in float32.
    Returns (callable, a dtype of schema.Masks).
    """
    dtype = settings.dtype
    reduced = input_gradient(classifier, example, dtype == "bfloat16", engine)
    if dtype not in ROUNDING:
        return reduced, dtype
    if dtype == "tf32" and example.device.type == "cpu":  # which has no units for it
        return reduced, "float32"
    exact = reduced if dtype == "tf32" else input_gradient(classifier, example, False, engine)
    apart = difference(exact, reduced, classifier, example, settings)
    if apart <= ROUNDING[dtype]:
        return reduced, dtype
    print(
        f"masks.dtype {dtype} is experimental and changes the gradients of this classifier by {apart:.2g} of "
        f"their norm, {ROUNDING[dtype]:g} is allowed: this job goes on in float32.",
        file=sys.stderr,
    )
    return exact, "float32"


def difference(exact, reduced, classifier, example, settings):
    """Return how far the gradients of masks in the first steps are apart, the median over images and steps.

    exact, reduced: callables as idbias.masks.gradients.Autograd, the second run in settings.dtype. A share of
    the exact gradient's norm; the steps are those of `exact`.
    """
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(IMAGES, *example.shape[1:], generator=generator)
    with torch.no_grad():
        classes = classifier(images.to(example)).argmax(1).cpu()
    plain = Slots(
        Work(images, classes, settings, example.device, deque(range(IMAGES))), exact, IMAGES
    )
    plain.fill()
    other, apart = copy.copy(plain), []
    other.input_gradient = reduced
    for _ in range(STEPS):
        with gpu.arithmetic("float32"):
            loss, want = plain.gradients()
        with gpu.arithmetic(settings.dtype):
            _, have = other.gradients()
        shares = (have - want).flatten(1).norm(dim=1) / want.flatten(1).norm(dim=1)
        apart.append(shares.cpu())
        plain.update(want)
        plain.judge(loss)
    apart = torch.cat(apart)
    return float("inf") if apart.isnan().any() else float(apart.median())
