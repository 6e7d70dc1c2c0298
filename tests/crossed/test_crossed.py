"""rho, its interval and p against a plain loop, and what must not change them."""

from itertools import permutations
from math import factorial, sqrt

import numpy as np
import pytest
from scipy.stats import t

from idbias.crossed import reference
from idbias.crossed.bands import resolutions, summed
from idbias.crossed.gram import Accumulator
from idbias.crossed.permutations import DRAWN, p_value, relabellings
from idbias.crossed.statistics import in_units_of_rho, statistics


def by_hand(e, a):
    """rho, low, high, p, and both parts, one product at a time."""
    trainings, images, size = e.shape

    def gram(left):
        table = {(k, m): 0.0 for k in left for m in left}
        spread = [0.0, 0.0]
        for x in range(images):
            own = [
                {
                    k: [
                        v - sum(s[j][x][d] for j in left) / len(left) for d, v in enumerate(s[k][x])
                    ]
                    for k in left
                }
                for s in (e, a)
            ]
            for k in left:
                for side in (0, 1):
                    spread[side] += sum(v * v for v in own[side][k])
                for m in left:
                    table[k, m] += sum(own[0][k][d] * own[1][m][d] for d in range(size))
        scale = sqrt(spread[0] * spread[1])
        return {pair: value / scale for pair, value in table.items()}

    everyone = list(range(trainings))
    table = gram(everyone)
    rho = sum(table[k, k] for k in everyone)
    of_all = [sum(table[k, pi[k]] for k in everyone) for pi in permutations(everyone)]
    without = []
    for k in everyone:
        left = [j for j in everyone if j != k]
        part = gram(left)
        without.append(sum(part[j, j] for j in left))
    mean = sum(without) / trainings
    error = sqrt((trainings - 1) / trainings * sum((one - mean) ** 2 for one in without))
    reach = t.ppf(0.975, trainings - 1) * error
    p = sum(one >= rho - 1e-12 for one in of_all) / len(of_all)
    means = 0.0
    own_e, own_a = e - e.mean(0), a - a.mean(0)
    for x, y in permutations(range(images), 2):
        means += sum(float(own_e[k, x] @ own_a[k, y]) for k in everyone) / (images - 1)
    means /= sqrt((own_e**2).sum() * (own_a**2).sum())
    return {"rho": rho, "low": rho - reach, "high": rho + reach, "p": p, "network_means": means}


@pytest.fixture
def sets():
    """Masks and attacks of 4 trainings on 13 images, with an effect of the image and one of the network."""
    rng = np.random.default_rng(5)
    image, network = rng.normal(size=(13, 6)), rng.normal(size=(4, 1, 6))
    e, a = rng.normal(size=(2, 4, 13, 6))
    return e + 3 * image + network, a + 2 * image + 0.5 * network + 0.3 * e


def streamed(e, a, sizes):
    accumulator, start = Accumulator(), 0
    for size in sizes:
        accumulator.add(e[:, start : start + size], a[:, start : start + size])
        start += size
    return accumulator.gram()


def test_the_streaming_form_is_the_plain_loop(sets):
    labels = relabellings(4, 0)
    found = statistics(streamed(*sets, [13]), labels)
    expected, plain = reference.crossed(*sets), by_hand(*sets)
    assert found == pytest.approx(expected, abs=1e-12)
    assert {name: found[name] for name in plain} == pytest.approx(plain, abs=1e-12)
    assert found["rho"] == pytest.approx(found["network_means"] + found["interaction"], abs=1e-14)


def test_blocks_of_images_change_nothing(sets):
    labels = relabellings(4, 0)
    whole = statistics(streamed(*sets, [13]), labels)
    assert statistics(streamed(*sets, [1, 5, 4, 3]), labels) == pytest.approx(whole, abs=1e-13)


def test_what_the_image_explains_counts_for_nothing(sets):
    e, a = sets
    image = 100 * np.random.default_rng(0).normal(size=(13, 6))
    labels = relabellings(4, 0)
    assert statistics(streamed(e + image, a - image, [13]), labels) == pytest.approx(
        statistics(streamed(e, a, [13]), labels), abs=1e-10
    )


def test_rho_is_one_for_one_set_twice_and_minus_one_for_its_opposite(sets):
    e, _ = sets
    labels = relabellings(4, 0)
    same = statistics(streamed(e, 7 * e, [13]), labels)
    assert (same["rho"], same["low"], same["high"]) == pytest.approx((1, 1, 1))
    assert same["p"] == 1 / 24
    assert statistics(streamed(e, -e, [13]), labels)["rho"] == pytest.approx(-1)


