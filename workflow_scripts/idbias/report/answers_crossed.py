"""A row of the table of crossed trainings in words. Imports nothing heavy."""

from collections import Counter

from idbias.report.answers import number
from idbias.report.rounding import p_value, with_interval

# The verdict where not even the least p-value that K trainings allow, 1 / K!, corrected, would show a tie.
TOO_FEW = "too few trainings"
# Where the interval lies below 0.
LESS = "less than others"


def answer(row, attacks=1):
    """Return what the primary row of an attack says, a sentence; "" for any other row.

    row: mapping with the columns of idbias.crossed.crossed_tables, as numbers or as text of a CSV; attacks:
    on how many of the same trainings Holm's correction is.
    """
    if row.get("of") != "perturbations":
        return ""
    names = ", ".join(str(row[name]) for name in ("experiment", "classifier", "attack"))
    networks, images = int(float(row["networks"])), int(float(row["images"]))
    verdict = row.get("verdict")
    if not isinstance(verdict, str) or not verdict:
        return f"{names}: own against other trainings was not measured; {row.get('reason')}."
    needs = "the frequencies a training needs"
    if verdict.startswith("tied"):
        said = f"{needs} are tied to those its own attack exploits, beyond what the image explains"
    elif verdict.startswith("no tie shown, "):
        said = (
            f"{needs} are not shown to be tied to those its own attack exploits, beyond what the image explains; "
            f"a tie, if there is one, is {verdict.removeprefix('no tie shown, ')}"
        )
    elif verdict == LESS:
        said = (
            f"{needs} go with those its own attack exploits less than with those that attacks on other trainings "
            "exploit, at the same image"
        )
    elif verdict == TOO_FEW:
        said = (
            f"{networks} trainings are too few to show, beyond what the image explains, whether {needs} are tied "
            "to those its own attack exploits: give more seeds"
        )
    else:
        said = (
            f"whether {needs} are tied to those its own attack exploits, beyond what the image explains, "
            "is not decided"
        )
    rho, low, high, p = (float(row[name]) for name in ("rho", "low", "high", "p_holm"))
    share = number(row.get("share_of_ceiling"))
    ceiling = "" if share is None else f", {share:.0%} of the ceiling {float(row['ceiling']):.2f}"
    holm = f", Holm over {attacks} attacks" if attacks > 1 else ""
    return (
        f"{names}: {said}; rho = {with_interval(rho, low, high)}{ceiling}, p = {p_value(p)}{holm} "
        f"({networks} trainings, {images:,} images)."
    )


def answers(rows):
    """Return the sentences of `rows`, an iterable of mappings."""
    rows = list(rows)
    asked = Counter(_question(row) for row in rows if number(row.get("p_holm")) is not None)
    return list(filter(None, (answer(row, asked[_question(row)]) for row in rows)))


def _question(row):
    return tuple(row.get(name) for name in ("experiment", "classifier", "of"))
