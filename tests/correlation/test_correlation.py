"""The I_d test against dadapy on the raw joined vectors, its stated rules, and its calibration."""

import csv
import re
import warnings

import h5py
import numpy as np
import pandas as pd
import pytest
from dadapy import Data
from scipy.stats import kstest, norm
from sklearn.datasets import load_digits, make_swiss_roll

from idbias.correlation import dependence, reference, significance, similarity, two_sets
from idbias.correlation.caveats import caveats_of
from idbias.correlation.command import main
from idbias.correlation.dependence import intrinsic_dimension, shuffle, shuffled_dimensions
from idbias.correlation.distances import squared_distances, write_squared_distances
from idbias.correlation.estimators import Estimator
from idbias.correlation.joined_measures import nearest_joined
from idbias.correlation.preprocessing import preprocessed
from idbias.correlation.scale import dimensions_by_scale
from idbias.correlation.spiral import spiral
from idbias.correlation.strata import strata
from idbias.errors import InputError


def dadapy_dimension(vectors, estimator="base"):
    """I_d as the paper's published code computes it: dadapy on the joined vectors themselves."""
    data = Data(np.asarray(vectors, np.float64), maxk=3, n_jobs=1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="There are points with neighbours at 0 distance")
        return data.compute_id_2NN(algorithm=estimator)[0]


def gaussian(points, columns, rng):
    return rng.normal(size=(points, columns))


def uniform(points, columns, rng):
    return rng.random((points, columns))


def swiss_roll(points, columns, rng):
    roll = make_swiss_roll(points, random_state=int(rng.integers(2**31)))[0]
    return roll @ rng.normal(size=(3, columns))


def spirals(points, columns, rng):
    return spiral(points, int(rng.integers(2**31))) @ rng.normal(size=(2, columns))


def digits(points, columns, rng):
    pixels = load_digits().data
    return pixels[rng.choice(len(pixels), points, replace=False)]


@pytest.mark.parametrize(
    ("make", "points", "columns"),
    [
        (gaussian, 50, 2),
        (gaussian, 1000, 64),
        (uniform, 50, 64),
        (uniform, 300, 3072),
        (swiss_roll, 1000, 2),
        (swiss_roll, 50, 3072),
        (spirals, 50, 2),
        (spirals, 1000, 64),
        (digits, 1000, 64),
    ],
)
@pytest.mark.parametrize("estimator", ["base", "ml"])
def test_equals_dadapy_on_joined_vectors(make, points, columns, estimator):
    rng = np.random.default_rng(0)
    first = make(points, columns, rng)
    second = make(points, columns, rng) + first[:, :1]
    a, b = squared_distances(first), squared_distances(second)
    alone = dadapy_dimension(first, estimator)
    chosen = Estimator(estimator)
    assert intrinsic_dimension(a, estimator=chosen) == pytest.approx(alone, rel=1e-6)
    joined = dadapy_dimension(np.hstack([first, second]), estimator)
    assert intrinsic_dimension(a, b, estimator=chosen) == pytest.approx(joined, rel=1e-6)
    found = shuffled_dimensions(a, b, range(5), seed=3, estimator=chosen)
    orders = [shuffle(points, 3, r) for r in range(5)]
    expected = [dadapy_dimension(np.hstack([first, second[o]]), estimator) for o in orders]
    assert found == pytest.approx(expected, rel=1e-6)
    assert intrinsic_dimension(a, b, orders[4], chosen) == found[4]


def test_equals_the_reference_of_fifteen_lines():
    rng = np.random.default_rng(0)
    first = rng.normal(size=(120, 4))
    second = np.tanh(first[:, :2]) + 0.1 * rng.normal(size=(120, 2))
    observed, shuffled, z, p = reference.dependence(first, second, shuffles=6, seed=5)
    a, b = squared_distances(first), squared_distances(second)
    engine = shuffled_dimensions(a, b, range(6), 5)
    assert intrinsic_dimension(a, b) == pytest.approx(observed, rel=1e-6)
    assert engine == pytest.approx(shuffled, rel=1e-6)
    assert significance.z_test(intrinsic_dimension(a, b), engine)[2:] == pytest.approx(
        (z, p), rel=1e-4
    )


