"""Networks that are no plain convolutions keep what they compute when they are copied, converted, folded."""

import copy

import pytest
import torch
from mask_cases import same
from torch import nn
from torch.nn import utils
from torch.nn.utils import parametrizations, prune

from idbias.class_maps.training import train_class_map
from idbias.classifiers.conversion import channels_last, copied
from idbias.config.schema import ClassMaps, Masks
from idbias.masks.gradients import Autograd, folded, input_gradient
from idbias.masks.training import train_masks

pytest_plugins = ["mask_cases"]
pytestmark = pytest.mark.usefixtures("one_thread")
SETTINGS = Masks(min_steps=40, max_steps=40, learning_rate=0.05)


class Complex(nn.Module):
    """|W x| by a complex weight and a complex buffer."""

    def __init__(self, real, imaginary):
        super().__init__()
        self.weight = nn.Parameter(torch.complex(real, imaginary))
        self.register_buffer("turn", torch.tensor(0.6 + 0.8j))

    def forward(self, x):
        return (x.flatten(1).to(self.weight.dtype) @ self.weight * self.turn).abs()


class Pairs(nn.Module):
    """The same network in pairs of real numbers."""

    def __init__(self, real, imaginary):
        super().__init__()
        self.real, self.imaginary = nn.Parameter(real), nn.Parameter(imaginary)

    def forward(self, x):
        a, b = x.flatten(1) @ self.real, x.flatten(1) @ self.imaginary
        return torch.hypot(a * 0.6 - b * 0.8, a * 0.8 + b * 0.6)


@pytest.fixture
def case():
    torch.manual_seed(0)
    return torch.rand(20, 1, 6, 6), torch.randn(2, 36, 4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("engine", ["auto", "torch", "reference"])
def test_complex_parameters_are_those_pairs_of_reals(dtype, engine, case):
    images, weights = case
    twins = [network(*weights).eval() for network in (Complex, Pairs)]
    targets = twins[1](images).argmax(1)
    settings = SETTINGS.model_copy(update={"dtype": dtype})
    found, wanted = (train_masks(twin, images, targets, settings, engine=engine) for twin in twins)
    tolerance = 1e-6 if dtype == "float64" else 1e-3
    assert abs(found.masks - wanted.masks).max() < tolerance
    assert wanted.masks.std() > 0.1
    assert twins[0].weight.dtype == torch.complex64


def test_a_class_map_keeps_complex_parameters(case):
    images, weights = case
    twins = [network(*weights).eval() for network in (Complex, Pairs)]
    sets = [(images, twins[1](images).argmax(1))]
    settings = ClassMaps(min_steps=20, max_steps=20)
    found, wanted = (train_class_map(twin, sets, settings)["mask"] for twin in twins)
    assert abs(found - wanted).max() < 1e-3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_precision_is_mapped_and_integers_stay(dtype, case):
    network = Complex(*case[1])
    network.register_buffer("order", torch.arange(3))
    network.register_buffer("low", torch.ones(2, dtype=torch.float16))
    there = copied(network, dtype=dtype)
    assert there.weight.dtype == there.turn.dtype == dtype.to_complex()
    assert there.low.dtype == dtype
    assert there.order.dtype == torch.int64
    back = copied(there, dtype=torch.float32)
    assert torch.equal(back.weight, network.weight)


class FourAxes(nn.Module):
    """A parameter of four axes that is no convolution's, and whose layout its forward relies on."""

    def __init__(self):
        super().__init__()
        self.table, self.conv = nn.Parameter(torch.randn(4, 2, 3, 6)), nn.Conv2d(1, 8, 3)

    def forward(self, x):
        return x.flatten(1) @ self.table.view(4, 36).T + self.conv(x).mean((1, 2, 3))[:, None]


def test_four_axes_do_not_make_a_parameter_images(case):
    network = FourAxes().eval()
    images, targets = case[0], network(case[0]).argmax(1)
    converted = channels_last(copied(network))
    assert converted.conv.weight.is_contiguous(memory_format=torch.channels_last)
    assert converted.table.is_contiguous()
    torch.testing.assert_close(converted(images), network(images))
    plain, auto = (
        train_masks(network, images, targets, SETTINGS, engine=e) for e in ("reference", "auto")
    )
    assert abs(plain.masks - auto.masks).max() < 1e-3


def normed(make):
    """conv -> batch norm -> ReLU -> linear, whose weights `make` makes anew in each forward pass."""
    torch.manual_seed(1)
    network = nn.Sequential(
        make(nn.Conv2d(1, 16, 3, padding=1)), nn.BatchNorm2d(16), nn.ReLU(),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), make(nn.Linear(64, 4)),
    )  # fmt: skip
    network[1].running_mean.normal_()
    network[1].running_var.uniform_(0.5, 2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1.5)  # what it is normed to no longer is what it was made with
    return network.eval()


def hooked(layer):
    layer.register_forward_hook(lambda layer, given, out: out * 1.7)
    return layer


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "make",
    [
        utils.weight_norm, parametrizations.weight_norm, utils.spectral_norm,
        parametrizations.spectral_norm, parametrizations.orthogonal, hooked,
        lambda layer: prune.l1_unstructured(layer, "weight", 0.3),
    ],
    ids=["old weight_norm", "weight_norm", "old spectral_norm", "spectral_norm", "orthogonal", "hook", "pruned"],
)  # fmt: skip
def test_weights_that_are_made_anew_are_those_of_the_network(make, case):
    """Graphs of gradients hang on some of them: none is copied by plain deepcopy after a forward pass."""
    network, images = normed(make), case[0]
    logits = network(images)
    torch.testing.assert_close(copied(network)(images), logits)
    torch.testing.assert_close(folded(network, images[:1])(images), logits)
    classes = logits.argmax(1)
    wanted = Autograd(copied(network))(images, classes)
    for found in (input_gradient(copied(network), images[:1], engine=e) for e in ("auto", "torch")):
        for have, want in zip(found(images, classes), wanted, strict=True):
            torch.testing.assert_close(have, want, rtol=1e-3, atol=1e-5)
    double = copied(network, dtype=torch.float64)
    torch.testing.assert_close(double(images.double()).float(), logits, rtol=1e-4, atol=1e-5)
    few = images[:4], classes[:4], Masks(min_steps=3, max_steps=3)
    before = copy.deepcopy(network.state_dict())
    assert same(
        train_masks(network, *few, engine="torch"), train_masks(network, *few, engine="torch")
    )
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


class Casting(nn.Module):
    """Its forward pass asks the weights for their type: a trace of a double copy would keep that."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(36, 4)

    def forward(self, x):
        return self.head(x.flatten(1).to(self.head.weight.dtype))


def test_what_a_trace_would_fix_is_not_traced(case):
    network = Casting().eval().requires_grad_(False)
    images, classes = case[0], network(case[0]).argmax(1)
    wanted = Autograd(network)(images, classes)
    found = input_gradient(network, images[:1])(images, classes)
    for have, want in zip(found, wanted, strict=True):
        torch.testing.assert_close(have, want)


class Rounding(Casting):
    """Answers in float32 whatever it is given."""

    def forward(self, x):
        return self.head(x.flatten(1).to(self.head.weight)).float()


def test_a_network_that_leaves_double_precision_is_refused(case):
    settings = SETTINGS.model_copy(update={"dtype": "float64"})
    with pytest.raises(ValueError, match=r"float32 where masks.dtype asks for torch.float64"):
        train_masks(Rounding().eval(), case[0], torch.zeros(20, dtype=torch.int64), settings)
