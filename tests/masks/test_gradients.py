"""Gradients at the image: folding, the compiled convolutions, and networks that neither may take apart."""

import copy
import ctypes

import numpy as np
import pytest
import torch
from torch import fx, nn
from torch.nn import functional

from idbias.classifiers.networks.by_name import build
from idbias.config.schema import Masks
from idbias.masks import gradients
from idbias.masks.cpu_engine import convolutions, segments
from idbias.masks.cpu_engine.walk import Fused
from idbias.masks.gradients import folded
from idbias.masks.training import train_masks

pytest_plugins = ["mask_cases"]
pytestmark = pytest.mark.usefixtures("one_thread")


def test_folding_changes_no_logit(cifar):
    classifier, images, _ = cifar
    traced = folded(classifier, images[:1])
    assert not any(isinstance(m, nn.BatchNorm2d) for m in traced.modules() if m in used(traced))
    torch.testing.assert_close(traced(images[:4]), classifier(images[:4]), rtol=1e-4, atol=1e-4)


def used(traced):
    modules = dict(traced.named_modules())
    return {modules[n.target] for n in traced.graph.nodes if n.op == "call_module"}


class Untraceable(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Linear(3, 4)

    def forward(self, x):
        x = self.norm(self.conv(x))
        return self.head((x if x.sum() > 0 else -x).mean((2, 3)))


class Odd(nn.Module):
    """A convolution read twice, one called twice, one with groups, shortcuts, a constant added."""

    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Conv2d(1, 16, 5, padding=2), nn.BatchNorm2d(16)
        self.twice = nn.Conv2d(16, 16, 3, padding=1)
        self.grouped, self.after = nn.Conv2d(16, 32, 3, 2, 1, groups=2), nn.BatchNorm2d(32)
        self.shortcut, self.head = nn.Conv2d(16, 32, 1, 2), nn.Linear(32, 7)
        self.relu, self.offset = nn.ReLU(inplace=True), nn.Parameter(torch.rand(1, 16, 9, 11))

    def forward(self, x):
        raw = self.first(x)
        x = functional.relu(self.norm(raw) + raw)
        x = torch.relu(self.twice(x) + x)
        x = self.twice(x) + self.offset + 0.1
        x = self.relu(self.after(self.grouped(x)) + self.shortcut(x))
        return self.head(x.mean((2, 3)))


@pytest.mark.parametrize("network", [Untraceable, Odd])
def test_gradients_of_unusual_networks(network):
    torch.manual_seed(0)
    classifier = network()
    for module in classifier.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    classifier.eval().requires_grad_(False)
    images, classes = torch.rand(5, 1, 9, 11), torch.arange(5) % 4
    wanted = gradients.Autograd(copy.deepcopy(classifier).double())(images.double(), classes)
    gradient = gradients.input_gradient(classifier, images[:1])
    if network is Odd and convolutions.library():
        assert isinstance(gradient, Fused)
    for found, want in zip(gradient(images, classes), wanted, strict=True):
        torch.testing.assert_close(found.double(), want, rtol=1e-3, atol=1e-5)


needs_compiler = pytest.mark.skipif(convolutions.library() is None, reason="no C++ compiler")


@needs_compiler
@pytest.mark.parametrize(
    ("channels", "kernel", "stride", "padding", "size"),
    [
        ((16, 16), 3, 1, 1, (32, 32)), ((3, 16), 3, 1, 1, (8, 8)), ((32, 64), 3, 1, 1, (5, 13)),
        ((64, 48), 3, 1, 1, (7, 7)), ((16, 32), 3, 2, 1, (9, 8)), ((32, 64), 1, 2, 0, (8, 7)),
        ((3, 40), 7, 2, 3, (15, 18)), ((5, 20), 5, 1, 2, (9, 9)), ((17, 33), 3, 1, 0, (8, 9)),
        ((3, 8), (3, 5), 3, (0, 2), (11, 10)),
    ],
)  # fmt: skip
def test_convolutions_are_those_of_torch(channels, kernel, stride, padding, size):
    """With additions and ReLUs, there and back, however many images are at work at once."""

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.before = nn.Conv2d(2, channels[0], 1)
            self.one = nn.Conv2d(*channels, kernel, stride, padding)
            self.other = nn.Conv2d(*channels, kernel, stride, padding, bias=False)

        def forward(self, x):
            x = self.before(x).relu()
            return torch.relu(self.one(x) + self.other(x)).sum((2, 3))

    torch.manual_seed(0)
    network = Network().requires_grad_(False)
    images, classes = torch.randn(5, 2, *size), torch.arange(5) % channels[1]
    fused = Fused(fx.symbolic_trace(network), images[:1])
    assert len(fused.layers) == 3
    found = fused(images, classes)
    want = gradients.Autograd(copy.deepcopy(network).double())(images.double(), classes)
    assert_close(found, want)
    for segment in (stage for stage in fused.stages if isinstance(stage, segments.Segment)):
        segment.forward_program.chunk = 2
        for program, _ in segment.backward_programs.values():
            program.chunk = 2
    for once, again in zip(found, fused(images, classes), strict=True):
        assert torch.equal(once, again)


def assert_close(found, want):
    for have, right in zip(found, want, strict=True):
        largest = right.abs().max().item()
        torch.testing.assert_close(have.double(), right, rtol=1e-4, atol=1e-5 * largest)


@needs_compiler
@pytest.mark.parametrize("seed", range(5))
def test_what_is_fused_is_used_unless_it_is_wrong(seed, monkeypatch, capsys):
    """Not even a ReLU whose input rounds to another sign makes it unused."""
    torch.manual_seed(seed)
    network = build("resnet20", (3, 32, 32), 10).eval().requires_grad_(False)
    example = torch.rand(1, 3, 32, 32)
    assert isinstance(gradients.input_gradient(network, example), Fused)
    monkeypatch.setattr(convolutions, "POINTS", (0.0, 0.7, -0.7, 1.4, -1.4))
    assert isinstance(gradients.input_gradient(network, example), gradients.Autograd)
    assert "differs by" in capsys.readouterr().err


@needs_compiler
def test_fused_layers_keep_a_nan_in_its_image():
    torch.manual_seed(0)
    layers = (nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 3, 3, padding=1))
    network = nn.Sequential(*layers, nn.Flatten()).requires_grad_(False)
    images = torch.randn(2, 16, 6, 6)
    images[0, 3, 2, 2] = float("nan")
    entropy, gradient = Fused(fx.symbolic_trace(network), images[:1])(
        images, torch.zeros(2, dtype=torch.int64)
    )
    assert torch.isnan(entropy).tolist() == [True, False]
    assert torch.isfinite(gradient[1]).all()