def test_distances_stored_as_float32_keep_six_digits():
    first, second = spiral(1500, 0).T
    wide = [squared_distances(z) for z in (first, second)]
    narrow = [squared_distances(z, "float32") for z in (first, second)]
    assert intrinsic_dimension(*narrow) == pytest.approx(intrinsic_dimension(*wide), rel=1e-6)


def test_replicates_do_not_depend_on_shards_threads_blocks_or_storage(tmp_path):
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(2, 300, 5)).astype(np.float32)
    a, b = squared_distances(first), squared_distances(second)
    whole = shuffled_dimensions(a, b, range(12), seed=7)
    assert len(set(whole)) == 12
    shards = [shuffled_dimensions(a, b, part, 7, threads=3) for part in ([11, 2], range(3, 9))]
    assert np.array_equal(shards[0], whole[[11, 2]])
    assert np.array_equal(shards[1], whole[3:9])
    for name, vectors in (("a", first), ("b", second)):
        write_squared_distances(vectors, tmp_path / f"{name}.h5")
    with h5py.File(tmp_path / "a.h5") as one, h5py.File(tmp_path / "b.h5") as other:
        files = one["squared_distances"], other["squared_distances"]
        assert np.array_equal(shuffled_dimensions(*files, range(12), 7, threads=2), whole)
        orders = np.stack([shuffle(300, 7, r) for r in range(4)])
        expected = nearest_joined(a, b, orders)
        assert np.array_equal(nearest_joined(*files, orders, held_bytes=70 * 300 * 8), expected)


def test_shuffles_within_classes_keep_every_label():
    labels = np.array(["cat", "dog", "eel"])[np.random.default_rng(0).integers(0, 3, 500)]
    order = shuffle(500, 0, 1, labels)
    assert np.array_equal(np.sort(order), np.arange(500))
    assert np.array_equal(labels[order], labels)
    assert np.mean(order == np.arange(500)) < 0.05
    with pytest.raises(InputError, match="500 points need 500 labels"):
        shuffle(500, 0, 1, labels[:-1])


def test_labels_explain_a_dependence_that_comes_from_classes_alone():
    # Both sets are their class's place on a line plus independent noise: given the class, unrelated.
    rng = np.random.default_rng(0)
    labels = np.arange(600) // 3
    first, second = (labels / 200 + rng.uniform(0, 0.005, 600) for _ in range(2))
    a, b = squared_distances(first), squared_distances(second)
    observed = intrinsic_dimension(a, b)
    z = [
        significance.z_test(observed, shuffled_dimensions(a, b, range(50), 0, labels=given))[2]
        for given in (None, labels)
    ]
    assert z[0] < -4
    assert abs(z[1]) < 3


def test_equal_points_count_once():
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(2, 400, 3))
    for points in (first, second):
        points[:80] = points[-80:]
    a, b = squared_distances(first), squared_distances(second)
    once = np.hstack([first, second])[80:]
    assert intrinsic_dimension(a) == pytest.approx(dadapy_dimension(first[80:]), rel=1e-6)
    assert intrinsic_dimension(a, b) == pytest.approx(dadapy_dimension(once), rel=1e-6)
    scales = dimensions_by_scale(a, b, 0)
    assert scales["first"][0] == intrinsic_dimension(a)
    assert scales["joined"][0] == intrinsic_dimension(a, b)
    # The sets are independent. As neighbours of others, equal pairs would make them depend on each other.
    shuffled = shuffled_dimensions(a, b, range(99), 0)
    assert abs(significance.z_test(intrinsic_dimension(a, b), shuffled)[2]) < 3
    # A shuffle within 40 groups of equal points makes new equal pairs.
    labels = np.arange(400) % 80
    shuffled = shuffled_dimensions(a, b, range(2), 0, labels=labels)
    for r, value in enumerate(shuffled):
        joined = np.unique(np.hstack([first, second[shuffle(400, 0, r, labels)]]), axis=0)
        assert len(joined) < 400
        assert value == pytest.approx(dadapy_dimension(joined), rel=1e-6)


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.arange(200) // 100, "198 of 200 points are equal to an earlier one"),
        (np.arange(60.0) * 3, "ratios .* are all 1"),
        (np.eye(40), "ratios .* are all 1"),
        ([0.0, 0.0, 1.0], "1 of 3 points are equal to an earlier one"),
    ],
)
def test_sets_without_a_dimension_are_refused(vectors, message):
    with pytest.raises(InputError, match=message):
        intrinsic_dimension(squared_distances(np.asarray(vectors)))


