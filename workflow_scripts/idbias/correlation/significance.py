"""What shuffles say of the observed statistics: Z, p-values, and shares of dimensions."""

import numpy as np
from scipy.special import ndtr

from idbias.correlation import baselines, information
from idbias.errors import InputError

# Shuffled I_d that differ by less than this share of their mean differ by rounding only.
ROUNDING = 1e-9
# Share of the points that a shuffle within strata may leave in place. Effects beyond the strata come out about its
# square too small: 1 % at 0.1, 4 % at 0.2 (caveats.py says so beyond 0.1).
MOST_IN_PLACE = 0.2
# Statistics that are large where the sets depend on each other.
EFFECTS = (*baselines.NAMES, *information.NAMES)


def z_test(observed, shuffled):
    """Return (mean, std, Z, p) of paper 1's one-sided test that `observed` is below `shuffled` (R,).

    std has ddof 0, Z = (observed - mean) / std, p = Phi(Z), as published.
    Raises InputError if the shuffled values do not spread, or spread only by rounding.
    """
    mean, std = float(np.mean(shuffled)), float(np.std(shuffled))
    if not std > ROUNDING * abs(mean):
        raise InputError(
            f"{len(shuffled)} shuffles give I_d that differ by rounding only (standard deviation {std:.1g}), "
            "which allows no Z: take at least 2 shuffles (the paper: 50), of sets that do vary, and strata of "
            "several points."
        )
    z = (observed - mean) / std
    return mean, std, z, float(ndtr(z))


def permutation_p(observed, shuffled, pairings=np.inf):
    """Return (p, resolution): (1 + #{shuffled <= observed}) / (1 + R), and about its least.

    That is 1 / (1 + R), or 1 / `pairings` if there are no more ways to pair the points than that.

    Under independence p <= x has a probability of at most x, for any N and R, with no normality
    assumed (Phipson and Smyth 2010, "Permutation p-values should never be zero").
    """
    count = 1 + len(shuffled)
    return float((1 + np.sum(np.asarray(shuffled) <= observed)) / count), 1 / min(count, pairings)


def two_sided_p(observed, shuffled):
    """Return twice the smaller of both one-sided permutation p-values, at most 1."""
    below = permutation_p(observed, shuffled)[0]
    above = permutation_p(-observed, -np.asarray(shuffled))[0]
    return min(1.0, 2 * min(below, above))


def id_correlation(first, second, joined):
    """Return (d1 + d2 - d12) / max(d1, d2) from I_d of each set and of both joined.

    Basile et al., ICLR 2025, "Intrinsic Dimension Correlation: uncovering nonlinear connections in
    multimodal representations", equation 3. It is 1 if the sets determine each other and 0 if they are
    independent where the estimator has no bias; at finite N neither holds for high I_d, which is
    underestimated, nor for sets whose own I_d and joined I_d are taken at different scales.
    """
    return (first + second - joined) / max(first, second)


def dimensions_lost(joined, shuffled_mean):
    """Return (m - d12) / m, the share of dimensions that joining related points loses.

    m: mean I_d of the shuffled sets, what both sum up to where they are independent, as measured. 0 for
    independent sets; 1/2 for a set joined with itself; negative where related points fill more
    dimensions than shuffled ones. It grows with N and depends on the dimensions of both sets.
    """
    return (shuffled_mean - joined) / shuffled_mean


def dimension_test(first, second, joined, shuffled, within="all", pairings=np.inf):
    """Return the I_d test's numbers, name -> number or, as `reason`, why there is none.

    first, second, joined: I_d of each set and of both, NaN where one has none; shuffled: I_d of the
    shuffled sets, (R,), NaN of those that have none. within: what is shuffled among each other, in how many ways
    (`pairings`).
    """
    numbers = {"id_first": first, "id_second": second, "id": joined}
    numbers |= {"shuffles": len(shuffled)}
    missing = int(np.isnan(shuffled).sum())
    if missing:
        return numbers | {
            "reason": f"{missing} of {len(shuffled)} shuffles have no intrinsic dimension"
        }
    numbers |= {
        "id_shuffled_mean": float(np.mean(shuffled)), "id_shuffled_std": float(np.std(shuffled))
    }  # fmt: skip
    if np.isnan(joined):
        return numbers | {"reason": "the joined points have no intrinsic dimension"}
    try:
        mean, _, z, p = z_test(joined, shuffled)
    except InputError as error:
        return numbers | {"reason": str(error)}
    p_permutation, resolution = permutation_p(joined, shuffled, pairings)
    return numbers | {
        "z": z,
        "p": p,
        "p_permutation": p_permutation,
        "p_two_sided": two_sided_p(joined, shuffled),
        "p_permutation_resolution": resolution,
        # It knows nothing of strata: repeated beside them it would read as if it did.
        "id_correlation": id_correlation(first, second, joined) if within == "all" else None,
        "dimensions_lost": dimensions_lost(joined, mean),
    }


def effects(observed, shuffled, within="all", share_in_place=0.0):
    """Return each effect size's value and its permutation p, name -> number.

    observed: name -> value; shuffled: name -> (R,), for the names in EFFECTS that there are.
    p = (1 + #{shuffled >= observed}) / (1 + R): large values show dependence. Within strata the value is
    that beyond what the strata explain, the observed one minus its mean over shuffles; NaN where shuffles leave
    more than MOST_IN_PLACE of the points with their partner (`share_in_place`), as their mean then holds much of
    what it should lack. The p-values are exact whatever that share.
    """
    numbers = {}
    for name in EFFECTS:
        if name in observed:
            explained = 0.0 if within == "all" else float(np.mean(shuffled[name]))
            known = share_in_place <= MOST_IN_PLACE
            numbers[name] = float(observed[name]) - explained if known else np.nan
            if name == "distance_correlation" and within == "all":
                for end in ("low", "high"):
                    numbers[f"{name}_{end}"] = observed.get(f"{name}_{end}")
            numbers[f"{name}_p"] = permutation_p(-observed[name], -shuffled[name])[0]
    return numbers
