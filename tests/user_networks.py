"""Networks as users write them, right and wrong, for tests/test_user_networks.py: 64 pixels to classes."""

import random
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn
from torch.nn import functional


class Linear(nn.Module):
    """The right one: one linear layer."""

    def __init__(self, classes=10, shape=(1, 8, 8)):
        super().__init__()
        self.layer = nn.Linear(shape[0] * shape[1] * shape[2], classes)

    def forward(self, x):
        return self.layer(x.flatten(1))


class Wrong(Linear):
    """What is wrong with its answer is named by `what`."""

    def __init__(self, what, classes=10):
        super().__init__(classes)
        self.what = what
        self.calls = 0

    def forward(self, x):
        logits = super().forward(x)
        self.calls += 1
        return {
            "tuple": lambda: (logits, x),
            "dict": lambda: {"logits": logits, "features": x},
            "object": lambda: SimpleNamespace(logits=logits),
            "nothing": lambda: None,
            "numpy": lambda: logits.detach().numpy(),
            "three axes": lambda: logits[:, :, None],
            "transposed": lambda: logits.T,
            "no classes": lambda: logits[:, :0],
            "squeezed": lambda: logits.squeeze(0),
            "not finite": lambda: logits / 0,
            "one not finite": lambda: logits.log(),
            "batch mean": lambda: logits - logits.mean(0),
            "batch norm": lambda: functional.batch_norm(logits, None, None, training=True),
            "softmax over images": lambda: logits.softmax(0),
            "dropout": lambda: functional.dropout(logits, 0.5),
            "rare dropout": lambda: functional.dropout(logits, 0.01),
            "python's chance": lambda: logits + random.random(),
            "remembers": lambda: logits + self.calls,
            "no_grad": lambda: logits.detach(),
            "threshold": lambda: super(Wrong, self).forward((x > 0.5).float()),
            "rounding": lambda: super(Wrong, self).forward(x.round()),
            "root": lambda: logits + (x - x).flatten(1).sum(1, keepdim=True).sqrt(),
            "half": lambda: logits.half(),
            "double": lambda: logits.double(),
            "raises": lambda: self.missing,
            "in place": lambda: super(Wrong, self).forward(x.sub_(0.5)),
        }[self.what]()


class Softmax(Linear):
    """Probabilities in place of logits."""

    def forward(self, x):
        return super().forward(x).softmax(1)


class LogSoftmax(Linear):
    """Right as it is: a logarithm of probabilities is as good as logits."""

    def forward(self, x):
        return super().forward(x).log_softmax(1)


class DropoutOff(Linear):
    """Right as it is: it draws random numbers that change nothing."""

    def forward(self, x):
        return super().forward(x) + 0 * torch.rand(())


class ManyImages(Linear):
    """Needs more images than one, as BatchNorm1d in training does."""

    def forward(self, x):
        if len(x) < 2:
            raise ValueError("Expected more than 1 value per channel")
        return super().forward(x)


class StaysInTraining(Linear):
    """Its eval() reaches no module."""

    def __init__(self, classes=10):
        super().__init__(classes)
        self.norm = nn.BatchNorm1d(64)

    def train(self, mode=True):
        return self


class OwnBatchNorm(Linear):
    """Statistics of the batch in eval mode too."""

    def __init__(self, classes=10):
        super().__init__(classes)
        self.norm = nn.BatchNorm2d(1, track_running_stats=False)

    def forward(self, x):
        return super().forward(self.norm(x))


def of_double(classes):
    return Linear(classes).double()


def of_half_inside(classes):
    network = Linear(classes)
    network.unused = nn.Parameter(torch.ones(3, dtype=torch.bfloat16))
    return network


def five_classes():
    return Linear(5)


def too_small():
    return nn.Sequential(nn.Conv2d(1, 4, 11), nn.Flatten(), nn.LazyLinear(10))


def three_channels():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.LazyLinear(10))


def lazy():
    """Right as it is: its layer learns its size from the first images."""
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(10))


def no_module():
    return lambda x: x.flatten(1)[:, :10]


def a_pair():
    return Linear(), "its preprocessing"


def a_bug():
    return nn.Linear("64", 10)


class TwoHeads(nn.Module):
    """The last linear layer that is called, `head`, is registered before `hidden`."""

    def __init__(self, classes=10):
        super().__init__()
        self.head = nn.Linear(32, classes)
        self.hidden = nn.Linear(64, 32)

    def forward(self, x):
        return self.head(self.hidden(x.flatten(1)).relu())


class Spectral(nn.Module):
    """A complex weight in the Fourier domain."""

    def __init__(self, classes=10):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(8, 5, dtype=torch.complex64))
        self.layer = nn.Linear(64, classes)

    def forward(self, x):
        return self.layer(torch.fft.irfft2(torch.fft.rfft2(x) * self.weight, s=(8, 8)).flatten(1))


class DrawnOnce(Linear):
    """Looks at pixels by a weight and in an order that are drawn once and are in no state_dict."""

    def __init__(self, classes):
        super().__init__(classes)
        self.weight, self.order = torch.randn(64), np.random.permutation(64)  # noqa: NPY002

    def forward(self, x):
        return super().forward((x.flatten(1) * self.weight)[:, self.order].view_as(x))


class Unknowable(Linear):
    """Answers by what no seed decides."""

    def __init__(self, classes):
        super().__init__(classes)
        self.weight = torch.from_numpy(np.random.default_rng().random(64, np.float32))

    def forward(self, x):
        return super().forward((x.flatten(1) * self.weight).view_as(x))


class Masked(Linear):
    """Keeps a mask of minus infinity, as attention does."""

    def __init__(self, classes):
        super().__init__(classes)
        self.register_buffer("mask", torch.full((3, 3), -torch.inf).triu(1))