def test_three_points_are_enough_and_two_are_not():
    assert intrinsic_dimension(squared_distances(np.array([0.0, 1.0, 2.5]))) > 0
    with pytest.raises(InputError, match="2 points are too few"):
        intrinsic_dimension(np.zeros((2, 2)))


def test_bad_arguments_get_a_sentence():
    a = squared_distances(np.random.default_rng(0).normal(size=(30, 2)))
    with pytest.raises(InputError, match="30 and 29 points"):
        shuffled_dimensions(a, a[:29, :29], range(2), 0)
    with pytest.raises(InputError, match=r"not \(30, 29\)"):
        intrinsic_dimension(a[:, :29])
    for order in (np.zeros(30, int), np.arange(29), np.arange(1, 31)):
        with pytest.raises(InputError, match="each of 0 to 29 once"):
            intrinsic_dimension(a, a, order)
    with pytest.raises(InputError, match="choose from base, ml, mle"):
        Estimator("gride")
    with pytest.raises(InputError, match="choose the estimator ml"):
        Estimator(mu_fraction=1)


def test_z_and_permutation_p_by_hand():
    mean, std, z, p = significance.z_test(1.0, [2.0, 4.0])
    assert (mean, std, z) == (3.0, 1.0, -2.0)
    assert p == pytest.approx(norm.cdf(-2))
    assert significance.permutation_p(2.0, [1.0, 2.0, 3.0, 4.0]) == pytest.approx((3 / 5, 1 / 5))
    assert significance.permutation_p(0.0, np.ones(99)) == pytest.approx((0.01, 0.01))
    for shuffled in ([2.0, 2.0], [2.0, 2.0 + 1e-15, 2.0 - 1e-15]):
        with pytest.raises(InputError, match=r"differ by rounding only .* allows no Z"):
            significance.z_test(1.0, shuffled)


def test_two_sided_p_doubles_the_smaller_tail_and_finds_either_side():
    shuffled = np.arange(1.0, 100.0)
    assert significance.two_sided_p(0.0, shuffled) == pytest.approx(0.02)
    assert significance.two_sided_p(1000.0, shuffled) == pytest.approx(0.02)
    assert significance.two_sided_p(50.0, shuffled) == 1
    assert significance.two_sided_p(3.0, shuffled) == pytest.approx(2 * 4 / 100)


def test_permutation_p_is_uniform_for_independent_sets():
    ps = []
    for seed in range(200):
        rng = np.random.default_rng((0, seed))
        a, b = (squared_distances(rng.random((30, 2))) for _ in range(2))
        shuffled = shuffled_dimensions(a, b, range(19), seed)
        ps.append(significance.permutation_p(intrinsic_dimension(a, b), shuffled)[0])
    # p takes the values 1/20, ..., 1; the middle of its step makes it comparable to a continuous one.
    assert kstest(np.array(ps) - 0.5 / 20, "uniform").pvalue > 0.01


def test_the_spiral_of_table_1():
    x, y = spiral(5000, 0).T
    a, b = squared_distances(x, "float32"), squared_distances(y, "float32")
    observed = intrinsic_dimension(a, b)
    mean, std, z, _ = significance.z_test(observed, shuffled_dimensions(a, b, range(20), 0))
    assert similarity.r_squared(x, y) < 0.01
    # Over spirals of twelve seeds: 0.997, standard deviation 0.021.
    assert observed == pytest.approx(1, abs=0.065)
    assert mean == pytest.approx(1.95, abs=0.03)
    assert 0.015 < std < 0.06
    assert z < -15
    alone = intrinsic_dimension(a), intrinsic_dimension(b)
    assert significance.id_correlation(*alone, observed) == pytest.approx(1, abs=0.1)


def test_no_dimensions_are_lost_by_independent_sets_of_high_dimension():
    first, second = np.random.default_rng(0).normal(size=(2, 600, 20))
    a, b = squared_distances(first), squared_distances(second)
    alone = intrinsic_dimension(a), intrinsic_dimension(b)
    shuffled = shuffled_dimensions(a, b, range(10), 0)
    row = significance.dimension_test(*alone, intrinsic_dimension(a, b), shuffled)
    assert row["id_correlation"] > 0.2
    assert abs(row["dimensions_lost"]) < 0.1
    # A set joined with itself has its own dimension; the share that it loses of its shuffled one is half.
    alone = intrinsic_dimension(a)
    copy = significance.dimensions_lost(alone, shuffled_dimensions(a, a, range(10), 0).mean())
    assert 0.25 < copy < 0.55


