"""Rows from the files of their stages: ways to shuffle, masks that coincide, and rows without a test."""

import numpy as np
import pandas as pd
import pytest

from idbias import files
from idbias.correlation.dependence import shuffled_statistics
from idbias.correlation.distances import DATASET, squared_distances, write_squared_distances
from idbias.correlation.observed_statistics import observed_statistics
from idbias.correlation.pairs import entries, write_mask_pairs
from idbias.correlation.reference import intrinsic_dimension
from idbias.correlation.row import numbers_of, rows
from idbias.correlation.two_sets import row_of_sets
from idbias.report import tables
from idbias.report.answers import answer


def test_each_way_to_shuffle_is_a_row_of_its_own(tmp_path):
    files.write(tmp_path / "pairs.h5", {"index": np.arange(9)})
    observed = {"first": 2.0, "second": 1.0, "joined": 2.5, "scale_ratio": 1.0, "hsic_linear": 0.3}
    observed["scale/joined"] = np.array([2.5, 2.4])
    files.write(tmp_path / "dimensions.h5", observed)
    paths = []
    for within, shift in (("all", 3.0), ("class", 2.4)):
        for start in (0, 2):
            paths.append(str(tmp_path / f"{within}{start}.h5"))
            statistics = {
                "replicate": np.arange(start, start + 2),
                "intrinsic_dimension": shift + np.array([0.1, 0.2]) * (1 + start),
                "hsic_linear": np.array([0.1, 0.4]),
            }
            about = {"seed": 0, "within": within, "pairings": 99.0, "share_in_place": 0.01}
            files.write(paths[-1], statistics, about)
    table = rows({"attack": "fmn"}, tmp_path / "pairs.h5", tmp_path / "dimensions.h5", paths)
    assert list(table["shuffled_within"]) == ["all", "class"]
    assert list(table["id_shuffled_mean"]) == pytest.approx([3.3, 2.7])
    assert list(table["p_permutation"]) == pytest.approx([0.2, 0.4])
    assert list(table["p_two_sided"]) == pytest.approx([0.4, 0.8])
    assert list(table["dimensions_lost"]) == pytest.approx([0.8 / 3.3, 0.2 / 2.7])
    # Within strata an effect is what they leave, and what knows nothing of them is not repeated.
    assert list(table["hsic_linear"]) == pytest.approx([0.3, 0.3 - 0.25])
    assert table["id_correlation"].notna().tolist() == [True, False]
    assert list(table["hsic_linear_p"]) == pytest.approx([0.6, 0.6])
    assert list(table["id_of_half_ratio"]) == pytest.approx([0.96, 0.96])
    assert table["caveats"].str.contains("9 pairs are few").all()
    assert table["reason"].isna().all()


