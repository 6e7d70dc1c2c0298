"""Tables of another configuration do not lie among those of this one."""

import hashlib
import json
import re
from dataclasses import fields
from pathlib import Path

from idbias.whole_files import replacing

TABLES = Path("results/tables")
# Tables of the papers, which are asked for by name and whatever else is chosen stay.
OF_PAPERS = re.compile(r"table\d|accuracies")
# For which settings each table was last asked for: name -> experiment -> fingerprint.
MADE_FOR = ".made_for.json"


def put_aside(wanted, asked, experiments, folder=TABLES):
    """Move tables in `folder` that were made with another configuration to its folder earlier/.

    These are tables that are not `wanted` (paths), nor of a paper; and those of other settings than those of
    `experiments` (name -> Experiment) that this run does not look at. asked: those that it does look at,
    name -> names of the experiments that are in it. One that is asked for again is made again, in a second.
    Returns the names of what was moved.
    """
    names = {Path(path).stem for path in wanted}
    made_for = _read(folder / MADE_FOR)
    moved = []
    for file in sorted(folder.glob("[!.]*.*")):
        name = file.stem.removesuffix("_details")
        unwanted = name not in names and not OF_PAPERS.fullmatch(name)
        if (
            file.is_file()
            and name not in asked
            and (unwanted or _outdated(made_for.get(name, {}), experiments))
        ):
            (folder / "earlier").mkdir(exist_ok=True)
            file.replace(folder / "earlier" / file.name)
            moved.append(file.name)
    if moved:
        print(
            f"Tables of another configuration now lie in {folder / 'earlier'}: {', '.join(moved)}"
        )
    of_asked = {
        name: {one: fingerprint(experiments[one]) for one in sorted(of)}
        for name, of in asked.items()
    }
    if of_asked:
        with replacing(folder / MADE_FOR) as temporary:
            temporary.write_text(json.dumps({**made_for, **of_asked}), encoding="utf-8")
    return moved


def tables_of(jobs, experiments):
    """Return name -> names of the experiments of each table that Snakemake's `jobs` make or keep."""
    asked = {}
    for job in jobs:
        below = [path for path in job.output if Path(path).parent == TABLES]
        if below:
            of = {Path(path).parts[1] for path in job.input if path.startswith("results/")}
            asked[Path(below[0]).stem] = of & experiments.keys()
    return asked


def fingerprint(experiment):
    """Return a hash of the settings that decide an experiment's numbers."""
    names = {each.name for each in fields(experiment)} - {"execution"}
    if not experiment.classifiers:
        names = {"dataset", "correlation", "seed"}
    decide = [(name, getattr(experiment, name)) for name in sorted(names)]
    return hashlib.sha256(repr(decide).encode()).hexdigest()[:16]


def _outdated(made_for, experiments):
    return any(
        name in experiments and fingerprint(experiments[name]) != value
        for name, value in made_for.items()
    )


def _read(path):
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