def test_id_correlation_is_1_for_a_copy_and_0_for_independent_sets():
    rng = np.random.default_rng(0)
    first, second = rng.random((2, 2000, 2))
    a, b = squared_distances(first), squared_distances(second)
    one, other = intrinsic_dimension(a), intrinsic_dimension(b)
    copy = significance.id_correlation(one, one, intrinsic_dimension(a, a))
    assert copy == pytest.approx(1, abs=1e-6)
    independent = significance.id_correlation(one, other, intrinsic_dimension(a, b))
    assert abs(independent) < 0.25


def test_cosine_similarity_and_r_squared():
    first = np.array([[[3.0, 4.0]], [[1.0, 0.0]], [[0.0, 0.0]]])
    second = np.array([[[4.0, 3.0]], [[-2.0, 0.0]], [[1.0, 1.0]]])
    found = similarity.cosine_similarity(first, second)
    assert found == pytest.approx([0.96, -1.0, np.nan], nan_ok=True)
    x = np.arange(10.0)
    assert similarity.r_squared(x, -2 * x[:, None]) == pytest.approx(1)


@pytest.fixture
def arrays(tmp_path):
    """The same two sets in each kind of file."""
    first = spiral(300, 0)
    second = first[:, :1] ** 2
    np.save(tmp_path / "a.npy", first.astype(np.float32))
    np.savez(tmp_path / "a.npz", masks=first.astype(np.float32), other=second)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["group/masks"] = first.astype(np.float32).reshape(300, 1, 2)
    np.savetxt(tmp_path / "b.csv", second, header="y", comments="")
    np.save(tmp_path / "short.npy", first[:-1])
    np.save(tmp_path / "nan.npy", np.where(np.arange(300) == 7, np.nan, second[:, 0]))
    np.save(tmp_path / "two.npy", first[:2])
    np.save(tmp_path / "classes.npy", np.arange(300) % 3)
    (tmp_path / "words.csv").write_text("x,y\n1,cat\n2,dog\n")
    (tmp_path / "broken.h5").write_text("no")
    return tmp_path


def test_command_gives_one_row_whatever_the_files(arrays, monkeypatch, capsys):
    monkeypatch.chdir(arrays)
    written = []
    for number, first in enumerate(("a.npy", "a.npz:masks", "a.h5:/group/masks")):
        command = [first, "b.csv", "--shuffles", "9", "--output", f"{number}.csv"]
        assert main(command) == 0
        written.append((arrays / f"{number}.csv").read_text().replace(first, "FIRST"))
    assert written[0] == written[1] == written[2]
    assert "p_permutation             0.1\n" in capsys.readouterr().out
    x = np.load("a.npy")
    row = next(csv.DictReader(written[0].splitlines()))
    joined = dadapy_dimension(np.hstack([x, np.loadtxt("b.csv", skiprows=1)[:, None]]))
    assert float(row["id"]) == pytest.approx(joined, rel=1e-6)


def test_command_goes_through_files_when_memory_is_short(arrays, monkeypatch):
    monkeypatch.chdir(arrays)
    command = ["a.npy", "b.csv", "--shuffles", "5", "--labels", "classes.npy", "--output"]
    assert main([*command, "memory.csv"]) == 0
    monkeypatch.setattr(two_sets, "IN_MEMORY_BYTES", 1)
    assert main([*command, "files.csv", "--scratch", "."]) == 0
    assert (arrays / "memory.csv").read_text() == (arrays / "files.csv").read_text()
    assert not list(arrays.glob("correlate-*"))


