"""The images and masks that figures show, read from the files of their stages."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from idbias import files
from idbias.datasets.images import class_names, images_at
from idbias.shards import rows_at

# Masks in a gallery, and images before and after filtering.
MANY, FEW = 20, 10


@dataclass(frozen=True)
class Examples:
    """Images of one attack with both of their masks, sorted by class.

    about: DataFrame of N rows, what is known of each; essential, adversarial: masks float32
    (N, C, H, W), in fft2 order; few: up to 10 of the rows; clean, attacked: images (F, C, H, W) of
    those, before and after the attack; classes: names of all classes.
    """

    about: pd.DataFrame
    essential: np.ndarray
    adversarial: np.ndarray
    few: np.ndarray
    clean: np.ndarray
    attacked: np.ndarray
    classes: list


def examples(labels, count):
    """Return up to `count` rows of `labels` (N,) to show, sorted by class, then row.

    The first image of each class, then the second of each, and so on: nobody picks them by eye.
    """
    labels = pd.Series(np.asarray(labels))
    turn = labels.groupby(labels).cumcount()
    chosen = np.lexsort((labels, turn))[:count]
    return chosen[np.lexsort((chosen, labels[chosen]))]


def read_examples(dataset, pairs, attack, essential, adversarial):
    """Return `Examples` from the files of these stages."""
    classes = class_names(dataset)
    with files.opened(pairs) as file:
        rows = np.sort(examples(file["label"][()], MANY))
        rows = rows[np.argsort(file["label"][rows], kind="stable")]
        read = {key: rows_at(file[key], rows) for key in file}
    index = read["index"]
    wanted = ("adversarial", "adversarial_class", "linf", "l2")
    attacked = at(attack, index, wanted)
    about = {key: read[key] for key in ("index", "label", "cosine")}
    about |= {key: attacked[key] for key in wanted[1:]}
    for kind, path, masks in (
        ("essential", essential, read["first"]),
        ("adversarial", adversarial, read["second"]),
    ):
        trained = at(path, index, ("steps", "loss", "predicted"))
        about |= {f"{kind}_{key}": value for key, value in trained.items()}
        flat = masks.reshape(len(masks), -1)
        about |= {f"{kind}_sum": flat.sum(axis=1), f"{kind}_zeros": (flat == 0).mean(axis=1)}
    few = np.sort(examples(read["label"], FEW))
    return Examples(
        pd.DataFrame(about), read["first"], read["second"], few, images_at(dataset, index[few]),
        attacked["adversarial"][few], classes,
    )  # fmt: skip


def at(path, index, wanted):
    """Return the datasets `wanted` of a stage's file at the images `index` (N,), name -> (N, ...)."""
    with files.opened(path) as file:
        position = {image: row for row, image in enumerate(file["index"][()])}
        rows = [position[image] for image in index]
        return {key: rows_at(file[key], rows) for key in wanted}
