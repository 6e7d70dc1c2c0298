"""Pairs: images that have both masks, and what became of those that do not."""

import numpy as np

from idbias import files, shards
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
    (adversarial) masks float32 (N, C, H, W), their cosine similarity, and how many entries each keeps
    (`entries`) as first_entries and second_entries; its attributes count what was kept at each step.
    Masks are read and written some rows at a time. N may be 0. Raises InputError if a mask holds a
    number that is not finite.
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
    rows = kept[0][rows[0]], kept[1][rows[1]]
    success = attacked["success"]
    counts = {
        "test_accuracy": about["test_accuracy"],
        "images": images,
        "correct": int(predicted["correct"][:images].sum()),
        "attack_success": _mean(success),
        "median_linf": _median(attacked["linf"][success]),
        "median_l2": _median(attacked["l2"][success]),
        "essential_masks": len(kept[0]),
        "essential_yield": _mean(essential_about["kept"]),
        "adversarial_masks": len(kept[1]),
        "adversarial_yield": _mean(adversarial_about["kept"]),
        "essential_steps": _mean(essential_about["steps"]),
        "adversarial_steps": _mean(adversarial_about["steps"]),
    }
    with files.opened(essential) as first, files.opened(adversarial) as second:
        sets = {
            "first": SelectedRows(first["mask"], rows[0]),
            "second": SelectedRows(second["mask"], rows[1]),
        }
        paths = {"first": essential, "second": adversarial}
        made_on = shards.makers(second.attrs, shards.makers(first.attrs))
        files.write(
            path,
            {
                "index": index,
                "label": essential_about["label"][rows[0]],
                **sets,
                **measured(sets, paths),
            },
            {**attributes, **counts, shards.MADE_ON: made_on},
        )


class SelectedRows:
    """Some rows of an array or of a dataset in a file, read when they are sliced: shape (N, ...), dtype."""

    def __init__(self, array, rows):
        self.array, self.rows = array, rows
        self.shape, self.dtype = (len(rows), *array.shape[1:]), array.dtype

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, selection):
        return self.array[self.rows[selection]]


def measured(sets, paths):
    """Return cosine, first_entries and second_entries, name -> (N,), of two sets of masks.

    sets: first and second -> masks (N, C, H, W), read in blocks of rows; paths: first and second -> the
    files they are from. Raises InputError if a mask holds a number that is not finite.
    """
    blocks = {name: [] for name in ("cosine", "first_entries", "second_entries")}
    count = len(sets["first"])
    for start in range(0, max(1, count), shards.ROWS):
        rows = {name: masks[start : start + shards.ROWS] for name, masks in sets.items()}
        for name, masks in rows.items():
            if not np.isfinite(masks).all():
                raise InputError(
                    f"{paths[name]} holds masks with numbers that are not finite, though they are marked as "
                    "kept; delete its shards and run again."
                )
            blocks[f"{name}_entries"].append(entries(masks))
        blocks["cosine"].append(cosine_similarity(rows["first"], rows["second"]))
    return {name: np.concatenate(parts) for name, parts in blocks.items()}


def entries(masks):
    """Return how many entries of each mask are above 0, int64 (N,), over all channels.

    masks: (N, C, H, W), indexed as numpy.fft.fft2 is. A frequency and its mirror image, of which a real
    image has the same amplitude, count as one entry, and it counts if either is above 0.
    """
    kept = np.asarray(masks) > 0
    mirror = np.roll(kept[..., ::-1, ::-1], (1, 1), axis=(-2, -1))
    height, width = kept.shape[-2:]
    own = np.outer(*(2 * np.arange(side) % side == 0 for side in (height, width)))
    either = kept | mirror
    return (either.sum(axis=(1, 2, 3)) + either[..., own].sum(axis=(1, 2))) // 2


def _mean(values):
    return float(np.mean(values)) if len(values) else np.nan


def _median(values):
    return float(np.median(values)) if len(values) else np.nan
