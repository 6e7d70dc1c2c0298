"""What stands in for a mask, and the contrast with its interval."""

import numpy as np
import pytest

from idbias.controls.contrast import contrast, corrected_correlation, of_same_images, read_distances
from idbias.controls.images import control_images, noise_like
from idbias.controls.spectrum import amplitudes
from idbias.correlation.dependence import intrinsic_dimension, shuffled_dimensions
from idbias.correlation.distances import squared_distances, write_squared_distances
from idbias.errors import InputError

RNG = np.random.default_rng(0)
CLEAN = RNG.uniform(0.2, 0.8, (5, 3, 8, 8)).astype(np.float32)
ATTACKED = {
    "index": np.array([3, 5, 8, 9, 12]),
    "label": np.array([0, 1, 2, 3, 4]),
    "adversarial": (CLEAN + RNG.normal(0, 0.02, CLEAN.shape)).astype(np.float32),
    "adversarial_class": np.array([1, 2, 3, 4, 5]),
}


@pytest.mark.parametrize(("norm", "order"), [("linf", np.inf), ("l2", 2), ("l1", 1)])
def test_noise_has_the_attack_s_own_norm_image_by_image(norm, order):
    perturbations = ATTACKED["adversarial"] - CLEAN
    noise = noise_like(perturbations, ATTACKED["index"], norm, seed=0)
    sizes = [np.linalg.norm(z.reshape(len(z), -1), order, axis=1) for z in (noise, perturbations)]
    np.testing.assert_allclose(*sizes, rtol=1e-5)
    assert abs(np.corrcoef(noise.ravel(), perturbations.ravel())[0, 1]) < 0.1


def test_noise_belongs_to_an_image_not_to_a_shard():
    perturbations = ATTACKED["adversarial"] - CLEAN
    whole = noise_like(perturbations, ATTACKED["index"], "linf", seed=0)
    part = noise_like(perturbations[2:4], ATTACKED["index"][2:4], "linf", seed=0)
    np.testing.assert_array_equal(whole[2:4], part)
    other = noise_like(perturbations, ATTACKED["index"], "linf", seed=1)
    assert not np.array_equal(whole, other)


def test_each_control_has_its_image_and_its_target():
    images, targets = control_images("clean_image", CLEAN, ATTACKED, "linf", 0)
    np.testing.assert_array_equal(images, CLEAN)
    np.testing.assert_array_equal(targets, ATTACKED["adversarial_class"])
    images, targets = control_images("noise", CLEAN, ATTACKED, "linf", 0)
    np.testing.assert_array_equal(targets, ATTACKED["label"])
    size = np.abs(ATTACKED["adversarial"] - CLEAN).max(axis=(1, 2, 3))
    np.testing.assert_allclose(np.abs(images - CLEAN).max(axis=(1, 2, 3)), size, rtol=1e-4)


def test_amplitudes_are_the_spectrum_of_each_image_in_the_scale_of_the_masks():
    masks = RNG.uniform(size=CLEAN.shape)
    found = amplitudes(CLEAN, masks)
    ratio = found / np.abs(np.fft.fft2(CLEAN))
    np.testing.assert_allclose(ratio, ratio.flat[0], rtol=1e-3)
    assert np.var(found, axis=0).sum() == pytest.approx(np.var(masks, axis=0).sum(), rel=1e-3)


def planted(seed, strength, count=200):
    """Two sets of 4 dimensions, of which the second is the first by `strength`, else noise."""
    rng = np.random.default_rng(seed)
    first = rng.normal(size=(count, 4))
    second = strength * first + np.sqrt(1 - strength**2) * rng.normal(size=(count, 4))
    return squared_distances(first), squared_distances(second)


def test_the_corrected_correlation_is_what_the_test_s_own_numbers_give():
    first, second = planted(0, 0.9)
    shuffled = shuffled_dimensions(first, second, range(10), 7)
    alone = max(intrinsic_dimension(first), intrinsic_dimension(second))
    expected = (shuffled.mean() - intrinsic_dimension(first, second)) / alone
    assert corrected_correlation(first, second, range(10), 7) == pytest.approx(expected, rel=1e-12)


def test_a_contrast_sees_a_difference_that_is_there_and_none_of_a_row_with_itself():
    strong, weak = planted(0, 0.99), planted(1, 0.3)
    found = contrast(strong, weak, seed=0, subsamples=30)
    assert found["low"] > 0
    assert found["p"] < 0.01
    assert found["difference"] == found["correlation"] - found["control_correlation"]
    other = contrast(planted(2, 0.3), weak, seed=0, subsamples=30)
    assert other["low"] < 0 < other["high"]
    assert found == contrast(strong, weak, seed=0, subsamples=30, threads=2)
    with pytest.raises(InputError, match="30 images have both"):
        contrast(*(tuple(z[:30, :30] for z in pair) for pair in (strong, weak)), seed=0)


def test_a_contrast_is_on_the_images_that_both_rows_have(tmp_path):
    one, other = of_same_images(np.array([1, 4, 6, 9]), np.array([0, 4, 9, 10]), seed=0)
    np.testing.assert_array_equal(one, [1, 3])
    np.testing.assert_array_equal(other, [1, 2])
    assert len(of_same_images(np.arange(100), np.arange(100), seed=0, most=10)[0]) == 10
    points = RNG.normal(size=(30, 3))
    write_squared_distances(points, tmp_path / "d.h5")
    rows = np.array([20, 3, 11])
    np.testing.assert_array_equal(
        read_distances(tmp_path / "d.h5", rows, block=7),
        squared_distances(points)[np.ix_(rows, rows)],
    )
