"""The tables under the figures of spectra, and that each figure draws what it is given."""

import numpy as np
import pytest

from idbias.classifiers.paper2 import ZOO
from idbias.report import figures_spectra
from idbias.spectra import radial, spectra_tables


@pytest.fixture
def weights():
    """Noise, and noise smoothed over 2 by 2 pixels: of lower frequency."""
    noise = np.random.default_rng(0).normal(size=(200, 1, 8, 8))
    smooth = noise + np.roll(noise, 1, 2) + np.roll(noise, 1, 3) + np.roll(noise, (1, 1), (2, 3))
    return {"white": radial.energy(noise), "smooth": radial.energy(smooth)}


@pytest.fixture
def read(weights):
    """What spectra_tables.read would give of two classifiers with these perturbations."""
    from idbias.spectra.measured_spectra import measures

    names = {"white": "local_convolution_1_linear", "smooth": "full_convolution_1_linear"}
    return [
        {
            "experiment": "e", "classifier": names[name], "attack": "pgd_l2",
            "perturbation": {**measures(grid), "index": np.arange(len(grid))},
            "gradient": {**measures(grid), "index": np.arange(10, 10 + len(grid))},
        }
        for name, grid in weights.items()
    ]  # fmt: skip


def test_tables_tell_smooth_from_white(read):
    table = spectra_tables.frequencies(read, seed=0).set_index(["classifier", "of"])
    white = table.loc[("local_convolution_1_linear", "perturbations")]
    smooth = table.loc[("full_convolution_1_linear", "perturbations")]
    assert white["low"] < 0.3834 < white["high"]
    assert smooth["high"] < white["low"]
    assert smooth["share_above_0.25"] < white["share_above_0.25"]
    assert (table["images"] == 200).all()
    profiles = figures_spectra.profile_table(
        {one["classifier"]: one["perturbation"]["profile"] for one in read}, (8, 8), seed=0
    )
    white = profiles[profiles["name"] == "local_convolution_1_linear"]
    # but for the mean, one point of the grid, which 200 images leave uncertain
    np.testing.assert_allclose(white["mean"].iloc[1:], 1 / 64, rtol=0.1)
    smooth = profiles[profiles["name"] == "full_convolution_1_linear"]
    assert smooth["mean"].iloc[0] > 10 * smooth["mean"].iloc[-2]
    assert len(figures_spectra.profiles(profiles, ZOO).axes[0].lines) == 2


KERNELS = {
    "e": {
        "local_convolution_1_linear": ("1 linear", 3, 0),
        "full_convolution_1_linear": ("1 linear", 0, 0),
    }
}


def test_differences_are_between_the_same_images(read):
    table = spectra_tables.local_against_full(read, KERNELS, seed=0).set_index("of")
    perturbations = table.loc["perturbations"]
    difference = read[0]["perturbation"]["frequency"] - read[1]["perturbation"]["frequency"]
    assert perturbations["difference"] == pytest.approx(difference.mean())
    assert 0 < perturbations["low"] < perturbations["difference"] < perturbations["high"]
    read[1]["gradient"]["index"] = read[1]["gradient"]["index"] + 150
    table = spectra_tables.local_against_full(read, KERNELS, seed=0).set_index("of")
    assert table.loc["input gradients", "images"] == 50
    shifted = read[0]["gradient"]["frequency"][150:] - read[1]["gradient"]["frequency"][:50]
    assert table.loc["input gradients", "difference"] == pytest.approx(shifted.mean())


def test_kernels_are_compared_whatever_the_classifiers_are_called(read):
    as_shipped = spectra_tables.local_against_full(read, KERNELS, seed=0)
    mine = dict(zip(("tiny", "large"), KERNELS["e"].values(), strict=True))
    for one, name in zip(read, mine, strict=True):
        one["classifier"] = name
    read.append({**read[0], "classifier": "wider"})
    mine["wider"] = ("1 linear", 5, 0)
    read.append({**read[0], "classifier": "deeper"})
    mine["deeper"] = ("3 linear", 3, 0)
    table = spectra_tables.local_against_full(read, {"e": mine}, seed=0)
    named = table.groupby("kernel").agg("first")[["local_classifier", "full_classifier", "family"]]
    assert named.loc[3].tolist() == ["tiny", "large", "1 linear"]
    assert named.loc[5].tolist() == ["wider", "large", "1 linear"]
    assert len(table) == 4, "deeper has no full kernel of its family"
    assert table.iloc[:2]["difference"].tolist() == as_shipped["difference"].tolist()


