"""Every figure function: no text is cut or overlaps, letters and widths are those of print, empty ones say so."""

import itertools

import matplotlib
import numpy as np
import pandas as pd
import pytest
from figure_texts import problems, texts_drawn

from idbias.classifiers.paper2 import ZOO
from idbias.report import (
    figures,
    figures_arms,
    figures_classes,
    figures_effects,
    figures_masks,
    figures_sensitivity,
    figures_spectra,
    figures_spiral,
)

RNG = np.random.default_rng(0)
LONG = "a_classifier_with_a_long_name"
ROW = {
    "dataset": "imagenette", "classifier": LONG, "attack": "deepfool", "z": -12.34, "id": 31.2, "p": 1.2e-8,
    "p_two_sided": 0.002, "id_shuffled_mean": 34.0, "id_shuffled_std": 0.7,
}  # fmt: skip


def history(epochs):
    return pd.DataFrame(
        {
            "epoch": range(1, epochs + 1),
            "loss": np.exp(-np.arange(epochs) / 20),
            "train_accuracy": np.linspace(0.1, 1, epochs),
            "test_accuracy": np.linspace(0.1, 0.9, epochs),
        }
    )


def scales(count):
    parts = 2.0 ** np.arange(count)
    columns = {"points": 4321 / parts}
    for name in ("first", "second", "joined"):
        columns |= {name: 3 + RNG.random(count), f"{name}_std": RNG.random(count)}
    return pd.DataFrame(columns)


def frequencies(classifiers, of=("perturbations", "input gradients", "essential masks")):
    rows = [
        {"classifier": name, "of": one, "mean": 0.25 + 0.01 * RNG.random()}
        for name in classifiers
        for one in of
    ]
    table = pd.DataFrame(rows)
    return table.assign(low=table["mean"] - 0.002, high=table["mean"] + 0.002)


def profile_table(names):
    radius = np.arange(8) / 8
    parts = [
        pd.DataFrame({"name": name, "radius": radius, "mean": 0.1 ** (1 + radius)})
        for name in names
    ]
    table = pd.concat(parts)
    return table.assign(low=table["mean"] * 0.9, high=table["mean"] * 1.1)


def profile(name):
    radius = np.arange(8) / 8
    return pd.DataFrame(
        {
            "set": name,
            "radius": radius,
            "mean": 1 - radius,
            "low": 0.9 - radius,
            "high": 1.1 - radius,
        }
    )


def effects(groups, controls=("attack",), seeds=1):
    rows = [
        {
            "classifier": LONG, "attack": group, "control": control if control != "attack" else "none",
            "seed": seed, "shuffled_within": "all", "distance_correlation": 0.1 * RNG.random(),
            "distance_correlation_low": -0.1, "distance_correlation_high": 0.3,
        }
        for group in groups for control in controls for seed in range(seeds)
    ]  # fmt: skip
    return figures_effects.effects(pd.DataFrame(rows))


def of_classes(classes, attacks):
    rows = []
    for one in classes:
        rows.append(("", one, "accuracy", 0.9, 50))
        for attack in attacks:
            rows += [
                (attack, one, "success", RNG.random(), 50),
                (attack, one, "pairs", RNG.integers(50), 50),
                (attack, one, "essential_degenerate", 3, 50),
                (attack, one, "adversarial_degenerate", RNG.integers(3), 50),
            ]
    return pd.DataFrame(rows, columns=["set", "class", "measure", "value", "images"])


def images(count, side=8, channels=1):
    return RNG.random((count, channels, side, side))


ABOUT = pd.DataFrame(
    {
        name: range(10)
        for name in ("label", "adversarial_class", "essential_predicted", "adversarial_predicted")
    }
)
NAMES = [f"class number {number}" for number in range(10)]
FUNCTIONS = ("linear", "relu")
ATTACKS = ["fmn", "pgd", "deepfool"]
HEAT = pd.DataFrame(
    [
        {"vertical": v, "horizontal": h, "error": RNG.random(), "noise": 0.125}
        for v in range(-4, 4) for h in range(-4, 4)
    ]
)  # fmt: skip
BANDS = pd.DataFrame(
    {name: np.linspace(0, 1, 9) for name in ("radius", "low_pass", "high_pass", "band_stop")}
)
POINTS = pd.DataFrame(RNG.random((200, 3)), columns=["x", "y", "y_shuffled"])
ENTRIES = pd.DataFrame(
    {"essential": RNG.integers(0, 900, 300), "adversarial": RNG.integers(0, 3000, 300)}
)
EPSILONS = pd.DataFrame(
    [
        {"classifier": LONG, "attack": attack, "epsilon": epsilon}
        | {name: RNG.random() for name in figures_arms.PANELS}
        | {f"{name}_std": 0.1 for name in figures_arms.PANELS}
        for attack in ATTACKS for epsilon in (0.0314, 0.0627, 0.1255)
    ]
)  # fmt: skip
COSTS = pd.DataFrame(
    {
        "stage": ["classifier", "adversarial masks", "pairs, I_d, rows"], "jobs": [1, 2000, 30],
        "seconds": [30.0, 123456.0, 4000.0], "memory_mb": [900.0, 12345.0, 300.0],
    }
)  # fmt: skip


