"""By how much an attack's dependence exceeds a control's, on the same images.

Dependence is the bias-corrected distance correlation, which hardly moves with N and the sets'
dimensions. (The share of dimensions lost moves with both: two equally dependent rows differ in it as
soon as one has more dimensions.) The difference of two rows has an interval by the jackknife over images:
each is left out of both rows at once, so what they share falls out.
"""

import numpy as np
from scipy.stats import t

from idbias import files
from idbias.correlation.distance_correlation import LEVEL, delete_one, jackknife_error
from idbias.correlation.pairs import common_rows
from idbias.streams import generator

# Images that a contrast takes at most, drawn once: four matrices of this size are held in memory.
MOST = 8000
LEAST = 40
# Differences and errors up to this are rounding.
ROUNDING = 1e-12


def contrast(attack, control):
    """Return how far the attack's distance correlation exceeds the control's, name -> number.

    attack, control: each (first, second), (N, N) squared distances of the same N images in the same
    order. Keys: distance_correlation, control_distance_correlation, difference, low, high (95 %), p
    (two-sided, that the difference is 0), images (N). With fewer than LEAST images, too few for an
    interval, it is images and a `reason` in words.
    """
    count = len(attack[0])
    if count < LEAST:
        return {
            "images": count,
            "reason": f"{count} images have both the attack's pair and the control's, too few for an "
            f"interval: {LEAST} are needed; take more images",
        }
    (value, without), (control_value, control_without) = delete_one(*attack), delete_one(*control)
    difference, error = value - control_value, jackknife_error(without - control_without)
    numbers = {
        "distance_correlation": value,
        "control_distance_correlation": control_value,
        "difference": difference,
        "images": count,
    }
    if error <= ROUNDING < abs(difference):
        return numbers | {
            "reason": "no image moves the difference, so it has no interval: a set is all one point, or both sets "
            "of a row are the same",
        }
    reach = t.ppf(0.5 + LEVEL / 2, count - 1) * error
    return numbers | {
        "low": difference - reach,
        "high": difference + reach,
        "p": float(2 * t.sf(abs(difference) / error, count - 1)) if error > ROUNDING else 1.0,
    }


def of_same_images(attack, control, seed, most=MOST):
    """Return rows (of the attack's pairs, of the control's) of the images that both have.

    attack, control: int64 (N,), (M,), the pairs' `index`. No more than `most`, drawn by `seed`.
    """
    _, rows, control_rows = common_rows(attack, control)
    if len(rows) > most:
        drawn = np.sort(
            generator("images of a contrast", seed).choice(len(rows), most, replace=False)
        )
        rows, control_rows = rows[drawn], control_rows[drawn]
    return rows, control_rows


def read_distances(path, rows, block=1024):
    """Return the squared distances (n, n) of `rows` (n,) of a distance file, read in blocks of rows."""
    out = np.empty((len(rows), len(rows)))
    order = np.argsort(rows)
    with files.opened(path) as file:
        matrix = file["squared_distances"]
        for start in range(0, len(matrix), block):
            here = order[(rows[order] >= start) & (rows[order] < start + block)]
            if len(here):
                out[here] = matrix[start : start + block][rows[here] - start][:, rows]
    return out
