"""Paper 2 through the workflow: spectra beside masks, and accuracies beside the published ones."""

import json
import re
import runpy
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT
from own_attacks import Uncompiled
from snakemake.iocontainers import Namedlist
from test_archives import mnist_files

from idbias import files
from idbias.attacks import brendel_bethge
from idbias.classifiers import models
from idbias.spectra import linear_models, measured_spectra


class Named(dict):
    """What Snakemake hands to a script as wildcards."""

    __getattr__ = dict.__getitem__


SMALL_CNN = "results/digits/small_cnn"
LOCAL = "results/digits_spectra/local_convolution_1_linear"


def table(workflow, name):
    return pd.read_csv(workflow.folder / f"results/tables/{name}.csv")


def test_frequencies_are_those_of_the_perturbations_and_the_masks(finished):
    spectra = table(finished, "spectra")
    rows = spectra[spectra.experiment == "digits"].set_index("of")
    assert list(rows.index) == [
        "perturbations", "input gradients", "essential masks", "adversarial masks",
    ]  # fmt: skip
    attacked, _ = files.read(finished.folder / SMALL_CNN / "attacks/fmn/00000-00095.h5")
    dataset, about = files.read(finished.folder / "results/digits/dataset.h5")
    clean = dataset["test/images"][attacked["index"]] * np.float32(about["scale"])
    # By the definition, in other words than the library's: loops over the grid.
    expected = []
    for delta in (attacked["adversarial"] - clean)[attacked["success"]]:
        weights = (np.abs(np.fft.fft2(delta.astype(float))) ** 2).sum(0)
        radius = [[np.hypot(min(y, 8 - y), min(x, 8 - x)) / 8 for x in range(8)] for y in range(8)]
        expected.append((weights * radius).sum() / weights.sum())
    assert rows.loc["perturbations", "mean"] == pytest.approx(np.mean(expected))
    assert rows.loc["perturbations", "images"] == len(expected)
    masks, _ = files.read(finished.folder / SMALL_CNN / "masks/essential/00000-00095.h5")
    kept = masks["mask"][masks["kept"]].sum(1)
    frequency = (kept * radius).sum((1, 2)) / kept.sum((1, 2))
    assert rows.loc["essential masks", "mean"] == pytest.approx(frequency.mean())


def test_end_to_end_weights_and_the_inequalities_of_each_linear_model(finished):
    for name in ("local_convolution_1_linear", "full_convolution_1_linear"):
        folder = finished.folder / "results/digits_spectra" / name
        spectrum, _ = files.read(folder / "classifier_spectrum.h5")
        assert spectrum["weights/error"] < 1e-5
        classifier = models.load(folder / "classifier.h5")
        beta = linear_models.jacobian(classifier, (1, 8, 8))
        weights = np.abs(np.fft.fft2(beta - beta.mean(0))) ** 2
        np.testing.assert_allclose(
            spectrum["weights/frequency"],
            measured_spectra.measures(weights)["frequency"],
            rtol=1e-6,
        )
    rows = table(finished, "inequalities")
    assert set(rows.classifier) == {"local_convolution_1_linear", "full_convolution_1_linear"}
    assert rows.holds.all()
    assert set(rows.inequality) == {"uncertainty", "product"}
    difference = table(finished, "local_against_full").set_index("of").loc["perturbations"]
    assert difference.difference == pytest.approx(difference.local - difference.full)
    sizes = table(finished, "kernel_sizes").set_index("kernel")
    spectra = table(finished, "spectra").query("of == 'perturbations'").set_index("classifier")
    for side, name in ((3, "local_convolution_1_linear"), (8, "full_convolution_1_linear")):
        assert sizes.loc[side, "mean"] == spectra.loc[name, "mean"]
    assert (sizes.dataset == "digits").all()


def test_attacks_say_what_they_did(finished):
    rows = table(finished, "attacks").set_index("experiment")
    attacked, _ = files.read(finished.folder / SMALL_CNN / "attacks/fmn/00000-00095.h5")
    assert rows.loc["digits", "correct"] == len(attacked["success"])
    assert rows.loc["digits", "attack_success"] == attacked["success"].mean()
    assert rows.loc["digits", "median_linf"] == pytest.approx(
        np.median(attacked["linf"][attacked["success"]])
    )


