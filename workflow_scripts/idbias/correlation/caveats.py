"""What a row of the correlation table says of itself where its numbers cannot carry it."""

# Sets of one scale count alike in the joined distance; beyond this factor one set drowns the other.
SCALES_APART = 2
# Joined I_d of independent sets scatters around the sum of both.
EXCESS = 1.05
# TwoNN underestimates beyond it: docs/correlation.md has the table.
HIGH_DIMENSION = 20
# I_d of half of the points may differ so much from that of all before a row says so.
DRIFT = 0.1


def caveats_of(row):
    """Return warnings about a row (column -> number) in words, "; " between them, or None.

    It takes the columns id, id_first, id_second, id_of_half_ratio, scale_ratio; those that are missing or
    NaN raise no warning.
    """
    found = []
    one, other, joined = (row.get(name) for name in ("id_first", "id_second", "id"))
    ratio = row.get("scale_ratio")
    if ratio and not 1 / SCALES_APART <= ratio <= SCALES_APART:
        larger, factor = ("first", ratio) if ratio > 1 else ("second", 1 / ratio)
        found.append(
            f"distances in the {larger} set are {factor:.2g} times as large, so it outweighs the other "
            "in the joined I_d: standardise (correlation.preprocess), or bring both to one scale"
        )
    if joined > EXCESS * (one + other):
        found.append(
            f"joined I_d {joined:.3g} exceeds the sum of both alone ({one:.3g} + {other:.3g}): too few "
            "points for I_d correlation to mean anything"
        )
    if joined > HIGH_DIMENSION:
        found.append(
            f"I_d {joined:.3g} is so high that it is underestimated: compare it with its shuffles alone"
        )
    of_half = row.get("id_of_half_ratio")
    if of_half and abs(of_half - 1) > DRIFT:
        found.append(
            f"I_d moves with the scale: half of the points give {of_half:.2f} times that of all, so compare "
            "rows of as many points alone"
        )
    return "; ".join(found) or None
