"""What is printed when the workflow has ended. Imports nothing heavy: the Snakefile loads it."""

import csv
from pathlib import Path

from idbias.report.answers import answers


def summary(experiments, tables):
    """Return what came out of the chosen `experiments`, as text; empty without results/tables/correlations.csv.

    The row of each test, the same in words, where `tables` (paths) and figures are, and what it cost.
    """
    path = Path("results/tables/correlations.csv")
    if not path.exists() or not any(experiment.comparisons for experiment in experiments):
        return ""
    columns = {
        "experiment": "{}".format,
        "classifier": "{}".format,
        "attack": "{}".format,
        "pairs": "{}".format,
        "id": lambda value: f"{float(value):.2f}",
        "id_shuffled_mean": lambda value: f"{float(value):.2f}",
        "z": lambda value: f"{float(value):.2f}",
        "p": lambda value: f"{float(value):.1e}",
        "p_permutation": lambda value: f"{float(value):.2g}",
    }
    with open(path, encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    rows = [{name: show(row.get(name, "")) for name, show in columns.items()} for row in read]
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in columns}
    lines = [
        "  ".join(row[name].ljust(width) for name, width in widths.items())
        for row in [{name: name for name in columns}, *rows]
    ]
    jobs, seconds = cost(experiments)
    return "\n".join(
        [
            *lines,
            "",
            *answers(read),
            "",
            f"Tables:  {', '.join(tables)} (also .csv, .tex, .html)",
            "Figures: results/figures (PNG, PDF, CSV)",
            "Report:  snakemake --report report.html",
            f"Cost:    {seconds:.0f} s of run time in {jobs} jobs, of this run and those it built on",
        ]
    )


def cost(experiments):
    """Return (jobs, wall-clock seconds of all together) of `experiments`, up to their rows."""
    seconds = []
    for experiment in experiments:
        for path in Path("results/benchmarks", experiment.name).rglob("*.tsv"):
            with open(path, encoding="utf-8") as file:
                seconds += [float(row["s"]) for row in csv.DictReader(file, delimiter="\t")]
    return len(seconds), sum(seconds)
