"""What the stages cost: run time and memory of their jobs, as Snakemake's benchmark files say."""

from pathlib import Path

import pandas as pd

from idbias.errors import InputError

# Folder or file of a benchmark below its experiment and classifier -> stage, in the order of work.
STAGES = {
    "dataset": "dataset",
    "classifier": "classifier",
    "classifier_sensitivity": "sensitivity of the classifier",
    "attacks": "attacks",
    "spectra": "spectra",
    "essential": "essential masks",
    "adversarial": "adversarial masks",
    "controls": "controls",
    "class_maps": "class-level maps",
    "distances": "distances",
    "shuffles": "shuffles",
    "class_curve": "class curve",
    "crossed": "crossed trainings",
    **{f"shuffles_within_{what}": "shuffles" for what in ("class", "size", "spectrum")},
}
OTHER = "pairs, I_d, rows"


def by_stage(folder, experiments):
    """Return run time and memory of each stage of each of `experiments` (names), a DataFrame.

    `folder`: results/benchmarks. Columns: experiment, stage, jobs, seconds (wall clock, of all jobs
    together), longest_seconds, cpu_seconds, memory_mb (the largest resident memory of a job). Every
    benchmark file there counts, also of shards that a later setting no longer uses. Raises
    InputError if there is none.
    """
    parts = []
    for experiment in experiments:
        for path in sorted(Path(folder, experiment).rglob("*.tsv")):
            rows = pd.read_csv(path, sep="\t", na_values="-")
            parts.append(rows.assign(experiment=experiment, stage=stage(path, folder)))
    if not parts:
        raise InputError(f"{folder} has no benchmarks of {', '.join(experiments)}; run them first.")
    rows = pd.concat(parts, ignore_index=True)
    order = pd.CategoricalDtype([*dict.fromkeys(STAGES.values()), OTHER], ordered=True)
    grouped = rows.astype({"stage": order}).groupby(
        ["experiment", "stage"], sort=True, observed=True
    )
    table = grouped.agg(
        jobs=("s", "size"),
        seconds=("s", "sum"),
        longest_seconds=("s", "max"),
        cpu_seconds=("cpu_time", "sum"),
        memory_mb=("max_rss", "max"),
    )
    return table.reset_index().astype({"stage": str})


def stage(path, folder):
    """Return the stage that the benchmark file `path` below `folder` belongs to."""
    names = Path(path).relative_to(folder).with_suffix("").parts[1:]
    if len(names) > 2:  # the network's spectrum is called classifier, too
        names = [name for name in names if name != "classifier"]
    return next((STAGES[name] for name in reversed(names) if name in STAGES), OTHER)
