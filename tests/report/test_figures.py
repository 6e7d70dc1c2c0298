"""Figures: what they draw is what was measured, they survive gray print, and redo no science."""

import os
import re
import time

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from conftest import ROOT
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from PIL import Image

from idbias import files, fourier
from idbias.config import targets
from idbias.config.checking import check, selected
from idbias.errors import InputError
from idbias.report import costs, figures, figures_masks, figures_spiral, mask_examples

FIGURES = "results/figures/digits/small_cnn"
FMN = f"{FIGURES}/correlations/fmn"
DRAWING = {
    "dimension_figures",
    "mask_figures",
    "classifier_figures",
    "spiral_figures",
    "costs",
    "spectra_figures",
    "kernel_figure",
}


def drawn(image):
    """The numbers matplotlib was given for the image in `image` (axes)."""
    return np.asarray(image.get_images()[0].get_array())


@pytest.fixture(scope="module")
def pairs(finished):
    return files.read(finished.folder / "results/digits/small_cnn/correlations/fmn/pairs.h5")[0]


def test_each_figure_comes_as_png_pdf_and_numbers(finished):
    pngs = list((finished.folder / "results/figures").rglob("*.png"))
    assert {path.stem for path in pngs} == {
        "shuffles", "scale", "images", "essential_masks", "adversarial_masks", "mean_masks", "radial_profile",
        "training", "mask_steps", "yields", "spiral", "joint", "costs", "perturbations", "mask_sizes",
        "classes", "sensitivity", "bands",
        "spectra", "profiles", "frequencies", "kernel_sizes",
    }  # fmt: skip
    for path in pngs:
        pixels = imread(path)[..., :3]
        assert min(pixels.shape[:2]) > 200
        assert pixels.std() > 0.05, f"{path} is empty"
        assert path.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
        assert len(pd.read_csv(path.with_suffix(".csv"))) > 0


def test_the_readme_s_picture_is_a_figure_of_the_demonstration():
    config = yaml.safe_load((ROOT / "config.yaml").read_text("utf-8"))
    chosen = selected(config, check(config))
    figures = {path.removesuffix(".png") for path in targets.figures(chosen)}
    pictures = re.findall(r"!\[[^]]*\]\(([^)]*)\)", (ROOT / "README.md").read_text("utf-8"))
    assert pictures
    for picture in pictures:
        with Image.open(ROOT / picture) as image:
            assert image.text["Title"] in figures


def test_the_numbers_of_the_masks_are_those_of_the_pairs(finished, pairs):
    mean = pd.read_csv(finished.folder / FMN / "mean_masks.csv")
    assert len(mean) == 64
    for k, m in ((0, 0), (1, 0), (0, -3), (-4, 2)):
        row = mean[(mean.vertical_frequency == k) & (mean.horizontal_frequency == m)].iloc[0]
        assert row.essential == pytest.approx(pairs["first"][:, 0, k, m].mean(), rel=1e-5)
        assert row.adversarial == pytest.approx(pairs["second"][:, 0, k, m].mean(), rel=1e-5)
    profile = pd.read_csv(finished.folder / FMN / "radial_profile.csv").set_index("set")
    # The ring around zero: (1, 0), (0, 1), (1, 1) and their mirror images, radius 1 and 1.41.
    ring = [pairs["second"][:, 0, k, m] for k in (-1, 0, 1) for m in (-1, 0, 1) if (k, m) != (0, 0)]
    values = np.mean(ring, axis=0)
    row = profile.loc["adversarial"].iloc[1]
    assert row["radius"] == pytest.approx((1 + 2**0.5) / 16)
    assert row["mean"] == pytest.approx(values.mean(), rel=1e-5)
    assert row["high"] - row["mean"] == pytest.approx(
        1.96 * values.std(ddof=1) / len(values) ** 0.5, rel=1e-5
    )
    for name, key in (("essential_masks", "first"), ("adversarial_masks", "second")):
        shown = pd.read_csv(finished.folder / FMN / f"{name}.csv")
        assert len(shown) == min(20, len(pairs["index"]))
        rows = [list(pairs["index"]).index(one) for one in shown["index"]]
        sums = pairs[key][rows].sum(axis=(1, 2, 3))
        np.testing.assert_allclose(shown[f"{name.split('_')[0]}_sum"], sums, rtol=1e-5)
        assert shown["label"].is_monotonic_increasing


