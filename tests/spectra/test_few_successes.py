"""Paper 2's five attacks on its zoo, as printed in Table 10: all tables and figures, whatever succeeds."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import yaml
from conftest import ROOT
from own_attacks import Uncompiled

from idbias import files
from idbias.attacks import batched, brendel_bethge
from idbias.classifiers import models, training
from idbias.classifiers.predictions import predict
from idbias.config.schema_entries import Dataset, Recipe
from idbias.datasets import writing
from idbias.datasets.images import read_images
from idbias.report import figures_spectra as drawing
from idbias.report import table_rows, tables
from idbias.spectra import classifier_spectrum, measured_spectra, spectra_tables

ATTACKS = ("pgd_linf", "pgd_l2", "pgd_l1", "bb_linf", "bb_l2")
# A pair of kernels: where no attack succeeds on one of them, there is no difference.
ZOO = {
    f"{kernel}_convolution_1_linear": ("1 linear", 3 * (kernel == "local"), 0)
    for kernel in ("local", "full")
}
IMAGES, STEPS, SEED = 12, 5, 0


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The files of all stages: models trained for two epochs, and attacks of a few steps."""
    folder = tmp_path_factory.mktemp("zoo")
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    dataset = folder / "dataset.h5"
    digits = Dataset(**config["datasets"]["digits"])
    writing.write(dataset, digits.source_settings, SEED, published=digits.published)
    train, labels = read_images(dataset, "train", keep_bytes=True)
    images, truth = read_images(dataset, "masked", slice(0, IMAGES))
    recipe = Recipe(epochs=2, learning_rate=0.01, schedule="constant", augment=False)
    found = {"dataset": dataset, "attacks": {}, "classifiers": {}, "predictions": {}}
    for name in ZOO:
        settings = {"network": name, "arguments": {}, "normalisation": None}
        classifier = models.make(settings, (1, 8, 8), 10)
        training.train(classifier, train, labels, recipe, seed=0)
        names = {"experiment": "digits_zoo", "classifier": name}
        path, predictions = folder / f"{name}.h5", folder / f"{name}_predictions.h5"
        models.save(path, classifier, settings, (1, 8, 8), 10, [], names)
        classifier = models.load(path, images=images)
        arrays, accuracy = predict(classifier, dataset)
        files.write(predictions, arrays, {**names, "test_accuracy": accuracy})
        datasets, _ = classifier_spectrum.measure(path, dataset, predictions, IMAGES)
        spectrum = folder / f"{name}_spectrum.h5"
        files.write(spectrum, datasets, names)
        found["classifiers"][name], found["predictions"][name] = spectrum, predictions
        correct = arrays["correct"][:IMAGES]
        given = images[correct], truth[correct], np.flatnonzero(correct)
        for attack in ATTACKS:
            settings = {"epsilon": None, **config["attacks"][attack]}
            settings["arguments"] = {**settings["arguments"], "steps": STEPS}
            attacked = run(classifier, given, settings)
            shard = folder / f"{name}_{attack}.h5"
            count = len(attacked["success"])
            columns = {"index": given[2][:count], "label": given[1][:count], **attacked}
            files.write(shard, columns, {**names, "attack": attack})
            found["attacks"][name, attack] = shard
    return found


def run(classifier, given, settings):
    if "Brendel" not in settings["attack"]:
        return batched.run(classifier, *given, settings, seed=SEED, batch_size=16)
    with pytest.MonkeyPatch.context() as patch:
        # A solver that nothing has to compile. It is made for l2, and finds little in linf.
        patch.setattr(brendel_bethge, "OneImage", Uncompiled)
        settings = {**settings, "attack": "L2BrendelBethgeAttack"}
        few = [part[:6] for part in given]  # most of the time is the search for a start
        return brendel_bethge.run(classifier, *few, settings, seed=SEED)


