"""What jobs ask for is above what they and Snakemake used, and at most twice that."""

import numpy as np
import pytest
import torch
from PIL import Image
from test_experiments import experiments

from idbias.attacks import batched
from idbias.config import batches, memory

FASHION = {"images_per_shard": 600}
CIFAR = {"images_per_shard": 1000}
# MB that jobs of finished runs used at most, on a processor (benchmarks/RESULTS.md).
USED = [
    ("digits", {}, memory.attack, 371),
    ("digits", {}, memory.masks, 323),
    ("digits", {}, memory.distances, 379),
    ("digits", {}, memory.dimensions, 500),
    ("digits", {}, memory.dataset, 186),
    ("digits", {}, memory.light, 144),
    ("digits", {}, lambda digits: memory.training(digits, "small_cnn"), 366),
    ("spiral", {}, memory.dimensions, 1222),
    ("spiral", {}, memory.distances, 427),
    ("paper2_fashion_mnist", FASHION, memory.attack, 468),
    ("paper2_fashion_mnist", FASHION, memory.masks, 435),
    ("paper2_fashion_mnist", FASHION, memory.dataset, 378),
    (
        "paper2_fashion_mnist",
        FASHION,
        lambda fashion: memory.training(fashion, "local_convolution_1_relu"),
        735,
    ),
    # Fashion-MNIST, N = 9,211, contrasts of 8,000 images.
    ("table2", {}, memory.dimensions, 3438),
    ("table2", {}, memory.dimensions, 2316),
    ("table2", {}, memory.contrast, 2725),
    ("table2", CIFAR, memory.attack, 823),
    ("table2", CIFAR, memory.classified, 424),
    ("table2", CIFAR, memory.gradients, 863),
    ("table2", CIFAR, memory.masks, 425),
    ("paper2_mnist", CIFAR, memory.class_map, 391),  # 10,000 images
    ("paper2_mnist", CIFAR, memory.classified, 393),  # what the maps undo of them
    ("table3", {"images_per_shard": 16}, memory.masks, 2055),  # EfficientNet-Lite0 at 224 pixels
    ("table3", {"images_per_shard": 16}, memory.attack, 3384),
]


@pytest.mark.parametrize(("name", "execution", "asked", "used"), USED)
def test_jobs_ask_for_one_to_two_times_what_they_used(name, execution, asked, used):
    block = "paper2" if name.startswith("paper2_") else name
    changes = {"experiment_blocks": {block: {"overrides": {"execution": execution}}}}
    used += memory.SNAKEMAKE
    assert used < asked(experiments(changes)[name]) < 2 * used


def test_large_images_ask_for_more_in_small_shards_too():
    """Measured at 224 pixels: 1,009 MB for the masks of 2 images, 1,729 for those of 64."""
    for images, used in ((2, 1009), (64, 1729)):
        blocks = {"table3": {"images": images}}
        used += memory.SNAKEMAKE
        asked = memory.masks(experiments({"experiment_blocks": blocks})["table3"])
        assert used < asked < 2 * used


def test_pictures_in_a_folder_are_of_the_size_of_one_of_them(tmp_path):
    (tmp_path / "cat").mkdir()
    Image.new("RGB", (32, 32)).save(tmp_path / "cat/0.png")
    mine = {"source": "folder", "path": str(tmp_path), "images": 1000}
    block = {"dataset": "mine", "classifiers": ["resnet20"], "attacks": ["fmn"]}
    changes = {"datasets": {"mine": mine}, "experiment_blocks": {"mine": block}}
    known = experiments({"experiment_blocks": {"table2": {"images": 1000}}})["table2"]
    assert memory.attack(experiments(changes)["mine"]) == memory.attack(known)
    mine["path"] = str(tmp_path / "archive.zip")
    assert memory.attack(experiments(changes)["mine"]) > 4 * memory.attack(known)


@pytest.mark.parametrize(
    ("shape", "most", "expected"),
    [((3, 32, 32), 256, 256), ((3, 224, 224), 128, 32), ((3, 224, 224), 8, 8), ((3, 5000, 5000), 128, 1)],
)  # fmt: skip
def test_fewer_images_at_once_where_they_are_large(shape, most, expected):
    assert batches.at_once(shape, most) == expected


def test_a_few_large_images_are_attacked_in_a_batch_of_as_many():
    sizes = []

    class Mean(torch.nn.Module):
        def forward(self, images):
            sizes.append(len(images))
            means = images.mean((1, 2, 3))
            return torch.stack([means, 0.45 - means], 1)

    images = np.random.default_rng(0).uniform(0.4, 0.6, (3, 3, 224, 224)).astype(np.float32)
    settings = {"attack": "LinfDeepFoolAttack", "arguments": {"steps": 2}, "epsilon": None}
    batched.run(Mean(), images, np.zeros(3, int), np.arange(3), settings, seed=0, batch_size=128)
    assert max(sizes) <= 32


@pytest.mark.parametrize(
    ("name", "classifier", "shard", "used"),
    [("table2", "resnet20", 1000, 468), ("table3", "resnet18", 16, 1440)],
)
def test_a_classifier_that_is_only_loaded_asks_for_a_forward_pass(name, classifier, shard, used):
    experiment = experiments({"experiment_blocks": {name: {"images": 1000}}})[name]
    loaded = experiment.trained[classifier].model_copy(update={"recipe": None})
    experiment.trained[classifier] = loaded
    experiment.execution.images_per_shard = shard
    used += memory.SNAKEMAKE
    assert used < memory.training(experiment, classifier) < 2 * used
