"""Pairs: images that have both masks, and what became of those that do not."""

import numpy as np

from idbias import files
from idbias.correlation.similarity import cosine_similarity
from idbias.errors import InputError


def common_rows(first, second):
    """Return (index, rows of `first`, rows of `second`) for the indices that stand in both.

    `first`, `second`: int64 (N,), (M,), each without repetition. Results are sorted by index.
    """
    return np.intersect1d(first, second, assume_unique=True, return_indices=True)


def write_mask_pairs(path, essential, adversarial, *, attack, predictions, images, attributes):
    """Write the pairs file of one attack: masks of images that have both, row i the same image.

    `essential`, `adversarial`, `attack`, `predictions`: files of the earlier stages; `images`: how
    many images were attacked. The file holds index, label (N,), first (essential) and second
    (adversarial) masks float32 (N, C, H, W), and their cosine similarity; its attributes count what
    was kept at each step. Raises InputError if fewer than 3 pairs remain.
    """
    names = ["index", "label", "kept", "finite", "converged", "steps"]
    essential_about, _ = files.read(essential, names)
    adversarial_about, _ = files.read(adversarial, names)
    attacked, _ = files.read(attack, ["success", "linf", "l2"])
    predicted, about = files.read(predictions, ["correct"])
    kept = np.flatnonzero(essential_about["kept"]), np.flatnonzero(adversarial_about["kept"])
    index, *rows = common_rows(
        essential_about["index"][kept[0]], adversarial_about["index"][kept[1]]
    )
    if len(index) < 3:
        raise InputError(
            f"only {len(index)} images have both an essential and an adversarial mask "
            f"({len(kept[0])} and {len(kept[1])} were kept, the attack succeeded on "
            f"{attacked['success'].sum()} of {len(attacked['success'])}), too few for a test: "
            "take more images, or an attack with a larger epsilon."
        )
    rows = kept[0][rows[0]], kept[1][rows[1]]
    first = files.read(essential, ["mask"])[0]["mask"][rows[0]]
    second = files.read(adversarial, ["mask"])[0]["mask"][rows[1]]
    success = attacked["success"]
    counts = {
        "test_accuracy": about["test_accuracy"],
        "images": images,
        "correct": int(predicted["correct"][:images].sum()),
        "attack_success": success.mean(),
        "median_linf": np.median(attacked["linf"][success]),
        "median_l2": np.median(attacked["l2"][success]),
        "essential_masks": len(kept[0]),
        "essential_yield": essential_about["kept"].mean(),
        "adversarial_masks": len(kept[1]),
        "adversarial_yield": adversarial_about["kept"].mean(),
        "essential_steps": essential_about["steps"].mean(),
        "adversarial_steps": adversarial_about["steps"].mean(),
    }
    files.write(
        path,
        {
            "index": index,
            "label": essential_about["label"][rows[0]],
            "first": first,
            "second": second,
            "cosine": cosine_similarity(first, second),
        },
        {**attributes, **counts},
    )
