"""A row of the I_d test in words. Imports nothing heavy: what the Snakefile prints comes from here."""

import math

# The permutation p-value up to which a row is said to show dependence.
LEVEL = 0.05


def answer(row):
    """Return what a row of the correlation table says, a sentence; "" if it has no test.

    row: mapping with the columns of idbias.report.table_rows.row, as numbers or as text of a CSV.
    Dependence is said where the permutation p-value, which assumes nothing of the shuffled I_d, is at
    most LEVEL; how far the observed I_d lies below them is said by Z and by counting.
    """
    numbers = {name: _number(row.get(name)) for name in ("z", "p_permutation", "shuffles", "pairs")}
    if any(numbers[name] is None for name in ("p_permutation", "shuffles")):
        return ""
    attack, classifier = _text(row.get("attack")), _text(row.get("classifier"))
    names = [_text(row.get("experiment")), classifier, attack]
    within = _text(row.get("shuffled_within"))
    if within not in ("", "all"):
        names.append(f"shuffled within {within}")
    sets = "essential and adversarial masks" if attack else "the two sets"
    shuffles, z = int(numbers["shuffles"]), numbers["z"]
    # p = (1 + number of shuffles at or below) / (1 + shuffles)
    below = round(numbers["p_permutation"] * (shuffles + 1)) - 1
    if 1 / (shuffles + 1) > LEVEL:
        verdict = f"{shuffles} shuffles are too few to say whether {sets} depend on each other"
    elif numbers["p_permutation"] <= LEVEL:
        verdict = f"{sets} depend on each other"
    else:
        verdict = f"no dependence of {sets} is seen"
    where = (
        f"below all {shuffles} shuffles"
        if below == 0
        else f"with {below} of {shuffles} shuffles at or below it"
    )
    measure = "" if z is None or not math.isfinite(z) else f"Z = {z:.2f}, "
    pairs = "" if numbers["pairs"] is None else f" ({int(numbers['pairs']):,} pairs)"
    return f"{', '.join(filter(None, names))}: {verdict}, {measure}I_d {where}{pairs}."


def answers(rows):
    """Return the sentences of `rows`, an iterable of mappings: of what was measured, no controls."""
    measured = (
        row
        for row in rows
        if _text(row.get("source")) in ("", "measured")
        and _text(row.get("control")) in ("", "none")
    )
    return list(filter(None, map(answer, measured)))


def remarks(rows):
    """Return what to know of single rows beside their numbers, sentences: warnings, why one has no I_d."""
    found = []
    for row in rows:
        for column in ("reason", "warnings", "caveats"):
            if text := _text(row.get(column)).strip():
                found.append(f"{of_row(row)}: {text}{'' if text.endswith('.') else '.'}")
    return found


def of_row(row):
    """Return what a row is of, in words."""
    names = [_text(row.get(name)) for name in ("experiment", "classifier", "attack")]
    names += [_text(row.get("of"))] * ("rho" in row)
    control, within = _text(row.get("control")), _text(row.get("shuffled_within"))
    names += [f"control {control}"] * (control not in ("", "none"))
    names += [f"shuffled within {within}"] * (within not in ("", "all"))
    return ", ".join(filter(None, names))


def _number(value):
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return None if math.isnan(number) else number


def _text(value):
    return value if isinstance(value, str) else ""