def test_entries_count_a_frequency_and_its_mirror_image_once():
    masks = np.zeros((4, 3, 4, 6))
    masks[1, :, 0, 0] = 0.5
    masks[2, 0, 1, 2] = masks[2, 0, 3, 4] = 0.1
    masks[2, 1, 2, 3] = 1
    masks[3] = 1
    # Of 4 by 6 frequencies four are their own mirror images.
    assert entries(masks).tolist() == [0, 3, 2, 3 * (4 + 20 // 2)]


def stages(folder, masks, successes=None):
    """Files of the stages before the pairs, for essential and adversarial masks (N, C, H, W)."""
    count = len(masks[0])
    plain = {"index": np.arange(count), "label": np.arange(count) % 3}
    plain |= {name: np.ones(count, bool) for name in ("kept", "finite", "converged")}
    plain["steps"] = np.full(count, 600)
    for name, values in zip(("essential", "adversarial"), masks, strict=True):
        files.write(folder / f"{name}.h5", {**plain, "mask": values})
    sizes = np.full(count, 0.1)
    attack = {"success": np.ones(count, bool), "linf": sizes, "l2": sizes}
    files.write(folder / "attack.h5", attack)
    files.write(
        folder / "predictions.h5", {"correct": np.ones(count, bool)}, {"test_accuracy": 0.9}
    )


def row_of(folder, masks, shuffles=19):
    """The row of two sets of masks, through all files of the stages."""
    stages(folder, masks)
    names = ("essential", "adversarial", "attack", "predictions", "pairs")
    paths = {name: folder / f"{name}.h5" for name in names}
    write_mask_pairs(
        paths["pairs"], paths["essential"], paths["adversarial"], attack=paths["attack"],
        predictions=paths["predictions"], images=len(masks[0]), attributes={},
    )  # fmt: skip
    with files.opened(paths["pairs"]) as pairs:
        for name in ("first", "second"):
            write_squared_distances(pairs[name], folder / f"{name}.h5")
        labels = pairs["label"][()]
        vectors = pairs["first"][()], pairs["second"][()]
    with files.opened(folder / "first.h5") as one, files.opened(folder / "second.h5") as other:
        matrices = one[DATASET], other[DATASET]
        statistics, reasons = observed_statistics(*matrices, vectors, labels=labels)
        shuffled = shuffled_statistics(*matrices, range(shuffles), 0)
    reasons = {f"reason_{name}": text for name, text in reasons.items()}
    files.write(folder / "dimensions.h5", statistics, reasons)
    about = {"seed": 0, "pairings": np.inf, "share_in_place": 0.0}
    files.write(folder / "shuffles.h5", {"replicate": range(shuffles), **shuffled}, about)
    table = rows(
        {"attack": "fmn"}, paths["pairs"], folder / "dimensions.h5", [folder / "shuffles.h5"]
    )
    tables.write_csv(folder / "row.csv", table)
    return pd.read_csv(folder / "row.csv").iloc[0]


def test_masks_of_one_entry_end_in_a_row_that_counts_them(tmp_path):
    rng = np.random.default_rng(0)
    masks = rng.uniform(size=(2, 76, 1, 4, 4)).astype(np.float32)
    # Nine images keep nothing but their mean, in both masks; twenty more in one.
    masks[:, :9] = 0
    masks[:, :9, :, 0, 0] = 1
    masks[0, 20:40] = 0
    row = row_of(tmp_path, masks)
    assert row["pairs"] == 76
    assert row[["coincident", "coincident_first", "coincident_second"]].tolist() == [8, 27, 8]
    assert row[["degenerate_first", "degenerate_second"]].tolist() == [29, 9]
    assert row["degenerate_second_by_class"] == "0: 3, 1: 3, 2: 3"
    assert "8 of 76 pairs are equal to another in both sets" in row["caveats"]
    assert "29 of 76 essential masks have one entry or none" in row["caveats"]
    assert "masks.penalty" in row["caveats"]
    assert pd.isna(row["reason"])
    once = np.hstack([mask.reshape(76, -1) for mask in masks])[8:]
    assert row["id"] == pytest.approx(
        intrinsic_dimension(once[:, :16], once[:, 16:], np.arange(68)), rel=1e-5
    )
    assert 0 < row["p_two_sided"] <= 1


@pytest.mark.parametrize(
    ("count", "reason"),
    [
        (0, "0 pairs are too few"),
        (2, "2 pairs are too few"),
        (12, "11 of 12 points are equal to an earlier one"),
    ],
)
def test_where_there_is_no_dimension_the_row_says_why(tmp_path, count, reason):
    masks = np.zeros((2, count, 1, 4, 4), np.float32)
    masks[..., 0, 0] = 1
    row = row_of(tmp_path, masks)
    assert row["pairs"] == count
    assert reason in row["reason"]
    assert row["degenerate_first"] == count
    for name in ("z", "p", "p_two_sided"):
        assert pd.isna(row.get(name, np.nan))


def test_small_classes_leave_pairs_in_place_and_the_row_says_so():
    """Labels that have nothing to do with the sets explain nothing of their dependence."""
    rng = np.random.default_rng(0)
    first = rng.normal(size=(120, 3))
    sets = first, first + 0.3 * rng.normal(size=(120, 3))
    [whole] = row_of_sets(*sets, shuffles=99)["distance_correlation"]
    for size in (2, 10, 40):
        row = row_of_sets(*sets, shuffles=99, labels=np.arange(120) // size).iloc[0]
        assert row["share_in_place"] == 1 / size
        assert row["shuffled_within"] == "labels"
        if size == 2:
            assert pd.isna(row.get("distance_correlation"))
            assert "leaves 50% of the pairs as they are" in row["caveats"]
        else:
            assert row["distance_correlation"] == pytest.approx(whole, rel=0.02)
        assert row["distance_correlation_p"] == 0.01


def test_few_ways_to_pair_limit_the_least_p():
    rng = np.random.default_rng(0)
    labels = np.append(np.arange(40), [40, 40, 40])
    row = row_of_sets(*rng.normal(size=(2, 43, 3)), shuffles=99, labels=labels).iloc[0]
    assert row["p_permutation_resolution"] == pytest.approx(1 / 6)
    names = {"experiment": "mine", "shuffled_within": "class"}
    assert "the 6 ways to pair what is shuffled are too few to say" in answer({**row, **names})


def test_strata_of_one_point_each_are_no_test(tmp_path):
    a, b = (squared_distances(z) for z in np.random.default_rng(0).normal(size=(2, 30, 2)))
    shuffled = shuffled_statistics(a, b, range(5), 0, labels=np.arange(30))
    numbers = numbers_of(*observed_statistics(a, b), shuffled, "size")
    assert "differ by rounding only" in numbers["reason"]
    assert "p_two_sided" not in numbers