def test_the_images_shown_have_the_classes_above_them(finished):
    """The classifier itself, given what rows A to D show, says what stands above them."""
    from idbias.classifiers import models
    from idbias.datasets.images import read_images

    about = pd.read_csv(finished.folder / FMN / "images.csv")
    results = finished.folder / "results/digits"
    classifier = models.load(results / "small_cnn/classifier.h5")
    attacked, _ = files.read(results / "small_cnn/attacks/fmn/00000-00095.h5")
    pairs, _ = files.read(results / "small_cnn/correlations/fmn/pairs.h5")
    for one in about.itertuples():
        clean, _ = read_images(results / "dataset.h5", "masked", slice(one.index, one.index + 1))
        adversarial = attacked["adversarial"][attacked["index"] == one.index]
        masks = (pairs[key][pairs["index"] == one.index] for key in ("first", "second"))
        rows = [clean, adversarial]
        rows += [
            figures_masks.filtered(mask, image) for mask, image in zip(masks, rows, strict=True)
        ]
        found = models.logits_of(classifier, np.concatenate(rows).astype(np.float32)).argmax(1)
        assert list(found) == [
            one.label, one.adversarial_class, one.essential_predicted, one.adversarial_predicted,
        ]  # fmt: skip
        assert one.adversarial_class != one.label == one.essential_predicted


def test_filtering_is_the_library_s():
    rng = np.random.default_rng(0)
    images, masks = rng.random((2, 3, 5, 8)), rng.random((2, 3, 5, 8))
    expected = fourier.filtered(torch.as_tensor(masks), torch.as_tensor(images)).numpy()
    np.testing.assert_allclose(figures_masks.filtered(masks, images), expected, atol=1e-12)


def test_masks_are_drawn_with_zero_frequency_in_the_middle_and_channels_in_order():
    masks = np.zeros((3, 3, 8, 6), np.float32)
    masks[0, 0, 0, 0] = 1  # the mean of red
    masks[1, 1, 1, 0] = 1  # green, one cycle downwards
    masks[2, 2, 0, -1] = 1  # blue, one cycle to the left
    axes = figures_masks.gallery(masks, ["a", "b", "c"]).axes
    for one, place in zip(axes, ((4, 3, 0), (5, 3, 1), (4, 2, 2)), strict=True):
        assert [tuple(at) for at in np.argwhere(drawn(one))] == [place]
    one_channel = figures_masks.gallery(masks[:1, :1], ["a"]).axes[0]
    assert drawn(one_channel).shape == (8, 6)
    means = figures_masks.mean_masks(masks[0], masks[1], "x").axes
    assert np.argwhere(drawn(means[0])).tolist() == [[4, 3]]
    left, right, bottom, top = means[0].get_images()[0].get_extent()
    assert (left + right) / 2 + 0.5 == 0, "the middle pixel must lie at frequency 0"
    assert top == -4.5
    assert bottom == 3.5


def test_examples_are_the_first_of_each_class_in_turn():
    labels = np.array([2, 2, 0, 1, 2, 0])
    assert mask_examples.examples(labels, 3).tolist() == [2, 3, 0]
    assert mask_examples.examples(labels, 5).tolist() == [2, 5, 3, 0, 1]
    assert sorted(mask_examples.examples(labels, 20)) == list(range(6))


def test_averages_do_not_depend_on_blocks(monkeypatch):
    masks = np.random.default_rng(1).random((7, 3, 6, 4)).astype(np.float32)
    mean, profile = figures_masks.averages(masks)
    np.testing.assert_allclose(mean, masks.mean(axis=0), rtol=1e-6)
    monkeypatch.setattr(figures_masks, "BLOCK", 2)
    again, same = figures_masks.averages(masks)
    np.testing.assert_allclose(again, mean)
    pd.testing.assert_frame_equal(same, profile)


def test_the_shuffled_spiral_is_the_test_s_first_replicate(finished):
    from idbias.correlation.dependence import intrinsic_dimension
    from idbias.correlation.distances import squared_distances

    folder = finished.folder / "results/spiral/correlations"
    points = pd.read_csv(finished.folder / "results/figures/spiral/correlations/spiral.csv")
    x, y = (squared_distances(points[name].to_numpy()[:, None]) for name in ("x", "y_shuffled"))
    replicates, _ = files.read(next((folder / "shuffles").glob("*.h5")))
    first = replicates["intrinsic_dimension"][replicates["replicate"] == 0].item()
    assert intrinsic_dimension(x, y) == pytest.approx(first, rel=1e-6)