def kernel_sizes(datasets, attacks):
    """A table of kernel sizes: six sides of two families, at one rate and up to one accuracy."""
    names = itertools.product(datasets, attacks, ("1 linear", "3 relu"), (None, 0.9), range(6))
    sides = (3, 5, 7, 9, 15, 28)
    return pd.DataFrame(
        [
            {
                "experiment": f"{dataset}_{stop}", "dataset": dataset, "attack": attack, "family": family,
                "kernel": sides[number], "full_kernel": number == 5, "mean": 0.3 - 0.01 * number,
                "low": 0.29 - 0.01 * number, "high": 0.31 - 0.01 * number, "learning_rate": 0.01,
                "stop_accuracy": stop,
            }
            for dataset, attack, family, stop, number in names
        ]
    )  # fmt: skip


DRAWN = {
    "shuffles": lambda: figures.shuffle_histogram(25.1, RNG.normal(30, 1, 999), ROW),
    "scale": lambda: figures.scale_curves(scales(6), ROW),
    "scale of two scalars": lambda: figures.scale_curves(scales(3), {"dataset": "spiral"}),
    "training": lambda: figures.training_curves(history(200), LONG),
    "one epoch": lambda: figures.training_curves(history(1), LONG),
    "mask steps": lambda: figures.mask_steps(
        pd.DataFrame({"set": np.repeat(["essential", *ATTACKS], 50), "steps": RNG.integers(500, 5000, 200)}),
        f"cifar10, {LONG}",
    ),
    "yields": lambda: figures.yields(
        pd.DataFrame(
            [("", "images", 10000), *((one, "adversarial masks kept", 9999) for one in ATTACKS)],
            columns=["set", "stage", "images"],
        ),
        f"cifar10, {LONG}",
    ),
    "costs": lambda: figures.costs(COSTS),
    "images": lambda: figures_masks.before_and_after(
        *(images(10, channels=3) for _ in range(4)), ABOUT, NAMES
    ),
    "one image": lambda: figures_masks.before_and_after(*(images(1) for _ in range(4)), ABOUT[:1], NAMES),
    "perturbations": lambda: figures_masks.perturbations(images(10), images(10), NAMES),
    "gallery": lambda: figures_masks.gallery(images(20), NAMES * 2),
    "mean masks": lambda: figures_masks.mean_masks(*images(2), f"cifar10, {LONG}, fmn"),
    "radial profile": lambda: figures_masks.radial_profiles(
        pd.concat([profile("essential"), profile("adversarial")]), f"cifar10, {LONG}, fmn"
    ),
    "sizes": lambda: figures_classes.sizes(ENTRIES, f"cifar10, {LONG}, fmn"),
    "small sizes": lambda: figures_classes.sizes(ENTRIES.clip(1, 15), "digits, fmn"),
    "classes": lambda: figures_classes.results_by_class(of_classes(NAMES, ATTACKS), f"cifar10, {LONG}"),
    "a thousand classes": lambda: figures_classes.results_by_class(
        of_classes([f"n{number:08}" for number in range(1000)], ATTACKS[:1]), LONG
    ),
    "heat maps": lambda: figures_sensitivity.heat_maps(
        HEAT, {f"adversarial masks: {one}": images(1)[0] for one in ("mean", *ATTACKS)}, f"cifar10, {LONG}"
    ),
    "a heat map of its own": lambda: figures_sensitivity.heat_maps(HEAT, {}, LONG),
    "bands": lambda: figures_sensitivity.bands(
        BANDS, {one: profile(one) for one in ("essential", *ATTACKS)}, f"cifar10, {LONG}"
    ),
    "forest": lambda: figures_effects.forest(
        effects(ATTACKS, ("attack", "noise", "clean_image", "other_network"), 5), "digits", "distance correlation"
    ),
    "forest of one": lambda: figures_effects.forest(effects(["fmn"]), "digits", "distance correlation"),
    "forest of many": lambda: figures_effects.forest(
        effects([f"attack_{number}" for number in range(60)]), "digits", "distance correlation"
    ),
    "epsilons": lambda: figures_arms.epsilons(EPSILONS, "digits_controls"),
    "spectra of one": lambda: figures_spectra.spectra({LONG: images(1)[0, 0] + 0.1}),
    "spectra of many": lambda: figures_spectra.spectra(
        {f"local_convolution_{number}_linear_kernel7": images(1)[0, 0] + 0.1 for number in range(9)}
    ),
    "profiles of one": lambda: figures_spectra.profiles(profile_table([LONG]), {}),
    "profiles of the zoo": lambda: figures_spectra.profiles(
        profile_table(
            [f"{kind}_convolution_{n}_{f}" for kind in ("local", "full") for n in (1, 3) for f in FUNCTIONS]
        ),
        ZOO,
    ),
    "profiles of many seeds": lambda: figures_spectra.profiles(
        profile_table([f"local_convolution_1_linear_kernel{n}_seed{n}" for n in range(12)]),
        {f"local_convolution_1_linear_kernel{n}_seed{n}": ZOO["local_convolution_1_linear"] for n in range(12)},
    ),
    "frequencies of one": lambda: figures_spectra.frequencies(frequencies(["small_cnn"]), "digits, fmn", (8, 8)),
    "frequencies of many": lambda: figures_spectra.frequencies(
        frequencies([f"local_convolution_{number}_linear" for number in range(16)]), "cifar10, pgd_linf", (32, 32)
    ),
    "kernels of one": lambda: figures_spectra.kernel_sizes(kernel_sizes(["digits"], ["pgd_l2"])),
    "kernels of many": lambda: figures_spectra.kernel_sizes(
        kernel_sizes(["mnist", "fashion_mnist"], ["pgd_linf", "pgd_l2"])
    ),
    "spiral": lambda: figures_spiral.scatter(POINTS, ROW),
    "joint": lambda: figures_spiral.joint(figures_spiral.densities(POINTS), POINTS),
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWN)
def test_no_text_is_cut_or_overlaps(name, monkeypatch):
    assert problems(DRAWN[name](), monkeypatch) == []
    matplotlib.pyplot.close("all")


