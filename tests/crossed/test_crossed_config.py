"""What `analyses: [crossed]` needs, which trainings it crosses, and which files it asks for."""

import pytest
import yaml
from conftest import ROOT, lay_over

from idbias.config.checking import check
from idbias.config.targets import figures, tables
from idbias.errors import InputError


def experiment(**block):
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    plain = {"dataset": "digits", "classifiers": ["small_cnn"], "attacks": ["fmn", "pgd"]}
    config["experiment_blocks"]["mine"] = {**plain, "analyses": ["crossed"], **block}
    classifier = config["classifiers"]["small_cnn"]
    lay_over(config["classifiers"], {"second": classifier, "third": classifier})
    return check(config)["mine"]


@pytest.mark.parametrize(
    "block", [{}, {"seeds": [0, 1]}, {"classifiers": ["small_cnn", "second"]}], ids=str
)
def test_fewer_than_three_trainings_are_refused_with_what_to_do(block):
    with pytest.raises(InputError, match=r"mine.analyses has crossed, which needs 3 .* give seeds"):
        experiment(**block)


def test_each_classifier_s_seeds_are_a_group_and_classifiers_without_seeds_are_one():
    seeds = experiment(classifiers=["small_cnn", "second"], seeds=[0, 1, 2])
    assert [(one.trainings, one.attack) for one in seeds.crossings] == [
        ("small_cnn", "fmn"), ("small_cnn", "pgd"), ("second", "fmn"), ("second", "pgd"),
    ]  # fmt: skip
    assert seeds.crossings[0].classifiers == ("small_cnn", "small_cnn_seed1", "small_cnn_seed2")
    assert seeds.crossings[0].labels == ["0", "1", "2"]
    assert "seed" not in seeds.crossings[0].names
    three = experiment(classifiers=["small_cnn", "second", "third"])
    assert [one.trainings for one in three.crossings] == ["classifiers", "classifiers"]
    assert three.crossings[0].names["classifier"] == "small_cnn, second, third"


def test_it_takes_what_the_experiment_makes_and_nothing_more():
    alone = experiment(seeds=[0, 1, 2])
    assert set(alone.crossings[0].inputs) == {"essential", "attacked"}
    assert tables([alone]) == ["results/tables/crossed.md", "results/tables/attacks.md"]
    assert "results/figures/mine/crossed/small_cnn/pgd/trainings.png" in figures([alone])
    more = experiment(
        seeds=[0, 1, 2], analyses=["masks", "crossed"], controls=["noise", "clean_image"]
    )
    inputs = more.crossings[1].inputs
    assert set(inputs) == {"essential", "attacked", "adversarial_masks", "noise", "clean_image"}
    assert inputs["noise"][1].startswith("results/mine/small_cnn_seed1/controls/pgd/noise/masks")


def test_images_from_the_middle_make_shards_of_their_own():
    block = {"seeds": [0, 1, 2], "overrides": {"execution": {"images_per_shard": 300}}}
    middle = experiment(first_image=400, images=450, **block)
    assert middle.image_shards == ["00400-00699", "00700-00849"]
    assert experiment(first_image=400, **block).image_shards[-1] == "01000-01196"
    with pytest.raises(InputError, match="797 test images from first_image 400 on"):
        experiment(first_image=400, images=900, **block)
    with pytest.raises(InputError, match=r"only analyses: \[crossed\]"):
        experiment(first_image=400, analyses=["masks", "crossed"], **block)