def test_command_takes_protocol_strata_and_says_when_scales_differ(arrays, monkeypatch, capsys):
    monkeypatch.chdir(arrays)
    x, y = np.load("a.npy"), np.loadtxt("b.csv", skiprows=1)
    sizes = np.abs(x).sum(axis=1)
    np.save("sizes.npy", sizes)
    command = ["a.npy", "b.csv", "--shuffles", "5", "--output", "row.csv"]
    strict = ["--sizes", "sizes.npy", "--stratum", "20", "--labels", "classes.npy"]
    assert main([*command, *strict, "--estimator", "mle", "--neighbours", "9"]) == 0
    row = pd.read_csv("row.csv").iloc[0]
    a, b = squared_distances(x), squared_distances(y)
    labels = strata(sizes, np.load("classes.npy"), 20)
    found = dependence.shuffled_statistics(
        a, b, range(5), 0, Estimator("mle", neighbours=9), labels
    )
    assert row.id_shuffled_mean == pytest.approx(found["intrinsic_dimension"].mean(), rel=1e-12)
    as_much = sum(found["hsic_gaussian"] - found["hsic_gaussian"].mean() >= row.hsic_gaussian)
    assert row.hsic_gaussian_p == pytest.approx((1 + as_much) / 6)
    assert row.dimensions_lost == pytest.approx(1 - row.id / row.id_shuffled_mean)
    assert "id_correlation" not in row
    ratio = np.sqrt(a.sum() / b.sum())
    assert row.scale_ratio == pytest.approx(ratio)
    assert f"distances in the first set are {ratio:.2g} times as large" in row.caveats
    assert "preprocess" in capsys.readouterr().out
    assert main([*command, "--preprocess", "standardise_unit_length", "--no-baselines"]) == 0
    row = pd.read_csv("row.csv").iloc[0]
    sets = [preprocessed(z, "standardise_unit_length") for z in (x, y)]
    joined = dadapy_dimension(np.hstack([sets[0], sets[1]]))
    assert row.id == pytest.approx(joined, rel=1e-6)
    assert "hsic_linear" not in row


def test_rows_that_cannot_carry_their_numbers_say_so():
    fine = {"pairs": 900, "id": 10.0, "id_first": 6.0, "id_second": 5.0, "id_shuffled_mean": 10.5}
    fine |= {"scale_ratio": 1.2, "id_of_half_ratio": 1.05, "coincident": 0, "degenerate_first": 0}
    assert caveats_of(fine) is None
    assert caveats_of({**fine, "id_first": np.nan, "id_of_half_ratio": None}) is None
    mixed = caveats_of({**fine, "id": 30.75, "id_shuffled_mean": 31.2})
    assert "shuffled I_d 31.2 exceeds the sum of both sets' own (6 + 5)" in mixed
    assert "I_d 30.8 is so high that it is underestimated" in mixed
    assert caveats_of({**fine, "id_shuffled_mean": 11.9}) is None
    second = caveats_of({**fine, "scale_ratio": 0.01})
    assert "distances in the second set are 1e+02 times as large" in second
    moving = caveats_of({**fine, "id_of_half_ratio": 0.8})
    assert "half of the points give 0.80 times that of all" in moving
    assert caveats_of({**fine, "pairs": 150, "id_of_half_ratio": 0.8}) is None
    assert "24 pairs are few" in caveats_of({**fine, "pairs": 24})
    degenerate = {"coincident": 20, "degenerate_second": 40, "degenerate_second_by_class": "3: 40"}
    collapsed = caveats_of({**fine, **degenerate})
    assert "20 of 900 pairs are equal to another" in collapsed
    assert "40 of 900 adversarial masks have one entry or none (class: count 3: 40)" in collapsed
    assert "masks.penalty" in collapsed


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("missing.npy", "b.csv", "missing.npy does not exist"),
        (
            "a.h5:/nothing",
            "b.csv",
            "a.h5 has no array nothing; write a.h5:NAME with one of group/masks",
        ),
        ("a.npz", "b.csv", "a.npz holds 2 arrays; write a.npz:NAME with one of masks, other"),
        ("short.npy", "b.csv", "short.npy has 299 rows and b.csv has 300"),
        ("nan.npy", "b.csv", r"nan.npy: Row 7 \(counted from 0\) holds NaN"),
        ("words.csv", "words.csv", "words.csv: column y is not numeric"),
        ("two.npy", "two.npy", "two.npy: 2 vectors are too few"),
        ("broken.h5", "b.csv", "broken.h5 is not a readable HDF5 file"),
    ],
)
def test_command_refuses_bad_input_in_one_sentence(
    arrays, monkeypatch, capsys, first, second, message
):
    monkeypatch.chdir(arrays)
    assert main([first, second, "--shuffles", "5"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("idbias-correlate: ")
    assert error.count("\n") == 1
    assert re.search(message, error)
