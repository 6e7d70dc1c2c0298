"""Spectra against waves, masks and noise whose answer is known."""

import numpy as np
import pytest
import torch
from scipy import stats

from idbias.classifiers.networks.zoo import zoo
from idbias.errors import InputError
from idbias.spectra import linear_models, radial, spectra_tables


def wave(shape, fy, fx):
    """Return cos(2 pi (fy y / H + fx x / W)), (1, C, H, W)."""
    y, x = np.mgrid[: shape[1], : shape[2]]
    return np.broadcast_to(
        np.cos(2 * np.pi * (fy * y / shape[1] + fx * x / shape[2])), (1, *shape)
    ).copy()


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 8), (3, 9, 9), (1, 7, 12)])
def test_a_wave_has_its_own_frequency(shape):
    for fy, fx in ((0, 0), (0, 2), (3, 1), (-2, 3)):
        weights = radial.energy(wave(shape, fy, fx))
        expected = np.hypot(fy / shape[1], fx / shape[2])
        np.testing.assert_allclose(radial.mean_radial_frequency(weights), expected, atol=1e-12)
        shares = radial.share_above(weights, [expected - 1e-6, expected + 1e-6])
        np.testing.assert_allclose(shares, [[1, 0]], atol=1e-12)


def test_the_finest_checkerboard_is_the_highest_frequency():
    board = (-1.0) ** np.indices((8, 8)).sum(0)
    found = radial.mean_radial_frequency(radial.energy(board[None, None]))
    np.testing.assert_allclose(found, np.sqrt(0.5))


def test_energy_keeps_the_norm_and_adds_channels():
    images = np.random.default_rng(0).normal(size=(4, 3, 7, 6))
    np.testing.assert_allclose(
        radial.energy(images).sum((1, 2)), (images**2).sum((1, 2, 3)), rtol=1e-12
    )
    colours = [radial.energy(images[:, [channel]]) for channel in range(3)]
    np.testing.assert_allclose(radial.energy(images), sum(colours), rtol=1e-12)


def test_a_mixture_is_weighted_by_energy():
    mixed = 2 * wave((1, 8, 8), 0, 1) + wave((1, 8, 8), 0, 3)
    found = radial.mean_radial_frequency(radial.energy(mixed))
    np.testing.assert_allclose(found, (4 * 1 + 1 * 3) / 5 / 8)


def test_masks_are_read_in_fft2_order():
    masks = np.zeros((4, 2, 9, 8), np.float32)
    masks[0, 0, 0, 0] = 1
    masks[1, 1, 0, 3] = 0.2
    masks[2, 1, 0, 8 - 3] = 0.7
    masks[3, 0, 9 - 1, 0] = 1
    np.testing.assert_allclose(
        radial.mean_radial_frequency(masks), [0, 3 / 8, 3 / 8, 1 / 9], atol=1e-7
    )
    ones = radial.mean_radial_frequency(np.ones((1, 1, 9, 8)))
    by_hand = [
        np.hypot(y / 9, x / 8)
        for y in (-4, -3, -2, -1, 0, 1, 2, 3, 4)
        for x in (-4, -3, -2, -1, 0, 1, 2, 3)
    ]
    np.testing.assert_allclose(ones, np.mean(by_hand))


