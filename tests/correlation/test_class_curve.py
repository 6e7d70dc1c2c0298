"""Dependence against the number of classes: what classes carry rises, what images carry is there at one."""

import numpy as np
import pandas as pd
import pytest

from idbias.correlation.class_curve import class_curve
from idbias.correlation.distances import squared_distances
from idbias.report import figures_arms

LABELS = np.arange(160) % 4


def planted(within, seed=0):
    """Two sets of 3 dimensions in four classes; related by their class, and `within` it or not."""
    rng = np.random.default_rng(seed)
    centres = 3 * rng.normal(size=(2, 4, 3))
    noise = rng.normal(size=(2, 160, 3))
    if within:
        noise[1] = noise[0] + 0.1 * noise[1]
    return [
        squared_distances(centre[LABELS] + one) for centre, one in zip(centres, noise, strict=True)
    ]


def test_what_the_classes_carry_rises_with_their_number_at_one_number_of_pairs():
    curve = class_curve(*planted(within=False), LABELS, seed=0, orders=3)
    assert (curve["pairs"] == 40).all()
    assert curve.groupby("classes").size().tolist() == [3, 3, 3, 3]
    means = curve.groupby("classes")["distance_correlation"].mean()
    assert abs(means[1]) < 0.1
    assert means[4] > 0.4
    again = class_curve(*planted(within=False), LABELS, seed=0, orders=1)
    assert again.equals(curve[curve["order"] == 0])
    of_images = class_curve(*planted(within=True), LABELS, seed=0, orders=1)
    assert (of_images["distance_correlation"] > 0.5).all()
    assert (of_images["z"] < 0).all()


def test_classes_of_few_pairs_are_left_out_and_none_is_no_rows(tmp_path):
    few = np.where(np.arange(160) < 10, 9, LABELS)
    curve = class_curve(*planted(within=False), few, seed=0, orders=1)
    assert curve["classes"].max() == 4
    assert curve["pairs"].unique() == pytest.approx([37])
    none = class_curve(*planted(within=False), np.arange(160), seed=0)
    assert len(none) == 0
    none.to_csv(tmp_path / "none.csv", index=False)
    read = figures_arms.over_orders(pd.read_csv(tmp_path / "none.csv"))
    assert len(figures_arms.class_curve(read, "e").axes) == 2


def test_the_curve_is_drawn_with_its_range_over_orders():
    curve = class_curve(*planted(within=False), LABELS, seed=0, orders=3)
    numbers = figures_arms.over_orders(curve)
    assert list(numbers["classes"]) == [1, 2, 3, 4]
    expected = curve[curve["classes"] == 2]["z"].median()
    assert numbers["z"][1] == pytest.approx(expected)
    assert (numbers["z_low"] <= numbers["z"]).all()
    left, right = figures_arms.class_curve(numbers, "e").axes
    assert left.get_ylabel() == "Z"
    np.testing.assert_allclose(right.lines[0].get_ydata(), numbers["distance_correlation"])