def test_figures_draw_all_they_are_given(weights):
    means = {name: np.sqrt(grid).mean(0) for name, grid in weights.items()}
    figure = figures_spectra.spectra(means)
    titles = {axes.get_title() for axes in figure.axes if axes.images}
    assert titles == set(means)
    drawn = next(axes for axes in figure.axes if axes.get_title() == "smooth").images[0].get_array()
    # Zero frequency, where smoothed noise is strongest, is drawn in the middle.
    assert np.unravel_index(drawn.argmax(), drawn.shape) == (4, 4)
    numbers = figures_spectra.amplitude_table(means).set_index(["name", "fy", "fx"])["amplitude"]
    assert numbers["smooth", 0.0, 0.125] == pytest.approx(means["smooth"][0, 1])


def test_kernel_sizes_are_drawn_by_dataset_and_attack_at_equal_rate_and_accuracy(read):
    """Each line is of one way to train, and has the mean over seeds with its interval."""
    spectra, kernels, trained = [], {}, {}
    for name in ("rate", "accuracy"):
        kernels[name] = {}
        for seed in range(3):
            for side, one in zip((3, 0), read, strict=True):
                classifier = f"{side}_seed{seed}"
                perturbation = {**one["perturbation"], "amplitude": np.ones((8, 8))}
                perturbation["frequency"] = perturbation["frequency"] + 0.01 * seed
                spectra.append(
                    {
                        "experiment": name, "classifier": classifier, "attack": "pgd_l2",
                        "perturbation": perturbation,
                    }
                )  # fmt: skip
                kernels[name][classifier] = ("1 linear", side, seed)
                trained[name, classifier] = {"learning_rate": 0.01, "train_accuracy": 0.9}
                if name == "accuracy":
                    trained[name, classifier]["stop_accuracy"] = 0.9
    datasets = {"rate": "digits", "accuracy": "digits"}
    table = spectra_tables.kernel_sizes(spectra, kernels, datasets, 0, trained)
    assert len(table) == 2 * 2 * 3 + 2 * 2
    pooled = table[table["seeds"] == 3].set_index(["experiment", "kernel"])
    plain = read[0]["perturbation"]["frequency"].mean()
    # Student's t of 0, 0.01, 0.02 with two degrees of freedom.
    reach = 4.302653 * 0.01 / np.sqrt(3)
    assert pooled.loc[("rate", 3), "mean"] == pytest.approx(plain + 0.01)
    assert pooled.loc[("rate", 3), "high"] == pytest.approx(plain + 0.01 + reach)
    assert pooled.loc[("accuracy", 8), "full_kernel"], "as large as the image"
    figure = figures_spectra.kernel_sizes(table)
    (axes,) = figure.axes
    assert [line.get_text() for line in figure.legends[0].get_texts()] == [
        "1 linear, learning rate 0.01", "1 linear, stopped at training accuracy 0.9",
    ]  # fmt: skip
    assert [label.get_text() for label in axes.get_xticklabels()] == ["3", "full"]
    drawn = [container[0].get_xydata() for container in axes.containers]
    expected = pooled.loc["rate"].sort_values("kernel").reset_index()[["kernel", "mean"]]
    assert len(drawn) == 2
    np.testing.assert_allclose(drawn[0], expected)


def test_frequencies_are_drawn_with_the_names_of_the_classifiers(read):
    table = spectra_tables.frequencies(read, seed=0)
    drawn = figures_spectra.frequencies(table, "digits", (8, 8)).axes[0]
    assert [label.get_text() for label in drawn.get_yticklabels()] == [
        "local convolution 1 linear", "full convolution 1 linear",
    ]  # fmt: skip
