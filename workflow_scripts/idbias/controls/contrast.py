"""By how much an attack's I_d correlation exceeds a control's, on the same images.

The I_d correlation is the one corrected by the shuffled baseline, (mean shuffled I_d - I_d) /
max(d1, d2): 0 for independent sets whatever their dimension. Its difference between two rows that
share their images has an interval by subsampling without replacement (Politis and Romano 1994, "Large
sample confidence regions based on subsamples under minimal assumptions"; for half of the images it is
Shao and Wu's delete-half jackknife, 1989). A bootstrap would draw images twice, and points that coincide
have no nearest neighbours to speak of.
"""

import numpy as np
from scipy.special import ndtr
from scipy.stats import norm

from idbias import files
from idbias.correlation.dependence import (
    corrected_id_correlation,
    intrinsic_dimension,
    shuffled_dimensions,
)
from idbias.correlation.pairs import common_rows
from idbias.errors import InputError
from idbias.streams import generator

SUBSAMPLES = 100
# Of all images, and of a subsample, where the mean over fewer is exact enough.
SHUFFLES, FEW_SHUFFLES = 50, 10
# Images in a subsample at most.
LARGEST = 1000
# Images that a contrast takes at most, drawn once: four matrices of this size are held in memory.
MOST = 8000
LEAST = 40
LEVEL = 0.95


def corrected_correlation(first, second, replicates, seed, threads=1, **estimate):
    """Return the corrected I_d correlation of two sets.

    first, second: (N, N) squared distances, arrays; replicates, seed: of the shuffles, as for
    idbias.correlation.dependence.shuffled_dimensions; estimate: further arguments of
    idbias.correlation.dependence.intrinsic_dimension.
    """
    shuffled = shuffled_dimensions(first, second, replicates, seed, threads=threads, **estimate)
    joined = intrinsic_dimension(first, second, threads=threads, **estimate)
    alone = (intrinsic_dimension(one, **estimate) for one in (first, second))
    return corrected_id_correlation(*alone, joined, np.mean(shuffled))


def contrast(attack, control, seed, subsamples=SUBSAMPLES, share=0.5, threads=1, **estimate):
    """Return how far the attack's I_d correlation exceeds the control's, a dict.

    attack, control: each (first, second), (N, N) squared distances of the same N images in the same
    order. seed: of subsamples and shuffles, which both rows share. share: of the images in a subsample,
    at most LARGEST of them. Keys: correlation, control_correlation, difference, low, high (95 %), p
    (two-sided, that the difference is 0), images (N), subsamples. With m of N images in a subsample drawn
    without replacement, the variance of a mean over N is m / (N - m) times that over subsamples.
    Raises InputError for fewer than LEAST images.
    """
    count = len(attack[0])
    if count < LEAST:
        raise InputError(
            f"{count} images have both the attack's pair and the control's, too few for an interval: "
            f"{LEAST} are needed; take more images."
        )

    def both(rows, replicates):
        found = []
        for pair in (attack, control):
            parts = [np.ascontiguousarray(one[np.ix_(rows, rows)]) for one in pair]
            found.append(corrected_correlation(*parts, replicates, seed, threads, **estimate))
        return found

    whole = both(np.arange(count), range(SHUFFLES))
    size = min(LARGEST, int(share * count))
    found = []
    for number in range(subsamples):
        drawn = generator("subsample", seed, number, count)
        rows = np.sort(drawn.choice(count, size, replace=False))
        try:
            first = SHUFFLES + number * FEW_SHUFFLES
            found.append(both(rows, range(first, first + FEW_SHUFFLES)))
        except InputError:  # by chance more coinciding points than an estimate allows
            continue
    if len(found) < subsamples / 2:
        raise InputError(
            f"{subsamples - len(found)} of {subsamples} subsamples of {size} images have too many masks that "
            "coincide for a dimension: take more images."
        )
    found = np.array(found)
    differences = found[:, 0] - found[:, 1]
    difference = whole[0] - whole[1]
    error = np.std(differences, ddof=1) * np.sqrt(size / (count - size))
    reach = norm.ppf(0.5 + LEVEL / 2) * error
    return {
        "correlation": whole[0],
        "control_correlation": whole[1],
        "difference": difference,
        "low": difference - reach,
        "high": difference + reach,
        "p": float(2 * ndtr(-abs(difference) / error)),
        "images": count,
        "subsamples": len(found),
    }


def of_same_images(attack, control, seed, most=MOST):
    """Return rows (of the attack's pairs, of the control's) of the images that both have.

    attack, control: int64 (N,), (M,), the pairs' `index`. No more than `most`, drawn by `seed`.
    """
    _, one, other = common_rows(attack, control)
    if len(one) > most:
        drawn = np.sort(
            generator("images of a contrast", seed).choice(len(one), most, replace=False)
        )
        one, other = one[drawn], other[drawn]
    return one, other


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
