"""Paper 2's settings as data, against its printed tables."""

import csv
from pathlib import Path

import pytest
import yaml

from idbias.attacks import by_name
from idbias.classifiers import paper2
from idbias.config.checking import check
from idbias.errors import InputError

PUBLISHED = Path(__file__).parents[2] / "workflow_scripts" / "published"
CALLED = {
    "Fully Connected": "fully_connected",
    "Local Kernel Convolution": "local_convolution",
    "Lokal Kernel Convolution": "local_convolution",
    "Full Kernel Convolution": "full_convolution",
    "Locally Connected": "locally_connected",
}


def table(name):
    with open(PUBLISHED / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_model_has_a_published_accuracy_on_every_dataset():
    rows = table("paper2_table3.csv")
    found = {
        (f"{row['architecture']}_{row['hidden_layers']}_{row['nonlinearity']}", row["dataset"])
        for row in rows
    }
    assert found == {(name, dataset) for name in paper2.ZOO for dataset in paper2.BATCH_SIZE}
    assert len(rows) == 80
    by_name = {
        (row["published_name"], row["dataset"]): row["test_accuracy_percent"] for row in rows
    }
    assert by_name["Deep Locally Connected (ReLU)", "cifar10"] == "57.9"
    assert by_name["Full Kernel Convolution", "svhn"] == "28.7"
    assert len(table("paper2_table4.csv")) == 12


def test_recipes_are_those_printed():
    for row in table("paper2_tables5to9.csv"):
        used = {
            paper2.recipe(name, row["dataset"])["learning_rate"]
            for name, model in paper2.ZOO.items()
            if model["architecture"] == CALLED[row["published_name"]]
        }
        # Table 5 prints "Full Kernel" twice; its first is read as the other tables' first, "Local".
        misprint = row["table"] == "5" and row["row"] == "1"
        assert misprint or float(row["learning_rate"]) in used
        settings = paper2.recipe("fully_connected_1_relu", row["dataset"])
        assert settings["batch_size"] == int(row["batch_size"])
        assert settings["schedule"] == "steps"
    # The tables print two rates of local kernels and say not whose: one layer has the larger, as we read them.
    rates = {
        layers: paper2.recipe(f"local_convolution_{layers}_relu", "cifar10")["learning_rate"]
        for layers in (1, 3)
    }
    assert rates == {1: 0.01, 3: 0.002}
    with pytest.raises(InputError, match="no model 'resnet'"):
        paper2.recipe("resnet", "mnist")


def test_recipes_are_ones_that_training_takes():
    from idbias.config.schema_entries import Recipe

    for name in paper2.ZOO:
        recipe = Recipe(**paper2.recipe(name, "svhn", epochs=8))
        assert recipe.milestones == [4, 6]


def test_config_yaml_has_the_attacks_of_table_10():
    config = yaml.safe_load((PUBLISHED.parent.parent / "config.yaml").read_text())
    epsilons = {"pgd_linf": 8 / 255, "pgd_l2": 2.0, "pgd_l1": 0.1, "bb_linf": None, "bb_l2": None}
    for name, epsilon in epsilons.items():
        settings = config["attacks"][name]
        assert settings.get("epsilon") == epsilon
        attack = by_name.make(settings["attack"], settings["arguments"], epsilon)
        assert attack.steps == (200 if name == "pgd_l1" else 1000)
        if name.startswith("pgd"):
            assert attack.rel_stepsize == 0.1
            assert attack.abs_stepsize is None
        else:
            assert attack.lr == 1e-3


def test_every_published_model_stands_in_config_yaml():
    config = yaml.safe_load((PUBLISHED.parent.parent / "config.yaml").read_text())
    found = check(config)
    for dataset in paper2.BATCH_SIZE:
        assert list(found[f"paper2_{dataset}"].classifiers) == list(paper2.ZOO)
        assert found[f"paper2_{dataset}"].dataset.source == dataset
    published = {row["timm_name"] for row in table("paper2_table4.csv")}
    assert set(found["paper2_imagenet"].classifiers) == published
    settings = found["paper2_mnist"].classifiers["full_convolution_1_relu"].recipe
    assert (settings.learning_rate, settings.batch_size, settings.milestones) == (
        0.002, 100, [50, 75],
    )  # fmt: skip
