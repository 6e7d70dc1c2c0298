"""Arms of an experiment without Snakemake: names, files, and what a control takes."""

import pytest
import yaml
from conftest import ROOT, lay_over

from idbias.config.checking import check
from idbias.errors import InputError

EVERY = ["spectrum", "noise", "other_seed", "other_network", "clean_image"]


def digits(block, changes=None):
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    lay_over(config, {"experiment_blocks": {"digits": block}, **(changes or {})})
    return check(config)["digits"]


def test_the_first_epsilon_and_the_seed_at_the_top_keep_the_names():
    found = digits({"seeds": [0, 3], "overrides": {"attacks": {"pgd": {"epsilon": [0.15, 0.2]}}}})
    assert list(found.classifiers) == ["small_cnn", "small_cnn_seed3"]
    assert list(found.attacks) == ["fmn", "pgd", "pgd_0.2"]
    assert [found.training_seed(name) for name in found.classifiers] == [0, 3]
    assert found.attacks["pgd_0.2"].epsilon == 0.2
    last = found.comparisons[-1]
    assert last.row == "results/digits/small_cnn_seed3/correlations/pgd_0.2/row.csv"
    assert last.names == {
        "experiment": "digits", "dataset": "digits", "classifier": "small_cnn", "seed": 3,
        "attack": "pgd", "epsilon": 0.2,
    }  # fmt: skip
    assert [pair.attack for pair in found.with_epsilons] == ["pgd", "pgd_0.2"] * 2


def test_a_single_seed_that_is_not_the_top_s_is_the_training_s():
    found = digits({"seeds": [7], "controls": ["other_seed"], "attacks": ["fmn"]})
    assert list(found.classifiers) == ["small_cnn_seed7"]
    assert found.training_seed("small_cnn_seed7") == 7
    assert found.comparisons[0].names["seed"] == 7
    assert found.substitutes["other_seed", "small_cnn_seed7"] == "small_cnn_seed8"


def test_without_arms_names_are_as_ever():
    found = digits({})
    assert found.comparisons[0].names == {
        "experiment": "digits", "dataset": "digits", "classifier": "small_cnn", "attack": "fmn",
    }  # fmt: skip
    assert found.control_comparisons == []
    assert not found.has_seeds
    assert not found.with_epsilons


def test_a_control_replaces_one_of_the_two_sets():
    changes = {"classifiers": {"wide": {"network": "small_cnn", "recipe": {}}}}
    found = digits({"controls": EVERY, "other_network": "wide", "attacks": ["fmn"]}, changes)
    folder = "results/digits/small_cnn"
    own = {
        "essential": f"{folder}/masks/essential/00000-00499.h5",
        "adversarial": f"{folder}/masks/adversarial/fmn/00000-00499.h5",
    }
    replaced = {
        pair.control: pair.mask_sets
        for pair in found.control_comparisons
        if pair.control != "spectrum"
    }
    assert replaced["noise"] == {
        **own, "adversarial": f"{folder}/controls/fmn/noise/masks/00000-00499.h5",
    }  # fmt: skip
    assert replaced["other_seed"]["essential"] == own["essential"].replace("cnn", "cnn_seed1", 1)
    assert replaced["other_network"]["essential"] == own["essential"].replace("small_cnn", "wide")
    assert replaced["other_seed"]["adversarial"] == own["adversarial"]
    assert found.training_seed("small_cnn_seed1") == 1
    assert set(found.trained) == {"small_cnn", "small_cnn_seed1", "wide"}
    assert list(found.classifiers) == ["small_cnn"], "what a control takes has no rows of its own"


def test_seeds_and_networks_take_each_other_s_masks():
    changes = {"classifiers": {"wide": {"network": "small_cnn", "recipe": {}}}}
    block = {"controls": ["other_seed", "other_network"], "seeds": [0, 1, 2], "attacks": ["fmn"]}
    found = digits({**block, "classifiers": ["small_cnn", "wide"]}, changes)
    assert found.substitutes["other_seed", "small_cnn_seed2"] == "small_cnn"
    assert found.substitutes["other_network", "small_cnn_seed2"] == "wide_seed2"
    assert not found.extra_classifiers, "everything is trained anyway"


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"controls": ["other_network"]}, "the control other_network finds nothing to take"),
        ({"controls": ["blur"]}, "controls"),
        ({"other_network": "big", "controls": ["other_network"]}, "there is no classifier 'big'"),
        (
            {"overrides": {"attacks": {"pgd": {"epsilon": [0.1, 0.2, 0.2]}}}},
            "attack pgd has one epsilon twice",
        ),
    ],
)
def test_what_cannot_be_is_said(block, said):
    with pytest.raises(InputError, match=said):
        digits(block)


def test_classes_must_be_known_for_maps():
    folder = {"mine": {"source": "folder", "path": "/data/mine.zip", "images": 10}}
    block = {"dataset": "mine", "analyses": ["class_maps"]}
    with pytest.raises(InputError, match="give classes"):
        digits(block, {"datasets": folder})
    folder["mine"]["classes"] = 3
    assert digits(block, {"datasets": folder}).classes == 3


def test_the_protocol_of_2025_is_what_its_code_has():
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    lay_over(config, yaml.safe_load((ROOT / "experiments/basile2025.yaml").read_text()))
    found = check(config)
    two, three = found["table2_2025"], found["table3_2025"]
    assert (two.masks.penalty, three.masks.penalty) == (0.5, 0.1)
    assert two.attacks["pgd"].epsilon == pytest.approx(8 / 255)
    assert (two.correlation.pool, three.correlation.pool) == (1, 7)
    assert two.correlation.preprocess == three.correlation.preprocess == "standardise_unit_length"
    assert two.correlation.shuffles == three.correlation.shuffles == 100
    assert list(three.classifiers) == ["resnet18", "vit_b16"]
