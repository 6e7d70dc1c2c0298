"""Pooling, standardising, the estimator mle, I_d correlation and SVCCA against the authors' own."""

import h5py
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from idbias.correlation import preprocessing
from idbias.correlation.dependence import intrinsic_dimension, shuffle, shuffled_dimensions
from idbias.correlation.distances import squared_distances
from idbias.correlation.estimators import Estimator
from idbias.correlation.preprocessing import preprocessed
from idbias.correlation.significance import id_correlation
from idbias.correlation.similarity import svcca
from idbias.errors import InputError

# What ImplicitBiasAdversarial at commit 2f1d573 gives for `two_sets`: utils.utils.standardize and
# normalize; utils.intrinsic_dimension.id_correlation, id1, id2, id, corr. Run with torch 2.13 on the
# same arrays, in float64; its MLE itself goes on in float32.
AUTHORS = {
    ("base", 100): (12.04382891989321, 15.548288964925483, 16.475621700502206, 0.7149658852748086),
    ("mle", 100): (4.879242897033691, 8.802016258239746, 7.1938910484313965, 0.7370320522606493),
    ("mle", 20): (7.984920024871826, 12.777400970458984, 10.729692459106445, 0.7851853878123993),
}
AUTHORS_FIRST = [-0.10147252075361998, 0.17938297439050577, -0.11814013417977945]
AUTHORS_LAST = [-0.2815199521469676, -0.24269398476526394, -0.24769559533680366]
# 1 - anatome.distance.svcca_distance(..., 0.99, "svd"), at commit 2212a8c, which they call: on the
# raw and on the standardised sets, and on `few_points`.
ANATOME = (0.3528789455981418, 0.3456918685066479, 0.9748269773222219)


@pytest.fixture(scope="module")
def two_sets():
    """Two tied sets in [0, 1] with constant coordinates, (400, 48)."""
    rng = np.random.default_rng(17)
    hidden = rng.normal(size=(400, 3))
    noise, more = (lambda: 0.3 * rng.normal(size=(400, 48))), (lambda: rng.normal(size=(3, 48)))
    first = np.clip(np.tanh(hidden @ more()) + noise(), 0, 1)
    second = np.clip(np.abs(hidden @ more()) / 2 + noise(), 0, 1)
    first[:, 5] = 1.0
    second[:, :3] = 0.0
    return first, second


def test_standardising_equals_the_authors(two_sets):
    first, second = (preprocessed(one, "standardise_unit_length") for one in two_sets)
    np.testing.assert_allclose(first[0, :3], AUTHORS_FIRST, rtol=1e-5)
    np.testing.assert_allclose(second[399, -3:], AUTHORS_LAST, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1)
    assert not first[:, 5].any()
    assert np.abs(first).sum() == pytest.approx(2484.6143960227355, rel=1e-5)
    assert np.abs(second).sum() == pytest.approx(2353.44661145533, rel=1e-5)


@pytest.mark.parametrize(("estimator", "neighbours"), AUTHORS)
def test_dimensions_and_id_correlation_equal_the_authors(two_sets, estimator, neighbours):
    a, b = (squared_distances(preprocessed(one, "standardise_unit_length")) for one in two_sets)
    chosen = Estimator(estimator, neighbours=neighbours)
    found = [intrinsic_dimension(a, estimator=chosen), intrinsic_dimension(b, estimator=chosen)]
    found.append(intrinsic_dimension(a, b, estimator=chosen, threads=2))
    correlation = id_correlation(*found)
    assert (*found, correlation) == pytest.approx(AUTHORS[estimator, neighbours], rel=1e-5)


def test_mle_by_its_formula_on_joined_shuffled_points(two_sets):
    a, b = (squared_distances(one) for one in two_sets)
    found = shuffled_dimensions(a, b, range(3), seed=5, estimator=Estimator("mle", neighbours=7))
    for r, value in enumerate(found):
        joined = np.hstack([two_sets[0], two_sets[1][shuffle(400, 5, r)]])
        radii = np.sort(cdist(joined, joined), axis=1)[:, 1:8]
        logs = np.log(radii[:, -1:] / radii[:, :-1]).sum(axis=1)
        assert value == pytest.approx(np.mean(6 / logs), rel=1e-9)


def test_mle_counts_equal_points_once_and_refuses_what_it_cannot_do():
    points = np.random.default_rng(0).normal(size=(100, 2))
    points[3] = points[8]
    squared = squared_distances(points)
    once = np.delete(points, 3, axis=0)
    radii = np.sort(cdist(once, once), axis=1)[:, 1:6]
    expected = np.mean(4 / np.log(radii[:, -1:] / radii[:, :-1]).sum(axis=1))
    assert intrinsic_dimension(squared, estimator=Estimator("mle", neighbours=5)) == pytest.approx(
        expected
    )
    zero = np.zeros_like(squared)
    joined = intrinsic_dimension(squared, zero, estimator=Estimator("mle", neighbours=5))
    assert joined == pytest.approx(expected)
    with pytest.raises(InputError, match="100 points have 99 neighbours, mle is to take 100"):
        intrinsic_dimension(squared, estimator=Estimator("mle"))
    few = np.repeat(points[:20], 5, axis=0)
    with pytest.raises(InputError, match="19 of 100 points differ, too few for the 20 neighbours"):
        intrinsic_dimension(squared_distances(few), estimator=Estimator("mle", neighbours=20))
    with pytest.raises(InputError, match="at one and the same distance"):
        intrinsic_dimension(squared_distances(np.eye(40)), estimator=Estimator("mle", neighbours=5))


