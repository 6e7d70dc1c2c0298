"""Attacks as users write them, right and wrong, for tests/test_user_attacks.py."""

import builtins

import foolbox
import torch
from torch import nn


class Classifier(nn.Module):
    """Class 1 of images whose mean is above a half, class 0 of the others; not finite above `broken`."""

    def __init__(self, broken=2.0):
        super().__init__()
        self.broken = broken

    def forward(self, x):
        above = x.flatten(1).mean(1) - 0.5
        above = torch.where(above + 0.5 > self.broken, above / 0, above)
        return torch.stack([-above, above], dim=1)


def moved(images, labels, by):
    return (images + by * (1 - 2 * labels).view(-1, 1, 1, 1)).clamp(0, 1)


class Fails:
    """Raises `error` on images whose first pixel is above a half."""

    def __init__(self, error="ValueError", message="no starting point", by=0.4):
        self.error, self.message, self.by = error, message, by

    def __call__(self, classifier, images, labels):
        if (images[:, 0, 0, 0] > 0.5).any():
            raise getattr(builtins, self.error)(self.message)
        return moved(images, labels, self.by)


def unchanged(classifier, images, labels):
    return images


def shift(classifier, images, labels, by=0.4, epsilon=None):
    return moved(images, labels, by)


def nan_on_bright(classifier, images, labels):
    bright = (images[:, 0, 0, 0] > 0.5).view(-1, 1, 1, 1)
    return torch.where(bright, torch.nan, moved(images, labels, 0.4))


def everything_above(classifier, images, labels):
    return torch.ones_like(images) - 0.01 * images


class OfFoolbox(foolbox.attacks.base.MinimizationAttack):
    """foolbox's own kind of attack, which returns what `returns` names where a pixel is above a half."""

    distance = foolbox.distances.linf

    def __init__(self, returns="nan"):
        self.returns = returns

    def run(self, model, inputs, criterion, *, early_stop=None, **kwargs):
        images, labels = inputs.raw, criterion.labels.raw
        bright = (images[:, 0, 0, 0] > 0.5).view(-1, 1, 1, 1)
        instead = {
            "nan": torch.full_like(images, torch.nan),
            "black": torch.zeros_like(images),
            "out of range": images + 7,
            "the image": images,
        }[self.returns]
        return type(inputs)(torch.where(bright, instead, moved(images, labels, 0.4)))


class GradientHead:
    """No l1 attack, whatever stands in its name."""

    def __call__(self, classifier, images, labels):
        return moved(images, labels, 0.4)


class OwnGenerator:
    """Draws from a generator that it keeps."""

    def __init__(self):
        self.rng = torch.Generator().manual_seed(0)

    def __call__(self, classifier, images, labels):
        noise = torch.rand(images.shape, generator=self.rng)
        return (images + 0.3 * noise).clamp(0, 1)


def left_training(classifier, images, labels):
    classifier.train()
    return moved(images, labels, 0.4)


def whole_numbers(classifier, images, labels):
    signs = torch.randint(low=0, high=2, size=images.shape, generator=None)
    return (images + 0.2 * signs).clamp(0, 1)