def test_an_experiment_of_spectra_alone_trains_no_masks(finished, tmp_path):
    workflow = finished.clone(tmp_path / "spectra")
    workflow.configure({"experiments": ["digits_spectra"]})
    plan = workflow.plan("--forceall", "all")
    assert plan["perturbation_spectrum"] == 2
    assert not {"essential_mask_shard", "row", "mask_figures"} & set(plan)
    assert set(workflow.plan("masks", "correlations")) <= {"masks", "correlations"}


def test_accuracies_stand_beside_the_published_ones(project, tmp_path):
    folder = tmp_path / "mnist"
    folder.mkdir()
    _, archives = mnist_files()
    for name, content in archives.items():
        (folder / name).write_bytes(content)
    config = yaml.safe_load((project.folder / "config.yaml").read_text())
    block = config["experiment_blocks"]["paper2"]
    names = ["fully_connected_1_linear"]
    block["classifiers"] = names
    block |= {"dataset": ["mnist"], "images": 3, "overrides": {"recipe": {"epochs": 1}}}
    config |= {"experiments": ["paper2_mnist"], "experiment_blocks": {"paper2": block}}
    config["datasets"]["mnist"] |= {"path": str(folder), "images": 3}
    (project.folder / "config.yaml").write_text(yaml.safe_dump(config))
    project.snakemake("accuracies")
    rows = table(project, "accuracies").set_index("classifier")
    assert list(rows.index) == names
    assert list(rows.published_accuracy) == [0.92]
    assert list(rows.epochs) == [1]
    predictions = project.folder / "results/paper2_mnist/fully_connected_1_linear/predictions.h5"
    measured, _ = files.read(predictions)
    assert rows.loc["fully_connected_1_linear", "test_accuracy"] == measured["correct"].mean()


def test_brendel_bethge_runs_as_an_attack_of_the_workflow(finished, tmp_path, monkeypatch):
    """The rule's script, with its time limit; a solver that nothing compiles, to start at once."""
    monkeypatch.setattr(brendel_bethge, "OneImage", Uncompiled)
    config = yaml.safe_load((finished.folder / "config.yaml").read_text())
    config["execution"]["device"] = "cpu"
    settings = {"attack": "L2BrendelBethgeAttack", "arguments": {"steps": 20}, "epsilon": None}
    wildcards = {"experiment": "digits_spectra", "attack": "bb_l2", "shard": "00000-00007"}
    names = {"dataset": finished.folder / "results/digits_spectra/dataset.h5"}
    names |= {
        name: finished.folder / LOCAL / f"{name}.h5" for name in ("classifier", "predictions")
    }
    shard = SimpleNamespace(
        input=Namedlist(fromdict=names), output=[tmp_path / "shard.h5"], log=[tmp_path / "log"],
        params=SimpleNamespace(settings=settings, seed=0), wildcards=Named(wildcards),
        threads=1, config=config, rule="attack_shard_on_cpu",
    )  # fmt: skip
    runpy.run_path(ROOT / "workflow_scripts/attack_images.py", {"snakemake": shard})
    attacked, about = files.read(tmp_path / "shard.h5")
    assert json.loads(about["settings"])["attack"] == "L2BrendelBethgeAttack"
    assert attacked["success"].all()
    assert not attacked["timed_out"].any()
    assert (attacked["start"] > 0).all()
    assert (attacked["l2"] > 0).all()


def test_brendel_bethge_goes_to_processors_in_shards_of_its_own(project):
    folder = "results/paper2_mnist/fully_connected_1_linear/attacks"
    plan = project.snakemake("-n", f"{folder}/bb_l2.h5", f"{folder}/pgd_l2.h5").stdout
    shards = re.findall(r"^rule attack_shard(_on_cpu)?:\n((?:    .*\n)*)", plan, re.M)
    assert len(shards) == 20
    for on_cpu, job in shards:
        assert ("gpu=1" in job) != bool(on_cpu)
        assert ("attack=bb_l2" in job) == bool(on_cpu)
