"""What is printed when the workflow has ended. Imports nothing heavy: the Snakefile loads it."""

import csv
import re
import shlex
from pathlib import Path

from idbias.config import layout
from idbias.console_work import benchmark_rows
from idbias.report import answers_crossed
from idbias.report.answers import answers
from idbias.report.rounding import THREE, TWO, p_value

# Columns of the I_d tests that are printed, and how their values are.
COLUMNS = {
    "experiment": "{}".format,
    "classifier": "{}".format,
    "seed": "{:g}".format,
    "attack": "{}".format,
    "epsilon": "{:g}".format,
    "shuffled_within": "{}".format,
    "pairs": "{}".format,
    "id": TWO,
    "id_shuffled_mean": TWO,
    "z": TWO,
    "p_two_sided_holm": p_value,
    "distance_correlation": THREE,
}
# Those that are texts; the others are numbers, of which a row may have none.
TEXTS = ("experiment", "classifier", "attack", "shuffled_within", "pairs")
# Those that are shown only where they differ from this.
UNSAID = {"seed": "", "epsilon": "", "shuffled_within": "all"}


# The form of a table that the end of a run names.
TABLES = r"results/tables/\w+(?<!_details)\.md"
# Options that say which run it is: the report needs them again.
REPEATED = (
    "-s", "--snakefile", "-d", "--directory", "--configfile", "--configfiles", "-C", "--config",
    "--profile", "--workflow-profile",
)  # fmt: skip


def report_command(arguments):
    """Return the command that makes the report of the run that Snakemake was given `arguments` for.

    Without the targets: what follows -- and what belongs to no option that is repeated.
    """
    kept, keep = [], False
    for argument in arguments:
        if argument == "--":
            break
        if argument.startswith("-"):
            keep = argument.split("=", 1)[0] in REPEATED
        if keep:
            kept.append(shlex.quote(argument))
    return " ".join(["snakemake", *kept, "--report report.html"])


def summary(experiments, files, arguments=()):
    """Return what came out of a run of the chosen `experiments`, as text; empty if it was to make no table.

    files: paths of what the run's targets hold, whether made now or before; other tables that lie there are
    of other runs. What crossed trainings say, in words; the row of each I_d test, and the same in words;
    where tables and figures are, how to make the report if the run made all it shows (`arguments`: the run's
    own), and its cost.
    """
    tables = sorted(path for path in files if re.fullmatch(TABLES, path))
    if not tables:
        return ""
    crossed, tested = (_rows(name, files) for name in ("crossed", "correlations"))
    drawn = any(path.startswith("results/figures/") for path in files)
    # A report is of the default target: what another did not make would be missing.
    reported = f"{layout.FIGURE.format(figure='costs')}.png" in files
    jobs, seconds = cost(experiments)
    blocks = [
        answers_crossed.answers(crossed),
        _aligned(tested),
        answers(tested),
        [
            f"Tables:  {', '.join(tables)} (also .csv, .tex, .html)",
            *["Figures: results/figures (PNG, PDF, CSV)"] * drawn,
            *[f"Report:  {report_command(arguments)}"] * reported,
            f"Cost:    {seconds:.0f} s of run time in {jobs} jobs, all that ran here for these experiments",
        ],
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines)


def _rows(name, files):
    """The rows of a table as dicts of text; none where it is not among `files`."""
    path = layout.TABLE.format(table=name) + ".csv"
    if path not in files:
        return []
    with open(path, encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _aligned(read):
    """Lines of the rows of I_d tests, in columns."""
    if not read:
        return []
    columns = [
        name
        for name in COLUMNS
        if name not in UNSAID or {row.get(name, "") for row in read} - {"", UNSAID[name]}
    ]
    rows = [{name: _shown(row.get(name, ""), name) for name in columns} for row in read]
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in columns}
    return [
        "  ".join(row[name].ljust(width) for name, width in widths.items())
        for row in [{name: name for name in columns}, *rows]
    ]


def _shown(text, name):
    """A cell of a CSV as it is printed; nothing where it is empty."""
    if text and name not in TEXTS:
        return COLUMNS[name](float(text))
    return text


def cost(experiments):
    """Return (jobs, wall-clock seconds of all together) of `experiments`, up to their rows."""
    seconds = []
    for experiment in experiments:
        for path in Path(layout.BENCHMARKS, experiment.name).rglob("*.tsv"):
            seconds += [float(row["s"]) for row in benchmark_rows(path)]
    return len(seconds), sum(seconds)
