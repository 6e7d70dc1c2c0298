"""Attacks as a user may write them, for the tests beside this file."""

import random

import foolbox
import numpy as np
import torch
from torch import nn

from idbias.attacks import brendel_bethge


class Classifier(nn.Module):
    """Class 1 of images whose mean is above a half, class 0 of the others."""

    def forward(self, x):
        above = x.flatten(1).mean(1) - 0.5
        return torch.stack([-above, above], dim=1)


class Noise:
    """Uniform noise, drawn as a library may draw it."""

    def __init__(self, epsilon=0.1, draw="rand"):
        self.epsilon, self.draw = epsilon, draw

    def __call__(self, classifier, images, labels):
        draws = {
            "rand": lambda: torch.rand(images.shape),
            "rand size": lambda: torch.rand(size=images.shape),
            "rand_like": lambda: torch.rand_like(images),
            "randn_like": lambda: torch.randn_like(images),
            "randint": lambda: torch.randint(0, 256, images.shape) / 255,
            "uniform_": lambda: torch.empty_like(images).uniform_(-1, 1),
            "normal_": lambda: torch.empty_like(images).normal_(0, 1),
            "numpy": lambda: torch.as_tensor(np.random.rand(*images.shape)),  # noqa: NPY002
            "python": lambda: random.random() * torch.ones_like(images),
            "one for all": lambda: torch.rand(()) * torch.ones_like(images),
            "bernoulli": lambda: torch.bernoulli(torch.full_like(images, 0.5)),
        }
        return (images + self.epsilon * draws[self.draw]()).clamp(0, 1).to(images)


def shift(classifier, images, labels, by=0.3):
    """Brighten or darken towards the other class."""
    return (images + by * (1 - 2 * labels).view(-1, 1, 1, 1)).clamp(0, 1)


class FoolboxShift(foolbox.attacks.base.MinimizationAttack):
    """foolbox's own kind of attack: brighten or darken, as far as asked."""

    distance = foolbox.distances.linf

    def __init__(self, by=0.3):
        self.by = by

    def run(self, model, inputs, criterion, *, early_stop=None, **kwargs):
        return type(inputs)(shift(None, inputs.raw, criterion.labels.raw, self.by))


def needs(classifier, images, labels, by):
    return images


def wrong_shape(classifier, images, labels):
    return images[:, 0]


def nothing(classifier, images, labels):
    return None


def not_finite(classifier, images, labels):
    return images / 0


def out_of_range(classifier, images, labels):
    return images + 1


class NotCallable:
    """Has no __call__."""


class Stalls(Classifier):
    """Never answers on the image whose first pixel is 0.25, and holds on to the interpreter."""

    def forward(self, x):
        if (x[:, 0, 0, 0] == 0.25).any():
            import ctypes

            # Like compiled code in a loop: no signal handler of Python's runs meanwhile.
            ctypes.PyDLL(None).sleep(1000)
        return super().forward(x)


class Projection:
    """A solver of the l2 trust region in few lines, which nothing has to compile."""

    def solve(self, original, current, normal, low, high, distance, radius):
        wanted = original - current
        step = wanted - normal * ((normal @ wanted - distance) / (normal @ normal))
        step *= min(1, radius / (np.linalg.norm(step) + 1e-12))
        return np.clip(current + step, low, high) - current


class Uncompiled(brendel_bethge.OneImage):
    """Brendel and Bethge's attack with that solver, to start at once."""

    def prepare(self):
        foolbox.attacks.L2BrendelBethgeAttack.instantiate_optimizer = lambda attack: Projection()
        return super().prepare()
