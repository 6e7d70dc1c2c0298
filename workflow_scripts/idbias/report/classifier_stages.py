"""What became of one classifier's images: training, steps of masks, images left after each stage."""

import numpy as np
import pandas as pd

from idbias import files


def training_history(classifier):
    """Return a classifier file's training, a DataFrame with a row an epoch; empty if not trained."""
    with files.opened(classifier) as file:
        return pd.DataFrame({key: values[()] for key, values in file.get("history", {}).items()})


def masks_trained(sets):
    """Return a DataFrame with a row a mask: set, index, label, target, steps, loss, converged, kept.

    sets: name ("essential", or the attack) -> file of its masks.
    """
    wanted = ["index", "label", "target", "steps", "loss", "converged", "kept"]
    tables = [pd.DataFrame(files.read(path, wanted)[0]) for path in sets.values()]
    return pd.concat([table.assign(set=name) for name, table in zip(sets, tables, strict=True)])


def images_left(predictions, images, attacks, masks):
    """Return how many images are left after each stage, a DataFrame: set, stage, images.

    predictions: file; images: how many were to be attacked; attacks: name -> file of the attack;
    masks: as `masks_trained` returns.
    """
    correct = files.read(predictions, ["correct"])[0]["correct"]
    kept = {
        name: of_set.loc[of_set["kept"], "index"]
        for name, of_set in masks.groupby("set", sort=False)
    }
    none = pd.Series(dtype=np.int64)
    rows = [
        ("", "images", images),
        ("", "classified correctly", correct[:images].sum()),
        ("", "essential masks kept", len(kept.get("essential", none))),
    ]
    for attack, path in attacks.items():
        success = files.read(path, ["success"])[0]["success"]
        pairs = np.intersect1d(kept.get("essential", none), kept.get(attack, none))
        rows += [
            (attack, "attack succeeded", success.sum()),
            (attack, "adversarial masks kept", len(kept.get(attack, none))),
            (attack, "pairs", len(pairs)),
        ]
    return pd.DataFrame(rows, columns=["set", "stage", "images"])
