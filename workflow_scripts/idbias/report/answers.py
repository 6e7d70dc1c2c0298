"""A row of the I_d test in words. Imports nothing heavy: what the Snakefile prints comes from here."""

import math
from collections import Counter

from idbias.report.rounding import LEVEL, TWO, p_value, with_interval

# Columns whose values rows of one question share: Holm's correction is over those rows.
QUESTION = ("experiment", "shuffled_within", "control")


def answer(row, rows=1):
    """Return what a row of the correlation table says, a sentence; "" if it has no test.

    row: mapping with the columns of idbias.correlation.row.rows, as numbers or as text of a CSV; rows:
    how many rows ask the same question. Dependence is said where the two-sided permutation p-value,
    corrected for their number, is at most LEVEL; it assumes nothing of the shuffled I_d, and nothing is said
    of several rows whose p-values are not corrected. On which side of them the observed I_d lies is said by Z
    and by counting.
    """
    names = (
        "z", "p_permutation", "p_permutation_resolution", "p_two_sided", "p_two_sided_holm", "shuffles", "pairs",
    )  # fmt: skip
    numbers = {name: number(row.get(name)) for name in names}
    attack = _text(row.get("attack"))
    sets = "essential and adversarial masks" if attack else "the two sets"
    pairs = "" if numbers["pairs"] is None else f" ({int(numbers['pairs']):,} pairs)"
    if _text(row.get("reason")):
        return f"{of_row(row)}: no I_d test of {sets}{pairs}: {row['reason'].rstrip('.')}."
    if any(numbers[name] is None for name in ("p_permutation", "p_two_sided", "shuffles")):
        return ""
    holm = numbers["p_two_sided_holm"]
    if rows > 1 and holm is None:
        return ""
    p = numbers["p_two_sided"] if holm is None else holm
    shuffles, z = int(numbers["shuffles"]), numbers["z"]
    # p = (1 + number of shuffles at or below) / (1 + shuffles)
    below = round(numbers["p_permutation"] * (shuffles + 1)) - 1
    ways = 1 / (numbers["p_permutation_resolution"] or 1 / (shuffles + 1))
    if 2 * rows / ways > LEVEL:
        few = (
            f"{shuffles} shuffles"
            if ways > shuffles
            else f"the {ways:.0f} ways to pair what is shuffled"
        )
        verdict = f"{few} are too few to say whether {sets} depend on each other"
        verdict += f" ({rows} rows ask it)" if rows > 1 else ""
    elif p > LEVEL:
        verdict = f"I_d does not show whether {sets} depend on each other"
    elif below > shuffles / 2:
        verdict = (
            f"{sets} depend on each other, though they fill more dimensions than shuffled ones"
        )
    else:
        verdict = f"{sets} depend on each other"
    if below == 0:
        where = f"below all {shuffles} shuffles"
    elif below == shuffles:
        where = f"at or above all {shuffles} shuffles"
    else:
        where = f"with {below} of {shuffles} shuffles at or below it"
    measure = "" if z is None or not math.isfinite(z) else f"Z = {TWO(z)}, "
    corrected = f", Holm over {rows} rows" if rows > 1 and holm is not None else ""
    said = f"{of_row(row)}: {verdict}, {measure}I_d {where}, two-sided p = {p_value(p)}{corrected}"
    return f"{said}{_effect(row)}{pairs}."


def answers(rows):
    """Return the sentences of `rows`, an iterable of mappings: of what was measured, no controls.

    Rows of tables that know no way to shuffle are not the I_d test's.
    """
    measured = [
        row
        for row in rows
        if "shuffled_within" in row
        and _text(row.get("source")) in ("", "measured")
        and _text(row.get("control")) in ("", "none")
    ]
    asked = Counter(
        _question(row) for row in measured if number(row.get("p_two_sided")) is not None
    )
    return list(filter(None, (answer(row, asked[_question(row)]) for row in measured)))


def _question(row):
    return tuple(_text(row.get(name)) for name in QUESTION)


def _effect(row):
    """Return the effect size of a row in words, with its interval where there is one."""
    value, low, high = (
        number(row.get(f"distance_correlation{end}")) for end in ("", "_low", "_high")
    )
    if value is None:
        return ""
    beyond = "" if _text(row.get("shuffled_within")) in ("", "all") else " beyond its shuffles"
    return f", distance correlation {with_interval(value, low, high)}{beyond}"


def remarks(rows):
    """Return what to know of single rows beside their numbers, sentences: their caveats."""
    sentences = []
    for row in rows:
        # Of rows that `answers` has no sentence for, why they have no test.
        columns = (
            ("reason", "contrast_reason", "caveats")
            if _text(row.get("control")) not in ("", "none")
            else ("caveats",)
        )
        for column in columns:
            if text := _text(row.get(column)).strip():
                sentences.append(f"{of_row(row)}: {text}{'' if text.endswith('.') else '.'}")
    return sentences


def of_row(row):
    """Return what a row is of, in words."""
    names = [_text(row.get(name)) for name in ("experiment", "classifier", "attack")]
    for name in ("seed", "epsilon"):
        if (value := number(row.get(name))) is not None:
            names.append(f"{name} {value:g}")
    names += [_text(row.get("of"))] * ("rho" in row)
    control, within = _text(row.get("control")), _text(row.get("shuffled_within"))
    names += [f"control {control}"] * (control not in ("", "none"))
    names += [f"shuffled within {within}"] * (within not in ("", "all"))
    return ", ".join(filter(None, names))


def number(value):
    """Return a number, or text that is one, as a float; None if it is none or missing."""
    try:
        value = float(value)
    except (TypeError, ValueError):
        return None
    return None if math.isnan(value) else value


def _text(value):
    return value if isinstance(value, str) else ""