def test_joint_densities_integrate_to_one_and_the_shuffle_keeps_the_margins():
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 6, 2000)
    points = pd.DataFrame({"x": np.cos(angle), "y": np.sin(angle)})
    points["y_shuffled"] = rng.permutation(points["y"])
    density = figures_spiral.densities(points)
    cells = figures_spiral.CELLS
    area = np.prod([np.ptp(density[name].unique()) / (cells - 1) for name in ("x", "y")])
    whole, shuffled = (
        density[name].to_numpy().reshape(cells, cells) for name in ("density", "density_shuffled")
    )
    assert whole.sum() * area == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(whole.sum(axis=0), shuffled.sum(axis=0), atol=1e-2)
    np.testing.assert_allclose(whole.sum(axis=1), shuffled.sum(axis=1), atol=1e-2)
    # Unlike the circle, independent coordinates also fall near its middle.
    middle = slice(cells // 2 - 10, cells // 2 + 10)
    assert whole[middle, middle].max() == 0
    assert shuffled[middle, middle].max() > 0


def luminance(colour):
    """Relative luminance (WCAG 2): what a gray print keeps of a colour, 0 to 1."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return np.dot([0.2126, 0.7152, 0.0722], linear)


def test_what_is_told_apart_differs_in_gray():
    together = (
        (figures.ESSENTIAL, figures.ADVERSARIAL),
        (figures.SHUFFLED, figures.OBSERVED),
        *(
            (one, other)
            for (one, _), (other, _) in zip(figures.lines(4), figures.lines(4)[1:], strict=False)
        ),
    )
    for one, other in together:
        light, dark = sorted((luminance(one), luminance(other)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) > 1.4, (one, other)
    assert len({dashes for _, dashes in figures.lines(4)}) == 4


def test_figures_have_the_same_bytes_each_time(tmp_path):
    history = pd.DataFrame({"epoch": [1, 2], "loss": [1.0, 0.5], "train_accuracy": [0.5, 0.9]})
    paths = [tmp_path / f"x.{kind}" for kind in ("png", "pdf", "csv")]
    written = []
    for _ in range(2):
        figures.write(figures.training_curves(history, "x"), history, *map(str, paths))
        written.append([path.read_bytes() for path in paths])
        time.sleep(1.1)  # dates in files count seconds
    assert written[0] == written[1]


def test_a_classifier_that_was_not_trained_here_has_a_figure_too():
    figure = figures.training_curves(pd.DataFrame(), "x")
    assert not figure.axes
    assert "not trained here" in figure.texts[-1].get_text()


def test_yields_count_what_the_table_counts(finished):
    counts = pd.read_csv(finished.folder / FIGURES / "yields.csv").fillna("")
    counts = counts.set_index(["set", "stage"])["images"]
    row = pd.read_csv(finished.folder / "results/digits/small_cnn/correlations/fmn/row.csv").iloc[0]
    assert counts["", "images"] == row.images
    assert counts["", "essential masks kept"] == row.essential_masks
    assert counts["fmn", "adversarial masks kept"] == row.adversarial_masks
    assert counts["fmn", "pairs"] == row.pairs
    assert counts["fmn", "attack succeeded"] == pytest.approx(
        row.attack_success * counts["", "classified correctly"]
    )


def test_costs_add_up_the_benchmarks(finished, tmp_path):
    def benchmark(name, seconds, memory):
        path = tmp_path / "digits" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\tmax_rss\tcpu_time\n{seconds}\t{memory}\t{seconds / 2}\n")

    benchmark("net/attacks/pgd/00000-00009.tsv", 4, 100)
    benchmark("net/attacks/pgd/00010-00019.tsv", 6, 300)
    benchmark("net/masks/adversarial/pgd/00000-00009.tsv", 10, 50)
    benchmark("net/correlations/pgd/row.tsv", 1, "-")
    benchmark("net/classifier.tsv", 7, 90)
    benchmark("net/spectra/classifier.tsv", 2, 90)
    table = costs.by_stage(tmp_path, ["digits"]).set_index("stage")
    assert list(table.index) == [
        "classifier",
        "attacks",
        "spectra",
        "adversarial masks",
        costs.OTHER,
    ]
    assert table.loc["classifier", "seconds"] == 7
    assert table.loc["attacks", ["jobs", "seconds", "longest_seconds", "cpu_seconds"]].tolist() == [
        2, 10, 6, 5,
    ]  # fmt: skip
    assert table.loc["attacks", "memory_mb"] == 300
    figures.costs(table.reset_index())
    with pytest.raises(InputError, match="no benchmarks of other"):
        costs.by_stage(tmp_path, ["other"])

    written = pd.read_csv(finished.folder / "results/figures/costs.csv")
    assert set(written["experiment"]) == {"digits", "digits_spectra", "spiral"}
    assert {"classifier", "attacks", "essential masks", "shuffles"} <= set(written["stage"])


def test_figures_are_redrawn_alone(finished, tmp_path):
    workflow = finished.clone(tmp_path / "edited")
    for module in ("report/figures.py", "report/figures_masks.py", "report/costs.py"):
        time.sleep(0.05)
        with open(
            workflow.folder / "workflow_scripts/idbias" / module, "a", encoding="utf-8"
        ) as file:
            file.write("\nEDITED = True\n")
    plan = workflow.plan("figures")
    assert plan.keys() - {"figures"} == DRAWING
    science = workflow.folder.glob("results/**/*.h5")
    before = {path: os.stat(path).st_mtime_ns for path in science}
    target = f"{FMN}/images.png"
    (workflow.folder / target).unlink()
    workflow.snakemake(target)
    assert (workflow.folder / target).exists()
    assert before == {path: os.stat(path).st_mtime_ns for path in before}