@pytest.fixture(scope="module", params=["as printed", "none succeeds", "one succeeds"])
def spectra(request, made, tmp_path_factory):
    """What the tables read, with successes of pgd_l1 as they were, or none of them, or one."""
    folder = tmp_path_factory.mktemp("spectra")
    paths = []
    for (name, attack), path in made["attacks"].items():
        arrays, _ = files.read(path)
        if attack == "pgd_l1" and request.param != "as printed":
            arrays["success"][:] = False
            arrays["success"][: request.param == "one succeeds"] = True
            arrays["adversarial"][0] = 1 - arrays["adversarial"][0]
            arrays["l2"][0] = 1
            path = folder / f"{name}_attack.h5"
            files.write(path, arrays, {})
        measured = measured_spectra.of_perturbations(made["dataset"], path)
        paths.append(folder / f"{name}_{attack}.h5")
        files.write(
            paths[-1],
            {f"perturbation/{key}": values for key, values in measured.items()},
            {"experiment": "digits_zoo", "classifier": name, "attack": attack},
        )
    return request.param, spectra_tables.read(paths, list(made["classifiers"].values()))


def test_every_attack_has_its_row_and_says_why_numbers_are_missing(spectra, tmp_path):
    case, read = spectra
    table = spectra_tables.frequencies(read, seed=0)
    rows = table[table.of == "perturbations"].set_index(["classifier", "attack"])
    assert len(rows) == len(ZOO) * len(ATTACKS)
    few = rows[rows.images < 5]
    assert few[["low", "high"]].isna().all(axis=None)
    assert (few.reason != "").all()
    rest = rows[rows.images >= 5]
    assert len(rest) > 0
    assert rest[["mean", "low", "high"]].notna().all(axis=None)
    if case != "as printed":
        l1 = rows[rows.index.get_level_values("attack") == "pgd_l1"]
        images = 1 if case == "one succeeds" else 0
        assert (l1.images == images).all()
        assert (l1["mean"].notna() == (images > 0)).all()
        assert l1.reason.str.contains("no interval" if images else "no image").all()
    tables.write(
        table, **{kind: tmp_path / f"t.{kind}" for kind in ("csv", "markdown", "latex", "html")}
    )


def test_local_against_full_keeps_the_other_attacks(spectra):
    case, read = spectra
    table = spectra_tables.local_against_full(read, {"digits_zoo": ZOO}, seed=0)
    rows = table[table.of == "perturbations"].set_index("attack")
    assert list(rows.index) == list(ATTACKS)
    assert rows.loc["pgd_l2", ["difference", "low", "high"]].notna().all()
    if case != "as printed":
        assert rows.loc[["pgd_l1"], ["low", "high"]].isna().all(axis=None)
        assert rows.loc["pgd_l1", "reason"]


def test_over_seeds_a_training_without_success_does_not_count(spectra):
    case, read = spectra
    seeds = [
        {**one, "classifier": f"{one['classifier']}_{seed}"} for seed in (0, 1) for one in read
    ]
    kernels = {f"{name}_{seed}": (*ZOO[name][:2], seed) for name in ZOO for seed in (0, 1)}
    table = spectra_tables.local_against_full(seeds, {"digits_zoo": kernels}, seed=0)
    means = table[table.seeds.notna() & (table.of == "perturbations")].set_index("attack")
    assert means.loc["pgd_l2", "seeds"] == 2
    assert ("pgd_l1" in means.index) == (case != "none succeeds") or case == "as printed"


@pytest.mark.parametrize("attack", ["pgd_l1", "pgd_l2"])
def test_figures_are_drawn_whatever_succeeded(spectra, attack):
    _, read = spectra
    of = {one["classifier"]: one["perturbation"] for one in read if one["attack"] == attack}
    of_attack = [one for one in read if one["attack"] == attack]
    table = spectra_tables.frequencies(of_attack, seed=0)
    zoo, digits = {"digits_zoo": ZOO}, {"digits_zoo": "digits"}
    for figure in (
        drawing.spectra({name: one["amplitude"] for name, one in of.items()}),
        drawing.profiles(
            drawing.profile_table({n: one["profile"] for n, one in of.items()}, (8, 8), 0), {}
        ),
        drawing.frequencies(table, attack, (8, 8)),
        drawing.kernel_sizes(spectra_tables.kernel_sizes(of_attack, zoo, digits, seed=0)),
    ):
        figure.canvas.draw()
        plt.close(figure)


def test_the_table_of_attacks_counts_what_failed(made):
    names = [{"classifier": name, "attack": attack} for name, attack in made["attacks"]]
    predictions = [made["predictions"][name] for name, _ in made["attacks"]]
    table = table_rows.attacks(names, predictions, list(made["attacks"].values()))
    assert list(table.failed) == [0] * len(names)
    assert (table.succeeded <= table.correct).all()
