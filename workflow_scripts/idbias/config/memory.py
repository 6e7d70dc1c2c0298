"""Memory that jobs ask for, in MB, from what is known of an experiment before it runs. Imports nothing heavy.

The constants are round numbers above what jobs used on processors (benchmarks/RESULTS.md, "Memory asked and
used"), and images of 224 pixels ask for some GB. `python benchmarks/asked.py` holds them against any run.
"""

import os
from functools import cache
from pathlib import Path

from idbias.config.batches import CLASSIFIED, LAYERS, MOST_LAYERS, OF_A_CLASS
from idbias.config.downloads import local_path
from idbias.datasets.class_folders import is_image
from idbias.datasets.published import PUBLISHED

# What Snakemake itself takes in a job of Slurm, twice 140: as the job, and as its step.
SNAKEMAKE = 280
# Floors: Python with numpy and h5py took 70 to 190, with torch and small images 320 to 470.
LIGHT, TORCH = SNAKEMAKE + 320, SNAKEMAKE + 820
# What CUDA's libraries add to a job on a GPU; not measured.
CUDA = 2000
# The side of images whose size is not known beforehand.
SIDE = 224
# How often a job holds the images of its shard.
COPIES = 8
# What layers keep of the least batch of masks, 16 images, in images: more than depthwise ones took.
LAYERS_OF_MASKS = 2100
# The most MB that I_d jobs hold of distances.
MOST_DISTANCES = 3600
# Pairs and training images, where their number is not known, and the most that a contrast takes.
PAIRS, CONTRASTED = 20_000, 8_000


def image(experiment):
    """Return the MB of one image as float32, 0 of a scalar."""
    if experiment.dataset.source == "spiral":
        return 0
    dataset = experiment.dataset
    in_a_folder = dataset.source == "folder" and Path(local_path(dataset.path)).is_dir()
    side = dataset.side or (in_a_folder and side_in(local_path(dataset.path))) or SIDE
    return dataset.channel_count * side**2 * 4 / 1e6


@cache
def side_in(folder):
    """Return the longer side of a picture in a folder, in pixels, or None: unscaled ones are of one size."""
    try:
        from PIL import Image

        walk = os.walk(folder)  # as far as the first picture: there may be a million
        picture = next(
            Path(place, name) for place, _, names in walk for name in names if is_image(name)
        )
        with Image.open(picture) as image:
            return max(image.size)
    except (ImportError, OSError, StopIteration):
        return None


def points(experiment):
    """Return how many images get masks, or points the two sets have: PAIRS where that is not known."""
    if experiment.classifiers:
        return experiment.images
    return experiment.dataset.points if experiment.dataset.source == "spiral" else PAIRS


def shard(experiment, floor=TORCH):
    """Return the MB of a job on a shard of images, or on images read as many at a time."""
    images = min(experiment.execution.images_per_shard, points(experiment))
    return round(floor + COPIES * images * image(experiment))


def classified(experiment):
    """Return the MB of a job that classifies images; of a forward pass no layer is kept."""
    return round(shard(experiment) + layers(experiment, CLASSIFIED) / 4)


def gradients(experiment):
    """Return the MB of a job that takes gradients of images."""
    return round(shard(experiment) + layers(experiment, CLASSIFIED))


def light(experiment):
    """Return the MB of a job on images that needs no torch."""
    return shard(experiment, LIGHT)


def attack(experiment):
    """Return the MB of a job that attacks a shard, `attack_batch` images at once."""
    return round(shard(experiment) + layers(experiment, experiment.execution.attack_batch))


def layers(experiment, batch):
    """Return the MB that a network's layers keep of a batch."""
    return min(LAYERS * batch * image(experiment), MOST_LAYERS)


def masks(experiment):
    """Return the MB of a job that trains the masks of a shard: the least batch; larger ones fit what is free."""
    return round(shard(experiment) + LAYERS_OF_MASKS * image(experiment))


def class_map(experiment):
    """Return the MB of training a class's map: its images and those attacked into it, as many again by half.

    Each is held as read, in order, and as its spectrum; of OF_A_CLASS of them layers are kept.
    """
    images = 3 * experiment.images / experiment.classes
    return round(TORCH + 3 * images * image(experiment) + layers(experiment, OF_A_CLASS))


def brendel_bethge(experiment):
    """Return the MB of a shard attacked by Brendel-Bethge, with 1,000 images where it may start."""
    return round(shard(experiment) + 2 * 1000 * image(experiment))


def crossed(experiment):
    """Return the MB of the products of crossed trainings: two sets, shard by shard."""
    return 2 * light(experiment) - SNAKEMAKE


def dataset(experiment):
    """Return the MB of writing a dataset: archives of bytes are held whole, pictures and scalars are not."""
    known = PUBLISHED.get(experiment.dataset.source)
    if not known or not known.side:
        return light(experiment)
    return round(LIGHT + (known.train + known.test) * image(experiment))


def training(experiment, classifier):
    """Return the MB of making one classifier: a batch with what its layers keep, the images' bytes twice."""
    recipe = experiment.trained[classifier].recipe
    if not recipe:
        return classified(experiment)
    known = PUBLISHED.get(experiment.dataset.source)
    images = (known.train if known else max(PAIRS, experiment.images)) / 2
    return round(TORCH + layers(experiment, recipe.batch_size) + images * image(experiment))


def distances(experiment):
    """Return the MB of distances within a set: three blocks of 1,024 rows as float64."""
    return round(TORCH + 3 * 1024 * 2 * image(experiment))


def dimensions(experiment):
    """Return the MB of I_d, of the sets as they are or shuffled: matrices of distances, by blocks if large."""
    return round(TORCH + min(4.4 * 8 * points(experiment) ** 2 / 1e6, MOST_DISTANCES))


def class_curve(experiment):
    """Return the MB of a class curve: both matrices of distances whole, and parts of them."""
    return round(TORCH + 2.2 * 8 * points(experiment) ** 2 / 1e6)


def contrast(experiment):
    """Return the MB of a contrast: seven matrices of the squared distances of the images that both have."""
    return round(LIGHT + 7 * 8 * min(experiment.images, CONTRASTED) ** 2 / 1e6)
