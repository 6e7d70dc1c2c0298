"""End-to-end weights against the Jacobian, and paper 2's inequalities where they are tight."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

from idbias.classifiers.models import Normalised
from idbias.classifiers.networks.zoo import ARCHITECTURES, zoo
from idbias.errors import InputError
from idbias.spectra import linear_models as e2e

CONVOLUTIONS = ("local_convolution", "full_convolution")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 7, 10)])
def test_beta_is_the_jacobian(architecture, layers, shape):
    torch.manual_seed(0)
    network = zoo(architecture, layers, "linear", shape, classes=4, width=5)
    classifier = Normalised(network, shape[0], [0.3] * shape[0], [0.1, 0.2, 0.4][: shape[0]])
    beta = e2e.end_to_end(classifier, shape)
    jacobian = e2e.jacobian(classifier, shape)
    np.testing.assert_allclose(beta, jacobian, atol=1e-12 * np.abs(jacobian).max())
    # and it is what the float32 model computes
    images = torch.rand(6, *shape)
    moved = (classifier(images) - classifier(torch.zeros_like(images))).detach().numpy()
    expected = np.einsum("kchw,nchw->nk", beta, images.numpy())
    np.testing.assert_allclose(moved, expected, atol=1e-5 * np.abs(expected).max())


@pytest.fixture(scope="module", params=[(a, n) for a in CONVOLUTIONS for n in (1, 3)])
def trained(request):
    """A linear convolutional model of 8 channels after 30 steps on digits, not at random weights."""
    torch.manual_seed(0)
    images, labels = load_digits(return_X_y=True)
    images = torch.as_tensor(images, dtype=torch.float32).reshape(-1, 1, 8, 8)[:200] / 16
    labels = torch.as_tensor(labels)[:200]
    network = zoo(*request.param, "linear", (1, 8, 8), classes=10, width=8)
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    for _ in range(30):
        optimizer.zero_grad()
        F.cross_entropy(network(images), labels).backward()
        optimizer.step()
    assert (network(images).argmax(1) == labels).float().mean() > 0.85
    return network


def test_both_inequalities_hold_in_trained_models(trained):
    rows = e2e.inequalities(trained, (1, 8, 8), radii=(0, 1, 2, 3), count=200)
    layers = len(e2e.kernels(trained, (1, 8, 8)))
    assert len(rows) == 4 * (layers + 2)
    assert all(row["holds"] and row["held"] == 1 for row in rows)
    for row in rows:
        if row["inequality"] == "product":
            bound = row["misalignment"] * row["product"]
            assert row["beta"] <= bound * (1 + 1e-9)
            assert row["stated_holds"] == (row["beta"] <= row["product"] * (1 + 1e-9))


def test_layers_multiply_to_beta(trained):
    transforms = e2e.layer_transforms(trained, (1, 8, 8))
    product = transforms[0]
    for transform in transforms[1:]:
        product = np.einsum("oihw,ijhw->ojhw", transform, product)
    expected = np.fft.fft2(e2e.end_to_end(trained, (1, 8, 8)))
    np.testing.assert_allclose(product, expected, atol=1e-12 * np.abs(expected).max())


def test_a_local_kernel_meets_the_uncertainty_principle_a_full_one_need_not():
    size = (8, 8)
    network = zoo("local_convolution", 1, "linear", (1, *size), classes=2, width=4)
    space, frequency = e2e.square(size, 1), e2e.square(size, 1)
    found = e2e.uncertainty(e2e.kernels(network, (1, *size))[0], space, frequency)
    assert found["outside_space"] == 0
    assert found["outside_frequency"] >= found["constant"] > 0.4
    constant = np.ones((1, 1, *size))
    assert e2e.uncertainty(constant, space, frequency)["outside_frequency"] < 1e-12


@pytest.mark.parametrize(
    ("size", "a", "k"), [((8, 8), 1, 1), ((9, 7), 1, 2), ((32, 32), 1, 8), ((1, 16), 2, 3)]
)
def test_the_uncertainty_constant_is_reached_and_never_passed(size, a, k):
    space, frequency = e2e.square(size, a), e2e.square(size, k)
    constant, tight = e2e.uncertainty_constant(space, frequency)
    assert 0 < constant < 1
    # Tight: any other norm, or scaling of the DFT, would miss this equality.
    assert np.linalg.norm(tight[~space]) == 0
    outside = np.linalg.norm(np.fft.fft2(tight, norm="ortho")[~frequency])
    np.testing.assert_allclose(outside, constant * np.linalg.norm(tight), rtol=1e-10)
    found = e2e.uncertainty(tight, space, frequency)
    total = found["outside_space"] + found["outside_frequency"]
    np.testing.assert_allclose(total, found["constant"], rtol=1e-10)
    # Near the tight one the sum is smallest: walk around it.
    random = np.random.default_rng(0)
    for scale in (1e-3, 1e-2, 0.1, 1, 10):
        for _ in range(50):
            noise = random.normal(size=(2, *size))
            assert e2e.uncertainty(
                tight + scale * (noise[0] + 1j * noise[1]) * np.abs(tight).max(),
                space, frequency, constant,
            )["holds"]  # fmt: skip


def test_the_constant_is_no_worse_than_ghobber_and_jamings():
    # Their theorem: ||w|| <= (1 + 1 / (1 - sqrt(|S||Omega| / d))) * sum, where |S||Omega| < d.
    size = (32, 32)
    for a, k in ((0, 0), (0, 5), (1, 1), (1, 4), (2, 2)):
        space, frequency = e2e.square(size, a), e2e.square(size, k)
        share = space.sum() * frequency.sum() / 1024
        assert share < 1
        theirs = 1 / (1 + 1 / (1 - np.sqrt(share)))
        assert e2e.uncertainty_constant(space, frequency)[0] >= theirs


def test_the_constant_of_one_pixel_and_of_all():
    size = (6, 6)
    pixel, everything = e2e.square(size, 0), e2e.square(size, 3)
    low = e2e.square(size, 1)
    # A single pixel spreads evenly over all frequencies: sqrt(1 - |Omega| / D).
    np.testing.assert_allclose(e2e.uncertainty_constant(pixel, low)[0], np.sqrt(1 - 9 / 36))
    assert e2e.uncertainty_constant(everything, low) == (0.0, None)
    assert e2e.uncertainty_constant(~everything, low) == (1.0, None)


def waves(size, *frequencies):
    """Return the DFT (1, 1, H, W) of a mean of 1 plus a wave of amplitude 1 at each frequency."""
    y, x = np.mgrid[: size[0], : size[1]]
    image = np.ones(size)
    for fy, fx in frequencies:
        image += np.cos(2 * np.pi * (fy * y / size[0] + fx * x / size[1]))
    return np.fft.fft2(image)[None, None]


def test_product_inequality_where_it_is_tight():
    low = e2e.square((8, 8), 1)
    constant = e2e.product_inequality([waves((8, 8)), waves((8, 8))], low)
    assert constant["stated_holds"]
    for name in ("beta", "product", "misalignment"):
        np.testing.assert_allclose(constant[name], 1, rtol=1e-12)
    # Both let the mean pass, and each a high frequency that the other stops: only the mean is left.
    # Energy 1 at the mean against 1/4 at each of +-f: kappa = sqrt(2/3) each.
    found = e2e.product_inequality([waves((8, 8), (0, 3)), waves((8, 8), (3, 0))], low)
    np.testing.assert_allclose(found["beta"], 1, rtol=1e-12)
    np.testing.assert_allclose(found["product"], 2 / 3, rtol=1e-12)
    np.testing.assert_allclose(found["misalignment"], 3 / 2, rtol=1e-12)
    assert found["holds"]
    assert not found["stated_holds"]


def test_the_stated_product_inequality_fails_for_the_most_local_kernel():
    identity = np.ones((1, 1, 8, 8), complex)  # one pixel
    found = e2e.product_inequality([identity, identity], e2e.square((8, 8), 1))
    np.testing.assert_allclose(found["beta"], np.sqrt(9 / 64))
    np.testing.assert_allclose(found["product"], 9 / 64)
    np.testing.assert_allclose(found["misalignment"], 8)
    assert found["holds"]
    assert not found["stated_holds"]


def test_the_stated_product_inequality_holds_for_filters_that_differ_where_it_is_low():
    low = e2e.square((8, 8), 1)
    first, second = waves((8, 8), (0, 1), (0, 3)), waves((8, 8), (1, 0), (0, 3))
    first[..., 0, 0] = second[..., 0, 0] = 0
    found = e2e.product_inequality([first, second], low)
    np.testing.assert_allclose([found["beta"], found["product"]], [0, 1 / 2], atol=1e-12)
    assert found["stated_holds"]
    assert found["holds"]


def test_chains_of_one_channel_are_the_layers_themselves():
    torch.manual_seed(0)
    network = zoo("full_convolution", 3, "linear", (1, 6, 5), classes=1, width=1)
    transforms = e2e.layer_transforms(network, (1, 6, 5))
    low = e2e.square((6, 5), 1)
    whole = e2e.product_inequality(transforms, low)
    for name, values in e2e.chains(transforms, low, count=3, seed=0).items():
        np.testing.assert_allclose(values, whole[name])


def test_models_that_are_not_linear_are_refused():
    relu = zoo("local_convolution", 1, "relu", (1, 8, 8), classes=2, width=2)
    with pytest.raises(InputError, match="linear models only"):
        e2e.end_to_end(relu, (1, 8, 8))
    connected = zoo("locally_connected", 1, "linear", (1, 8, 8), classes=2, width=2)
    with pytest.raises(InputError, match="no circular convolution"):
        e2e.kernels(connected, (1, 8, 8))
    with pytest.raises(InputError, match="not a model of the zoo"):
        e2e.end_to_end(torch.nn.Linear(3, 2), (1, 1, 3))
