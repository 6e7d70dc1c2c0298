"""The conditional test: strata alike in class and size, and what is left when they explain it all."""

import h5py
import numpy as np
import pytest

from idbias.correlation import strata
from idbias.correlation.dependence import (
    intrinsic_dimension,
    shuffled_dimensions,
)
from idbias.correlation.distances import squared_distances
from idbias.correlation.significance import permutation_p
from idbias.errors import InputError


def test_strata_are_of_one_class_and_alike_in_size():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 500)
    sizes = rng.lognormal(size=(500, 2))
    found = strata.strata(sizes, labels, least=10)
    numbers, counts = np.unique(found, return_counts=True)
    assert np.array_equal(numbers, np.arange(len(numbers)))
    assert counts.min() >= 10
    assert counts.max() < 20
    for number in numbers:
        assert len(set(labels[found == number])) == 1
    # Cells of an eighth of a class, cut in both sizes: spreads of ranks shrink by about the root of 8.
    ranks = sizes.argsort(axis=0).argsort(axis=0)
    spread = np.mean([np.ptp(ranks[found == number], axis=0) for number in numbers])
    assert spread < 250


def test_one_size_is_cut_at_its_quantiles():
    size = np.random.default_rng(0).permutation(np.arange(80.0))
    found = strata.strata(size, least=10)
    for number in range(8):
        assert np.ptp(size[found == number]) == 9


def test_small_classes_are_one_stratum_and_bad_sizes_are_refused():
    labels = np.repeat([0, 1], [5, 30])
    found = strata.strata(np.arange(35.0), labels, least=10)
    assert sorted(np.unique(found, return_counts=True)[1]) == [5, 15, 15]
    assert len(set(found[:5])) == 1
    with pytest.raises(InputError, match="give 2 or more"):
        strata.strata(np.arange(5.0), least=1)
    with pytest.raises(InputError, match="finite"):
        strata.strata(np.array([1.0, np.nan, 2.0]))


def test_sizes_explain_a_dependence_that_comes_from_sizes_alone():
    rng = np.random.default_rng(0)
    size = np.exp(rng.uniform(0, 2, 600))
    # Directions are independent, lengths are tied: as are masks of easy and of hard images.
    first, second = (
        z / np.linalg.norm(z, axis=1, keepdims=True) for z in rng.normal(size=(2, 600, 2))
    )
    first, second = first * size[:, None], second * size[:, None]
    a, b = squared_distances(first), squared_distances(second)
    observed = intrinsic_dimension(a, b)
    alike = strata.strata(np.stack([strata.vector_sizes(z) for z in (first, second)], 1))
    plain, conditional = (
        permutation_p(observed, shuffled_dimensions(a, b, range(99), 0, labels=labels))[0]
        for labels in (None, alike)
    )
    assert plain == pytest.approx(0.01)
    assert conditional > 0.05


def test_of_pairs_reads_what_each_way_needs(tmp_path, finished):
    pairs = finished.folder / "results/digits/small_cnn/correlations/fmn/pairs.h5"
    dataset = finished.folder / "results/digits/dataset.h5"
    with h5py.File(pairs) as file, h5py.File(dataset) as data:
        labels, index, first = file["label"][()], file["index"][()], file["first"][()]
        images = data["test/images"][()] * data.attrs["scale"]
    assert strata.of_pairs("all", pairs) is None
    assert np.array_equal(strata.of_pairs("class", pairs), labels)
    for way in ("size", "spectrum"):
        found = strata.of_pairs(way, pairs, dataset, least=4)
        assert len(np.unique(found)) > len(np.unique(labels))
        assert all(len(set(labels[found == number])) == 1 for number in np.unique(found))
    np.testing.assert_allclose(
        strata.vector_sizes(first), first.reshape(len(first), -1).sum(1), rtol=1e-6
    )
    spectra = np.abs(np.fft.fft2(images[index], norm="ortho"))
    spectra[:, :, 0, 0] = 0
    expected = spectra.reshape(len(index), -1).sum(axis=1)
    np.testing.assert_allclose(strata.spectrum_sizes(dataset, index), expected, rtol=1e-5)
    back = index[::-1].copy()
    np.testing.assert_allclose(strata.spectrum_sizes(dataset, back), expected[::-1], rtol=1e-5)