@needs_compiler
def test_linear_layers_are_fused_too():
    torch.manual_seed(0)
    layers = (nn.Flatten(), nn.Linear(50, 21), nn.ReLU(), nn.Linear(21, 4, bias=False))
    network = nn.Sequential(*layers).requires_grad_(False)
    images, classes = torch.randn(9, 2, 5, 5), torch.arange(9) % 4
    fused = Fused(fx.symbolic_trace(network), images[:1])
    assert len(fused.layers) == 2
    want = gradients.Autograd(copy.deepcopy(network).double())(images.double(), classes)
    assert_close(fused(images, classes), want)


def test_the_engine_can_be_switched_off(digits):
    classifier, images, targets = digits
    example = torch.zeros(1, *images.shape[1:])
    frozen = classifier.eval().requires_grad_(False)
    assert isinstance(gradients.input_gradient(frozen, example, engine="torch"), gradients.Autograd)
    fused = isinstance(gradients.input_gradient(frozen, example), Fused)
    assert fused == (convolutions.library() is not None)
    few = images[:8], targets[:8], Masks(min_steps=20, max_steps=30)
    torch_s = train_masks(classifier, *few, engine="torch")
    np.testing.assert_allclose(torch_s.masks, train_masks(classifier, *few).masks, atol=1e-4)


def test_a_layout_that_is_not_the_compiled_one_is_refused(monkeypatch):
    kernels = convolutions.library()
    if kernels is None:
        pytest.skip("no compiler here")
    swapped = [*convolutions.Step._fields_[:-2], *convolutions.Step._fields_[:-3:-1]]
    other = type("Step", (ctypes.Structure,), {"_fields_": [*swapped, ("more", ctypes.c_int)]})
    monkeypatch.setattr(convolutions, "Step", other)
    with pytest.raises(RuntimeError, match="is laid out as"):
        convolutions._declared(kernels)