def test_the_check_notices_what_it_looks_for(monkeypatch):
    figure = matplotlib.pyplot.figure(figsize=(9, 1))
    for place, text, size in ((0.1, "one text", 9), (0.11, "another text", 9), (0.999, "cut", 5)):
        figure.text(place, 0.5, text, fontsize=size)
    axes = figure.add_subplot()
    axes.bar([0, 1], [1, 1], width=1)
    axes.plot(np.linspace(0, 1), np.full(50, 0.5), label="a line")
    axes.legend(loc="center")
    found = " ".join(problems(figure, monkeypatch))
    for fault in (
        "overlaps",
        "is cut",
        "points",
        "wider",
        "lies on bars",
        "lies on points of 'a line'",
    ):
        assert fault in found
    matplotlib.pyplot.close("all")


NOTHING = {
    "shuffles": lambda: figures.shuffle_histogram(np.nan, np.full(9, np.nan), {**ROW, "reason": "too few masks"}),
    "scale": lambda: figures.scale_curves(scales(2) * np.nan, ROW),
    "training": lambda: figures.training_curves(pd.DataFrame(), LONG),
    "images": lambda: figures_masks.before_and_after(*(images(0) for _ in range(4)), ABOUT[:0], NAMES),
    "perturbations": lambda: figures_masks.perturbations(images(0), images(0), []),
    "gallery": lambda: figures_masks.gallery(images(0), []),
    "mean masks": lambda: figures_masks.mean_masks(*[figures_masks.averages(images(0))[0]] * 2, LONG),
    "radial profile": lambda: figures_masks.radial_profiles(
        figures_masks.averages(images(0))[1].assign(set="essential"), LONG
    ),
    "sizes": lambda: figures_classes.sizes(ENTRIES[:0], LONG),
    "forest": lambda: figures_effects.forest(effects(["fmn"]).assign(estimate=np.nan), "digits", "x"),
}  # fmt: skip


@pytest.mark.parametrize("name", NOTHING)
def test_where_there_is_nothing_to_draw_the_figure_says_so(name, monkeypatch):
    figure = NOTHING[name]()
    assert problems(figure, monkeypatch) == []
    said = " ".join(text.get_text() for text, _ in texts_drawn(figure, monkeypatch))
    assert any(word in said for word in ("no ", "too few", "not trained"))
    matplotlib.pyplot.close("all")


def test_one_pair_has_a_mean_without_an_interval():
    mean, found = figures_masks.averages(images(1))
    assert np.isfinite(mean).all()
    assert found["mean"].notna().all()
    assert found["low"].isna().all()
