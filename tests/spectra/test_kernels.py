"""Networks are compared as kernels of one family only where nothing else differs."""

import numpy as np
import pandas as pd
import pytest

from idbias.classifiers.paper2 import ZOO, recipe
from idbias.config.kernels import kernels_of
from idbias.config.schema_entries import Classifier
from idbias.report import figures_spectra
from idbias.spectra.radial import bootstrap, share_above


def entry(network, learning_rate=None, **arguments):
    made = {**recipe(network, "digits")}
    made |= {"learning_rate": learning_rate} if learning_rate else {}
    return Classifier(network=network, arguments=arguments, recipe=made)


def families(**classifiers):
    return kernels_of(classifiers, {}, lambda name: 0)


LOCAL, FULL = "local_convolution_1_linear", "full_convolution_1_linear"


def test_kernels_of_one_family_differ_in_the_kernel_and_each_side_s_recipe():
    found = families(a=entry(LOCAL), b=entry(LOCAL, kernel=5), c=entry(FULL))
    assert found == {"a": ("1 linear", 3, 0), "b": ("1 linear", 5, 0), "c": ("1 linear", 0, 0)}


def test_other_arguments_make_other_families():
    found = families(
        a=entry(LOCAL), wide=entry(LOCAL, width=64), full=entry(FULL), wide_full=entry(FULL, width=64),
        deep=entry(LOCAL, hidden_layers=3, nonlinearity="relu"),
    )  # fmt: skip
    assert found["wide"] == ("1 linear, width 64", 3, 0)
    assert found["wide_full"] == ("1 linear, width 64", 0, 0)
    assert found["deep"] == ("3 relu", 3, 0)
    assert found["a"][0] == found["full"][0] == "1 linear"


def test_recipes_that_differ_on_one_side_make_other_families():
    found = families(
        a=entry(LOCAL), fast=entry(LOCAL, 0.1), full=entry(FULL), fast_full=entry(FULL, 0.1)
    )
    assert found["fast"] == ("1 linear, learning rate 0.1", 3, 0)
    assert found["fast_full"] == ("1 linear, learning rate 0.1", 0, 0)
    assert found["a"][0] != found["full"][0]  # 0.01 and 0.002


def test_what_nothing_else_tells_apart_is_told_by_its_name():
    seeds = {"a": 0, "b_seed0": 0}
    found = kernels_of(
        {"a": entry(LOCAL), "b_seed0": entry(LOCAL)}, {"b_seed0": ("b", 0)}, seeds.get
    )
    assert found == {"a": ("1 linear, a", 3, 0), "b_seed0": ("1 linear, b", 3, 0)}


def test_every_seed_of_a_classifier_is_of_its_family():
    seeds = {f"{name}_seed{seed}": seed for name in ("a", "b") for seed in (0, 1)}
    made = {name: entry(LOCAL if name[0] == "a" else FULL) for name in seeds}
    arms = {name: (name[0], seed) for name, seed in seeds.items()}
    assert {family for family, *_ in kernels_of(made, arms, seeds.get).values()} == {"1 linear"}


def sizes(**columns):
    one = {
        "experiment": "e",
        "dataset": "d",
        "attack": "fmn",
        "family": "1 linear",
        "mean": 0.2,
        "low": 0.1,
        "high": 0.3,
    }
    rows = pd.DataFrame({"kernel": [3, 9, 9], "full_kernel": [False, False, True], **columns})
    return rows.assign(**{name: value for name, value in one.items() if name not in columns})


def test_a_full_kernel_has_a_place_of_its_own():
    figure = figures_spectra.kernel_sizes(sizes())
    [axes] = figure.axes
    assert list(axes.get_xticks()) == [3, 9, 10]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["3", "9", "full"]


@pytest.mark.parametrize(
    ("columns", "lines"),
    [
        ({"learning_rate": [0.1, np.mean([0.1] * 3), 0.1]}, ["1 linear, learning rate 0.1"]),
        ({"stop_accuracy": 0.8}, ["1 linear, stopped at training accuracy 0.8"]),
        ({"short_of_accuracy": 0.8}, ["1 linear, short of training accuracy 0.8"]),
        ({"experiment": ["e", "e", "f"]}, ["e: 1 linear", "f: 1 linear"]),
    ],
)
def test_lines_say_what_their_trainings_share(columns, lines):
    assert sorted(set(figures_spectra.lines_of_kernels(sizes(**columns)))) == lines


def test_points_on_a_radius_are_not_above_it():
    ones = np.ones((1, 40, 40))
    n = np.arange(-20, 20)
    above = (
        64 * (n[:, None] ** 2 + n[None, :] ** 2) > (3 * 40) ** 2
    )  # (r / 0.375)^2 > 1, in integers
    assert share_above(ones, [0.375])[0, 0] == pytest.approx(above.sum() / 1600, abs=1e-12)


def test_an_interval_holds_its_mean_where_all_values_are_equal():
    mean, low, high = bootstrap(np.full(200, 0.1 + 0.2), seed=0)
    assert low <= mean <= high


def test_one_network_s_seeds_are_in_one_panel():
    names = [LOCAL, f"{LOCAL}_seed1", FULL, "mine"]
    models = {LOCAL: ZOO[LOCAL], f"{LOCAL}_seed1": ZOO[LOCAL], FULL: ZOO[FULL]}
    panels = figures_spectra.panels(names, models)
    assert list(panels) == ["1 hidden layer, linear", "other classifiers"]
    assert list(panels["1 hidden layer, linear"]) == names[:3]
