"""What the maps do to images they were not trained on."""

import numpy as np
import torch

from idbias.classifiers.models import classes_of, logits_of
from idbias.fourier import filtered


def outcome(classifier, maps, clean, attacked, held_out, total, device="cpu"):
    """Return accuracies before the attack, after it, and after maps, a dict of shares.

    maps: float32 (K, C, H, W), one a class; clean: float32 (N, C, H, W), the correctly classified
    images; attacked: dict of label, adversarial, adversarial_class, success, a row an image; held_out:
    bool (N,), which of them test; total: how many images test, those that were misclassified included.
    Keys, shares of `total`: accuracy, attacked_accuracy, undone_accuracy (each adversarial image through
    the map of the class it was given), kept_accuracy (each clean image through its class's map); and
    undone_share, of the successful attacks those that the map undid.
    """
    label, given = attacked["label"][held_out], attacked["adversarial_class"][held_out]
    success = attacked["success"][held_out]

    def right(images, classes):
        if not len(images):
            return np.zeros(0, bool)
        through = filtered(torch.as_tensor(maps[classes]), torch.as_tensor(images)).numpy()
        logits = logits_of(classifier, through, device=device)
        # No class, -1, has no map.
        return (classes_of(torch.as_tensor(logits)).numpy() == label) & (classes >= 0)

    undone = right(attacked["adversarial"][held_out], given)
    kept = right(clean[held_out], label)
    return {
        "test_images": total,
        "accuracy": len(label) / total,
        "attacked_accuracy": (~success).sum() / total,
        "undone_accuracy": undone.sum() / total,
        "kept_accuracy": kept.sum() / total,
        "undone_share": undone[success].mean() if success.any() else None,
    }
