"""rho, its interval, its two parts and their p-values, from nothing but the products."""

import numpy as np
from scipy.stats import t

from idbias.crossed.permutations import p_value

# Coverage of the interval.
LEVEL = 0.95
# Below this share of the variance between all trainings, that between those left is rounding.
ROUNDING = 1e-12


def statistics(gram, labels):
    """Return the numbers of idbias.crossed.reference, a dict, of a Gram.

    labels: int (R, K), as permutations.relabellings returns. rho and interval are nan where all trainings
    have the same masks, or the same perturbations; only the interval where all but one have.
    """
    scale = np.sqrt(np.trace(gram.essential) * np.trace(gram.attack))
    interaction = gram.cross - gram.means
    with np.errstate(invalid="ignore", divide="ignore"):
        rho = np.trace(gram.cross) / scale
        low, high = jackknife_interval(gram)
        return {
            "rho": rho,
            "low": low,
            "high": high,
            "p": p_value(gram.cross, labels),
            "network_means": np.trace(gram.means) / scale,
            "network_means_p": p_value(gram.means, labels, gram.cross),
            "interaction": np.trace(interaction) / scale,
            "interaction_p": p_value(interaction, labels, gram.cross),
        }


def jackknife_interval(gram):
    """Return (low, high), the t-interval of rho by leaving out each training in turn."""
    count = len(gram.cross)
    without = np.array([_rho_without(gram, training) for training in range(count)])
    rho = np.trace(gram.cross) / np.sqrt(np.trace(gram.essential) * np.trace(gram.attack))
    error = np.sqrt((count - 1) / count * ((without - without.mean()) ** 2).sum())
    reach = t.ppf(0.5 + LEVEL / 2, count - 1) * error
    return rho - reach, rho + reach


def _rho_without(gram, training):
    # Less the mean of those that are left: the trace of H G H is tr G minus the mean of a row's sum.
    left = np.arange(len(gram.cross)) != training
    parts = [product[np.ix_(left, left)] for product in (gram.cross, gram.essential, gram.attack)]
    cross, essential, attack = (
        np.trace(product) - product.sum() / len(product) for product in parts
    )
    # The others may have the same vectors but for rounding.
    spread = [
        value if value > ROUNDING * np.trace(product) else 0
        for value, product in ((essential, gram.essential), (attack, gram.attack))
    ]
    return cross / np.sqrt(np.prod(spread))


def in_units_of_rho(gram):
    """Return the K by K table whose diagonal has the mean rho, float64 (K, K).

    Row k, column l: how far training k's essential masks go with the attacks on training l. Each row and
    each column sums to 0.
    """
    count = len(gram.cross)
    scale = np.sqrt(np.trace(gram.essential) * np.trace(gram.attack))
    return gram.cross * count / scale