def test_the_order_is_torchs():
    image = torch.as_tensor(wave((1, 6, 8), 1, 2))
    by_torch = torch.fft.fft2(image, norm="ortho").abs().square()[:, 0].numpy()
    np.testing.assert_allclose(radial.energy(image.numpy()), by_torch, atol=1e-12)
    for size in (8, 9):
        grid = np.zeros((size, size))
        grid[0, 0] = 1
        assert radial.centred(grid)[size // 2, size // 2] == 1


def test_profile_of_white_noise_is_flat_and_sums_to_one():
    noise = np.random.default_rng(0).normal(size=(3000, 1, 8, 8))
    shares = radial.radial_profile(radial.energy(noise))
    np.testing.assert_allclose(shares.sum(1), 1)
    means = radial.radial_profile(radial.energy(noise), mean=True)
    np.testing.assert_allclose(means.mean(0), 1 / 64, rtol=0.05)


def test_profile_puts_a_wave_in_its_ring():
    shares = radial.radial_profile(radial.energy(wave((1, 9, 9), 3, 4)))
    np.testing.assert_allclose(shares[0, 5], 1)


def test_a_ring_is_drawn_at_the_mean_radius_of_its_points():
    radii = radial.ring_radii(8, 8)
    # (0, 0); the four neighbours and the four corners around them; the corner of the grid, beyond half a cycle.
    np.testing.assert_allclose(radii[[0, 1]], [0, (1 + 2**0.5) / 16])
    assert radii[-1] == pytest.approx(0.5 * 2**0.5)
    assert (np.diff(radii) > 0).all()


def test_bootstrap_agrees_with_the_normal_interval_and_repeats():
    values = np.random.default_rng(1).normal(3, 2, size=(400, 2))
    mean, low, high = radial.bootstrap(values, seed=5)
    error = 1.96 * values.std(0) / 20
    np.testing.assert_allclose(mean, values.mean(0))
    np.testing.assert_allclose(low, mean - error, atol=0.15 * error.max())
    np.testing.assert_allclose(high, mean + error, atol=0.15 * error.max())
    again = radial.bootstrap(values, seed=5)
    np.testing.assert_array_equal(low, again[1])
    assert (low != radial.bootstrap(values, seed=6)[1]).any()
    column = radial.bootstrap(values[:, 0], seed=5)
    np.testing.assert_allclose([column[1], column[2]], [low[0], high[0]])


def test_input_gradient_of_a_linear_model_is_its_end_to_end_weights():
    torch.manual_seed(0)
    shape = (3, 5, 6)
    network = zoo("local_convolution", 3, "linear", shape, classes=4, width=3)
    labels = np.array([2, 0, 3])
    images = np.random.default_rng(0).random((3, *shape), np.float32)
    beta = linear_models.end_to_end(network, shape)
    gradients = radial.input_gradients(network, images, labels, batch_size=2)
    np.testing.assert_allclose(gradients, beta[labels], atol=1e-6)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (np.stack([np.ones((4, 4)), np.zeros((4, 4))]), "row 1"),
        (-np.ones((1, 4, 4)), "not negative"),
        (np.full((1, 4, 4), np.nan), "finite"),
        (np.ones((4, 4)), "(N, H, W)"),
    ],
)
def test_weights_without_a_spectrum_are_refused(weights, said):
    with pytest.raises(InputError) as caught:
        radial.mean_radial_frequency(weights)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("images", "said"), [(0, "no image"), (1, "no interval"), (4, "fewer than 5")]
)
def test_few_images_have_no_interval_and_a_reason(images, said):
    mean, low, high = radial.bootstrap(np.full((images, 3), 2.0), seed=0)
    np.testing.assert_array_equal(mean, np.full(3, 2.0 if images else np.nan))
    assert np.isnan([low, high]).all()
    assert said in radial.reason(images)
    assert radial.reason(5) == ""


def test_local_against_full_has_an_interval_over_seeds():
    rng = np.random.default_rng(0)
    index = np.arange(50)
    kernels = {"e": {}}
    spectra = []
    shifts = [0.02, 0.05, 0.03]
    for seed, shift in enumerate(shifts):
        for name, side, mean in (("local", 3, 0.2 + shift), ("full", 0, 0.2)):
            values = np.linspace(-0.01, 0.01, 50) + mean + rng.normal(0, 1e-5, 50)
            measured = {"index": index, "frequency": values}
            names = {"experiment": "e", "classifier": f"{name}{seed}", "attack": "pgd"}
            spectra.append({**names, "perturbation": measured, "gradient": measured})
            kernels["e"][f"{name}{seed}"] = ("1 linear", side, seed)
    table = spectra_tables.local_against_full(spectra, kernels, seed=0)
    single = table[table["seed"].notna()]
    assert len(single) == 6, "only models of one training seed are compared"
    pooled = table[table["seeds"].notna()].iloc[0]
    assert pooled["difference"] == pytest.approx(np.mean(shifts), abs=1e-4)
    known = stats.ttest_1samp(shifts, 0).confidence_interval(0.95)
    assert (pooled["low"], pooled["high"]) == pytest.approx(tuple(known), abs=1e-4)