def test_pooling_equals_a_maximum_over_shifted_masks_as_the_authors_store_them():
    masks = np.random.default_rng(3).random((5, 3, 28, 28))
    shifted = np.fft.fftshift(masks, axes=(-2, -1))
    by_hand = [
        shifted[:, :, 7 * i : 7 * i + 7, 7 * j : 7 * j + 7].max(axis=(2, 3))
        for i in range(4)
        for j in range(4)
    ]
    theirs = np.stack(by_hand, axis=-1).reshape(5, -1)
    ours = preprocessed(masks, pool=7)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(cdist(ours, ours), cdist(theirs, theirs))
    with pytest.raises(InputError, match=r"cannot be pooled by 5 \(correlation.pool\)"):
        preprocessed(masks, pool=5)
    with pytest.raises(InputError, match="cannot be pooled by 2"):
        preprocessed(np.zeros((5, 7)), pool=2)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_what_does_not_fit_memory_is_transformed_as_it_is_read(tmp_path, monkeypatch, kind):
    masks = np.random.default_rng(0).random((1100, 2, 4, 4)).astype(kind)
    masks[:, 0, :2, :2] = 0.25
    with h5py.File(tmp_path / "masks.h5", "w") as file:
        file["mask"] = masks
    whole = preprocessed(masks, "standardise_unit_length", 2)
    assert whole.dtype == kind
    with h5py.File(tmp_path / "masks.h5") as file:
        lazy = preprocessed(file["mask"], "standardise_unit_length", 2, held_bytes=0)
        assert not isinstance(lazy, np.ndarray)
        np.testing.assert_array_equal(lazy[7:1050], whole[7:1050])
        np.testing.assert_array_equal(squared_distances(lazy), squared_distances(whole))
    monkeypatch.setattr(preprocessing, "NUMBERS", 8 * 30)
    np.testing.assert_allclose(preprocessed(masks, "standardise_unit_length", 2), whole, atol=1e-6)
    plain = masks.reshape(1100, 2, 2, 2, 2, 2).max(axis=(3, 5)).reshape(1100, -1).astype(float)
    plain = (plain - plain.mean(axis=0)) / (plain.std(axis=0, ddof=1) + 1e-6)
    plain /= np.linalg.norm(plain, axis=1, keepdims=True)
    np.testing.assert_allclose(whole, plain, atol=1e-6)


def test_scalars_keep_their_length_and_nan_is_named():
    x = np.random.default_rng(0).normal(3, 2, 50)
    found = preprocessed(x, "standardise_unit_length")
    np.testing.assert_allclose(found[:, 0], (x - x.mean()) / (x.std(ddof=1) + 1e-6))
    x[9] = np.nan
    with pytest.raises(InputError, match=r"Row 9 \(counted from 0\) holds NaN"):
        preprocessed(x, "standardise_unit_length")


def test_svcca_equals_anatome(two_sets):
    rng = np.random.default_rng(1)
    first = rng.random((60, 90))
    few_points = first, first[:, :80] ** 2 + np.random.default_rng(2).random((60, 80))
    standardised = [preprocessed(one, "standardise_unit_length") for one in two_sets]
    found = [svcca(*sets) for sets in (two_sets, standardised, few_points)]
    assert found == pytest.approx(ANATOME, rel=1e-7)
    # One direction alone adds up to more than is kept: there is nothing to correlate.
    assert svcca(first[:, :1], first[:, 1:2]) is None


# What the notebook cylinder.ipynb of IDCorrelation (ICLR 2025) prints: of each coordinate with the two others
# together, the I_d correlation, I_d of all three, of the one, and of the two others.
CYLINDER = {
    "X": (0.48517459981738664, 2.0471676421852862, 0.9502915712359374, 2.130578775950597),
    "Y": (-0.13974080280002232, 2.047167642185243, 0.942619083893285, 0.9691225896084386),
    "Z": (0.4538602899242512, 2.0471676421852494, 0.9565038907694327, 1.997041656730186),
}


@pytest.mark.parametrize("coordinate", CYLINDER)
def test_the_cylinder_of_id_correlation(coordinate):
    # The notebook's own draws, in its order: a circle from two uniform numbers, then a height.
    drawn = np.random.RandomState(42)
    circle = drawn.uniform(-np.pi, np.pi, (1000, 2))
    circle /= np.linalg.norm(circle, axis=1, keepdims=True)
    points = {"X": circle[:, :1], "Y": drawn.uniform(-1, 1, (1000, 1)), "Z": circle[:, 1:]}
    others = np.hstack([points[name] for name in points if name != coordinate])
    sets = [preprocessed(one, "standardise_coordinates") for one in (points[coordinate], others)]
    a, b = map(squared_distances, sets)
    dimensions = intrinsic_dimension(a), intrinsic_dimension(b), intrinsic_dimension(a, b)
    expected = CYLINDER[coordinate]
    assert (id_correlation(*dimensions), dimensions[2]) == pytest.approx(expected[:2], abs=1e-8)
    assert dimensions[:2] == pytest.approx(expected[2:], abs=1e-8)


def test_an_unknown_preprocessing_is_refused():
    with pytest.raises(
        InputError, match="choose from none, standardise_coordinates, standardise_unit"
    ):
        preprocessed(np.zeros((5, 2)), "standardise")
