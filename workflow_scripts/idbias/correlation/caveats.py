"""What a row of the correlation table says of itself where its numbers cannot carry it.

benchmarks/correlation_caveats.py counts how often each is said of independent sets that give no cause.
"""

import math

# Sets of one scale count alike in the joined distance; beyond this factor one set drowns the other.
SCALES_APART = 2
# The number of standard errors by which the shuffled I_d may exceed the sum of both sets' own; the error of an I_d
# from N points is about I_d / sqrt(N).
EXCESS_ERRORS = 4
# TwoNN underestimates beyond it (docs/correlation.md).
HIGH_DIMENSION = 20
# The share, and the number of standard errors, by which I_d of half of the points may differ from that of all.
DRIFT, DRIFT_ERRORS = 0.1, 3.5
# Fewer pairs than this show only a strong dependence.
FEW_PAIRS = 100
# Share of the pairs that shuffles may leave as they are before a row says so.
IN_PLACE = 0.1
# A mask of at most this number of entries is degenerate: it tells little more than that one entry is needed.
DEGENERATE_ENTRIES = 1
# Share of masks that may be degenerate, and of pairs that may coincide, before a row says so.
MOST_DEGENERATE = 0.01


def caveats_of(row, made_on=()):
    """Return caveats about a row (column -> number) in words, "; " between them, or None.

    It takes the columns pairs, id_first, id_second, id, id_shuffled_mean, id_of_half_ratio, scale_ratio,
    share_in_place, coincident and degenerate_first, degenerate_second with their _by_class; what is missing or
    NaN gives no caveat. made_on: what made the masks, a list of dicts of engine, device, processor.
    """
    numbers = {name: value for name, value in row.items() if not _missing(value)}
    checks = (_few_pairs, _in_place, _coincident, _scales, _excess, _high, _drift)
    caveats = [*(check(numbers) for check in checks), _makers(made_on)]
    return "; ".join(filter(None, caveats)) or None


def _makers(made_on):
    if len(made_on) < 2:
        return None
    names = sorted(" on ".join((made["engine"], made["processor"])) for made in made_on)
    return (
        f"masks were made by {', '.join(names)}, which round otherwise: in float32 single masks differ "
        "(docs/masks.md), so train all on one kind of machine"
    )


def _few_pairs(row):
    if row.get("pairs", math.inf) < FEW_PAIRS:
        return (
            f"{row['pairs']} pairs are few: of fewer than {FEW_PAIRS} only a strong dependence is seen, and "
            "numbers scatter"
        )
    return None


def _in_place(row):
    share = row.get("share_in_place", 0)
    if share > IN_PLACE:
        return (
            f"a shuffle leaves {share:.0%} of the pairs as they are, since classes or strata are small: effects "
            "beyond the shuffles come out too small or are left out, and p is coarse"
        )
    return None


def _coincident(row):
    pairs, coincident = row.get("pairs", 0), row.get("coincident", 0)
    said = []
    if coincident > MOST_DEGENERATE * pairs:
        said.append(
            f"{coincident} of {pairs} pairs are equal to another in both sets: in I_d equal ones count once"
        )
    for which, kind in (("first", "essential"), ("second", "adversarial")):
        count = row.get(f"degenerate_{which}", 0)
        if count > MOST_DEGENERATE * pairs:
            said.append(
                f"{count} of {pairs} {kind} masks have one entry or none "
                f"(class: count {row.get(f'degenerate_{which}_by_class')}), so they say next to nothing of "
                "their images: a smaller masks.penalty keeps more"
            )
    return "; ".join(said)


def _scales(row):
    ratio = row.get("scale_ratio")
    if ratio and not 1 / SCALES_APART <= ratio <= SCALES_APART:
        larger, factor = ("first", ratio) if ratio > 1 else ("second", 1 / ratio)
        return (
            f"distances in the {larger} set are {factor:.2g} times as large, so it outweighs the other "
            "in the joined I_d: standardise (correlation.preprocess), or bring both to one scale"
        )
    return None


def _excess(row):
    if not {"pairs", "id_first", "id_second", "id_shuffled_mean"} <= row.keys():
        return None
    own = row["id_first"], row["id_second"]
    error = math.hypot(*own) / math.sqrt(row["pairs"])
    if row["id_shuffled_mean"] > sum(own) + EXCESS_ERRORS * error:
        return (
            f"shuffled I_d {row['id_shuffled_mean']:.3g} exceeds the sum of both sets' own ({own[0]:.3g} + "
            f"{own[1]:.3g}): a set's own I_d is taken at a smaller scale than the joined one, as where masks of "
            "very different sizes are mixed, so shares of dimensions compare unlike things"
        )
    return None


def _high(row):
    if row.get("id", 0) > HIGH_DIMENSION:
        return f"I_d {row['id']:.3g} is so high that it is underestimated: compare it with its shuffles only"
    return None


def _drift(row):
    if not {"pairs", "id_of_half_ratio"} <= row.keys():
        return None
    ratio = row["id_of_half_ratio"]
    if abs(ratio - 1) > max(DRIFT, DRIFT_ERRORS / math.sqrt(row["pairs"])):
        return (
            f"I_d moves with the scale: half of the points give {ratio:.2f} times that of all, so compare "
            "rows of as many points only"
        )
    return None


def _missing(value):
    return value is None or (isinstance(value, float) and math.isnan(value))
