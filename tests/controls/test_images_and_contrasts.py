"""What stands in for a mask, and the contrast with its interval."""

import numpy as np
import pytest
import scipy.stats

from idbias import files
from idbias.controls.contrast import contrast, of_same_images, read_distances
from idbias.controls.images import control_images, noise_like
from idbias.controls.spectrum import write_spectrum_pairs
from idbias.correlation.dependence import joined_statistics
from idbias.correlation.distances import squared_distances, write_squared_distances
from idbias.correlation.similarity import cosine_similarity

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


def test_image_and_target_are_crossed_two_by_two():
    noisy = {
        name: control_images(name, CLEAN, ATTACKED, "linf", 0)
        for name in ("noise", "noise_attack_class")
    }
    np.testing.assert_array_equal(noisy["noise"][0], noisy["noise_attack_class"][0])
    np.testing.assert_array_equal(noisy["noise"][1], ATTACKED["label"])
    np.testing.assert_array_equal(noisy["noise_attack_class"][1], ATTACKED["adversarial_class"])


def test_amplitudes_are_the_spectrum_of_each_image_in_the_scale_of_the_masks(tmp_path):
    images = RNG.uniform(0, 1, (130, 3, 8, 8)).astype(np.float32)
    dataset, pairs, written = (
        tmp_path / name for name in ("dataset.h5", "pairs.h5", "spectrum.h5")
    )
    parts = {"test/images": images, "test/labels": np.zeros(130, np.int64)}
    files.write(dataset, parts, {"masked": "test", "scale": 1.0})
    index = np.sort(RNG.choice(130, 90, replace=False))
    masks = RNG.uniform(size=(2, 90, 3, 8, 8)).astype(np.float32)
    entries = np.arange(90)
    content = {"index": index, "label": index % 3, "first": masks[0], "second": masks[1]}
    content |= {"first_entries": entries, "second_entries": entries, "cosine": entries / 90}
    files.write(pairs, content, {"images": 130})
    write_spectrum_pairs(written, pairs, dataset, {"control": "spectrum"})
    arrays, about = files.read(written)
    ratio = arrays["first"] / np.abs(np.fft.fft2(images[index]))
    np.testing.assert_allclose(ratio, ratio.flat[0], rtol=1e-3)
    variances = [np.var(z, axis=0).sum() for z in (arrays["first"], masks[0])]
    assert variances[0] == pytest.approx(variances[1], rel=1e-3)
    np.testing.assert_array_equal(arrays["second"], masks[1])
    cosine = cosine_similarity(arrays["first"], masks[1])
    np.testing.assert_allclose(arrays["cosine"], cosine)
    assert about["images"] == 130
    assert "first_entries" not in arrays


def planted(seed, strength, count=200):
    """Two sets of 4 dimensions, of which the second is the first by `strength`, else noise."""
    rng = np.random.default_rng(seed)
    first = rng.normal(size=(count, 4))
    second = strength * first + np.sqrt(1 - strength**2) * rng.normal(size=(count, 4))
    return squared_distances(first), squared_distances(second)


def test_a_contrast_is_a_difference_of_distance_correlations_with_a_jackknife_interval():
    strong, weak = planted(0, 0.9, 60), planted(1, 0.3, 60)
    numbers = contrast(strong, weak)

    def difference(rows):
        values = [
            joined_statistics(*(z[np.ix_(rows, rows)] for z in pair), np.arange(len(rows))[None])
            for pair in (strong, weak)
        ]
        return values[0]["distance_correlation"][0] - values[1]["distance_correlation"][0]

    everything = np.arange(60)
    assert numbers["difference"] == pytest.approx(difference(everything), rel=1e-9)
    without = [difference(np.delete(everything, row)) for row in everything]
    found = jackknife_by_definition(without)
    reach = scipy.stats.t.ppf(0.975, 59) * found
    assert numbers["low"] == pytest.approx(numbers["difference"] - reach, rel=1e-9)
    assert numbers["high"] == pytest.approx(numbers["difference"] + reach, rel=1e-9)
    assert numbers["p"] == pytest.approx(
        2 * scipy.stats.t.sf(numbers["difference"] / found, 59), rel=1e-6
    )
    assert numbers["low"] > 0
    same = contrast(planted(2, 0.3), planted(1, 0.3))
    assert same["low"] < 0 < same["high"]


def jackknife_by_definition(without):
    """The standard error by its definition, (N - 1) / N times the sum of squares about the mean."""
    without = np.asarray(without)
    return np.sqrt((len(without) - 1) / len(without) * ((without - without.mean()) ** 2).sum())


def test_a_difference_that_no_image_moves_has_no_interval():
    first = squared_distances(np.random.default_rng(0).normal(size=(50, 3)))
    same = np.zeros_like(first)
    found = contrast((first, same), (first, first))
    assert found["difference"] == pytest.approx(-1)
    assert "no interval" in found["reason"]
    assert "p" not in found
    assert contrast((first, first), (first, first))["p"] == 1


def test_a_contrast_of_too_few_images_says_so():
    few = tuple(z[:30, :30] for z in planted(0, 0.9))
    numbers = contrast(few, few)
    assert numbers["images"] == 30
    assert "30 images have both" in numbers["reason"]


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