def test_what_depends_on_the_image_does_not_count_among_the_means_of_trainings():
    """No training has habits, and each image's masks and attacks are tied: only the interaction is."""
    labels, rejected = relabellings(5, 0), 0
    for draw in range(40):
        rng = np.random.default_rng(draw)
        e, noise = rng.normal(size=(2, 5, 60, 8))
        found = statistics(streamed(e, e + 0.3 * noise, [60]), labels)
        assert found["interaction_p"] == 1 / 120
        rejected += found["network_means_p"] <= 0.05
    assert rejected <= 6  # 2 of 40 at the level of 0.05; all 40 if pairs x = y counted


def test_sets_without_a_difference_have_no_number_made_of_rounding(sets):
    e, a = sets
    labels = relabellings(4, 0)
    same = np.repeat(a[:1] / 3, 4, axis=0)
    assert np.isnan(statistics(streamed(e, same, [7, 6]), labels)["rho"])
    one_differs = np.concatenate([same[:3], a[3:]])
    found = statistics(streamed(e, one_differs, [13]), labels)
    assert np.isfinite(found["rho"])
    assert np.isnan(found["low"])
    of_training = np.repeat(e[:, :1], 13, axis=1)  # one mask for all images
    found = statistics(streamed(of_training, a, [13]), labels)
    assert found["interaction_p"] == 1


def test_the_table_of_trainings_has_rho_as_the_mean_of_its_diagonal(sets):
    gram = streamed(*sets, [13])
    table = in_units_of_rho(gram)
    assert np.diag(table).mean() == pytest.approx(statistics(gram, relabellings(4, 0))["rho"])
    np.testing.assert_allclose(table.sum(axis=0), 0, atol=1e-12)


@pytest.mark.parametrize("count", [3, 5, 8])
def test_up_to_eight_trainings_every_relabelling_is_counted_once(count):
    labels = relabellings(count, 0)
    assert len(np.unique(labels, axis=0)) == len(labels) == factorial(count)
    assert list(labels[0]) == list(range(count))
    assert p_value(np.eye(count), labels) == 1 / factorial(count)
    assert p_value(np.zeros((count, count)), labels) == 1


def test_beyond_eight_relabellings_are_drawn_from_a_stream_of_the_seed():
    labels = relabellings(9, 3)
    assert labels.shape == (DRAWN + 1, 9)
    assert (np.sort(labels, axis=1) == np.arange(9)).all()
    np.testing.assert_array_equal(labels, relabellings(9, 3))
    assert (labels[1:] != relabellings(9, 4)[1:]).any()
    # The share of fixed points over all relabellings is one of nine on average.
    assert (labels[1:] == np.arange(9)).sum(1).mean() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("shape", [(2, 8, 8), (1, 7, 5), (3, 32, 32), (1, 6, 10)])
@pytest.mark.parametrize("bands", [1, 3, 4, 8, 64, "rings"])
def test_bands_keep_every_entry_once_and_mirror_images_together(shape, bands):
    spectra = np.random.default_rng(0).uniform(size=(2, 3, *shape))
    found = summed(spectra, bands)
    assert found.shape[:2] == (2, 3)
    np.testing.assert_allclose(found.sum(-1), spectra.sum((-3, -2, -1)))
    if bands != "rings":
        assert found.shape[2] == shape[0] * min(bands, shape[1]) * min(bands, shape[2])
    if bands == "rings":
        mirrored = np.roll(np.flip(spectra, (-2, -1)), 1, (-2, -1))
        np.testing.assert_allclose(summed(mirrored, bands), found)


def test_as_many_bands_as_pixels_is_entry_by_entry():
    spectra = np.random.default_rng(0).uniform(size=(4, 1, 8, 8))
    np.testing.assert_array_equal(summed(spectra, 8), spectra.reshape(4, 64))
    blocks = summed(np.fft.ifftshift(spectra, axes=(-2, -1)), 4)
    expected = spectra.reshape(4, 4, 2, 4, 2).sum((2, 4)).reshape(4, 16)
    np.testing.assert_allclose(blocks, expected)


def test_the_primary_resolution_comes_first_and_the_curve_ends_entry_by_entry():
    assert resolutions(8, 8, 8) == [8, 1, 2, 4, "rings"]
    assert resolutions(32, 32, 8) == [8, 1, 2, 4, 16, 32, "rings"]
    assert resolutions(5, 7, 8) == [7, 1, 2, 4, "rings"]
