"""What the maps do to images they were not trained on."""

import numpy as np
import torch

from idbias.classifiers.models import classes_of, logits_of
from idbias.config.batches import CLASSIFIED
from idbias.datasets.images import images_at
from idbias.fourier import filtered
from idbias.shards import rows_at


def outcome(classifier, maps, dataset, attack, held_out, total, device="cpu"):
    """Return accuracies before the attack, after it, and after maps, a dict of shares.

    maps: float32 (K, C, H, W), one a class; dataset: path of dataset.h5; attack: an open attack's file, with
    the N images that were classified correctly; held_out: bool (N,), which of them test; total: how many
    images test, those that were misclassified included. Images are read some at a time.
    Keys, shares of `total`: accuracy, attacked_accuracy, undone_accuracy (each adversarial image through
    the map of the class it was given), kept_accuracy (each clean image through its class's map); and
    undone_share, of the successful attacks those that the map undid.
    """
    rows = np.flatnonzero(held_out)
    index, label, given, success = (
        attack[name][()][rows] for name in ("index", "label", "adversarial_class", "success")
    )

    def right(read, classes):
        """Whether each image gets its label through the map of its class; no class, -1, has no map."""
        found = [np.zeros(0, int)]
        for start in range(0, len(rows), CLASSIFIED):
            block = slice(start, start + CLASSIFIED)
            images = torch.as_tensor(read(block))
            through = filtered(torch.as_tensor(maps[classes[block]]), images).numpy()
            logits = logits_of(classifier, through, device=device)
            found.append(classes_of(torch.as_tensor(logits)).numpy())
        return (np.concatenate(found) == label) & (classes >= 0)

    undone = right(lambda block: rows_at(attack["adversarial"], rows[block]), given)
    kept = right(lambda block: images_at(dataset, index[block]), label)
    return {
        "test_images": total,
        "accuracy": len(label) / total,
        "attacked_accuracy": (~success).sum() / total,
        "undone_accuracy": undone.sum() / total,
        "kept_accuracy": kept.sum() / total,
        "undone_share": undone[success].mean() if success.any() else None,
    }
