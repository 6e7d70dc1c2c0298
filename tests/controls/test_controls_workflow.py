"""Controls, epsilons and seeds as users run them: rows beside the attack's, and finished work reused."""

import pandas as pd
import pytest

from idbias import files

FOLDER = "results/digits/small_cnn"
# One without masks of its own, and one with; those of other classifiers differ in a file's name.
KINDS = ["spectrum", "noise"]
NETWORKS = {
    "tiny": {
        "network": "small_cnn",
        "recipe": {"optimizer": "adam", "learning_rate": 0.003, "epochs": 5, "augment": False},
    }
}
# From a control's masks to its contrast.
TESTED = {"distances": 1, "intrinsic_dimensions": 1, "shuffle_shard": 1, "row": 1, "contrast": 1}


def changed(**block):
    return {"experiment_blocks": {"digits": block}, "classifiers": NETWORKS}


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({"controls": ["spectrum"]}, {"spectrum_pairs": 1, **TESTED}),
        (
            {"controls": ["noise"]},
            {"control_images": 1, "control_mask_shard": 1, "control_pairs": 1, **TESTED},
        ),
        (
            {"controls": ["other_seed"]},
            {"classifier": 1, "essential_mask_shard": 1, "control_pairs": 1, **TESTED},
        ),
        (
            {"controls": ["other_network"], "other_network": "tiny"},
            {"classifier": 1, "essential_mask_shard": 1, "control_pairs": 1, **TESTED},
        ),
        (
            {
                "attacks": ["fmn", "pgd"],
                "overrides": {"attacks": {"pgd": {"epsilon": [0.1, 0.2]}}},
            },
            {"attack_shard": 2, "adversarial_mask_shard": 2, "mask_pairs": 2}
            | {rule: 2 for rule in TESTED if rule != "contrast"},
        ),
        (
            {"seeds": [0, 1]},
            {"classifier": 1, "attack_shard": 1, "essential_mask_shard": 1, "mask_pairs": 1}
            | {"adversarial_mask_shard": 1, **TESTED, "contrast": 0},
        ),
    ],
    ids=["spectrum", "noise", "other_seed", "other_network", "epsilons", "seeds"],
)
def test_an_arm_more_reuses_every_finished_shard(finished, tmp_path, block, expected):
    workflow = finished.clone(tmp_path / "arms")
    workflow.configure(changed(**block))
    plan = workflow.plan("correlations")
    # The one row that is there is written again where its first columns now say which arm it is.
    rows = expected["row"] + ("seeds" in block)
    expected = {rule: count for rule, count in {**expected, "row": rows}.items() if count}
    assert plan == {**expected, "correlations": 1}


def test_controls_stand_beside_the_attack_s_row(finished, tmp_path):
    workflow = finished.clone(tmp_path / "controls")
    workflow.configure(changed(controls=KINDS))
    workflow.snakemake("results/tables/controls.md")
    table = pd.read_csv(workflow.folder / "results/tables/controls.csv").set_index("control")
    assert list(table.index) == ["none", *KINDS]
    own = pd.read_csv(workflow.folder / FOLDER / "correlations/fmn/row.csv").iloc[0]
    assert table.loc["none", "z"] == own["z"], "the attack's row is the one that was there"
    assert pd.isna(table.loc["none", "contrast"])
    controls = table.drop("none")
    assert ((controls["contrast_low"] < controls["contrast"]) & (controls["contrast_p"] <= 1)).all()
    assert (controls["contrast_images"] <= controls["pairs"]).all()
    markdown = (workflow.folder / "results/tables/controls.md").read_text()
    assert "attack - control [95 % interval]" in markdown

    def pairs(control):
        return files.read(workflow.folder / FOLDER / f"controls/fmn/{control}/pairs.h5")

    attack, _ = files.read(workflow.folder / FOLDER / "correlations/fmn/pairs.h5")
    spectrum, about = pairs("spectrum")
    assert about["control"] == "spectrum"
    assert (spectrum["second"] == attack["second"]).all()
    noise, _ = pairs("noise")
    shared = {image: row for row, image in enumerate(attack["index"])}
    rows = [shared[image] for image in noise["index"] if image in shared]
    kept = [row for row, image in enumerate(noise["index"]) if image in shared]
    assert (noise["first"][kept] == attack["first"][rows]).all()
    masks, _ = files.read(workflow.folder / FOLDER / "controls/fmn/noise/masks/00000-00095.h5")
    assert (masks["target"] == masks["label"]).all()
