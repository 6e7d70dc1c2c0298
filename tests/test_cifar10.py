"""Real CIFAR-10 images and the public ResNet-20, through the whole workflow."""

import os
from pathlib import Path

import pandas as pd
import pytest
import yaml

from idbias import files

HERE = Path(__file__).parent
DATA = Path(os.environ.get("IDBIAS_TEST_DATA", HERE.parent.parent / "shared" / "data")).resolve()
ATTACKS = ["fmn", "pgd", "deepfool"]


@pytest.mark.long
@pytest.mark.skipif(not DATA.is_dir(), reason=f"no test data in {DATA}")
def test_three_attacks_on_64_images_from_archive_to_table(project):
    config = yaml.safe_load((HERE / "cifar10_sample.yaml").read_text())
    dataset = config["datasets"]["cifar10_sample"]
    weights = config["classifiers"]["resnet20_public"]["weights"]
    for section in (dataset, weights):
        section["path"] = str(DATA / Path(section["path"]).name)
    weights["path"] = "file://" + weights["path"]
    dataset["images"] = 64
    # Few steps: what is tested is the way from the archive to the table, not masks and attacks.
    config["masks"] = {"min_steps": 40, "max_steps": 60}
    config["attacks"] = {
        "fmn": {"arguments": {"steps": 40}},
        "pgd": {"arguments": {"steps": 20}},
        "deepfool": {"arguments": {"steps": 10}},
    }
    config["execution"] = {"attack_batch": 64}
    project.configure(config)
    project.snakemake("correlations")
    results = project.folder / "results/cifar10_sample/resnet20_public"
    predictions, about = files.read(results / "predictions.h5")
    assert predictions["correct"].sum() == 932
    assert len(predictions["correct"]) == 1017
    assert about["test_accuracy"] == pytest.approx(0.9164, abs=5e-5)
    for attack in ATTACKS:
        row = pd.read_csv(results / "correlations" / attack / "row.csv").iloc[0]
        assert row.images == 64
        assert row.attack_success > 0.8
        assert 30 < row.pairs <= predictions["correct"][:64].sum()
        attacked, _ = files.read(results / f"attacks/{attack}/00000-00063.h5")
        assert (attacked["adversarial_class"] != attacked["label"]).sum() == attacked[
            "success"
        ].sum()
        assert attacked["linf"].max() <= (0.01 + 1e-6 if attack == "pgd" else 1)
    perturbations = {
        a: files.read(results / f"attacks/{a}/00000-00063.h5")[0]["linf"] for a in ATTACKS
    }
    assert pd.Series(perturbations["fmn"]).median() < pd.Series(perturbations["pgd"]).median()
