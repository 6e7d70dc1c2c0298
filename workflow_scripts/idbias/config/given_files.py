"""The files and folders that the user names in a configuration: whether they are there, and what arrays hold."""

import os
import re
from pathlib import Path

from idbias.config.downloads import local_path
from idbias.datasets.published import PUBLISHED
from idbias.errors import InputError
from idbias.provenance import replaced


def check_paths(experiment, origins, faults):
    """Add a fault for each path with braces, Snakemake's wildcards, and for a scratch that is a file."""
    for key, path in _given_paths(experiment):
        if path and re.search("[{}]", path):
            faults.add(
                f"{origins.at(key)} is {path}, with braces, which Snakemake takes for wildcards; give it a name "
                "without { and }."
            )
    scratch = Path(experiment.execution.scratch)
    there = next((part for part in (scratch, *scratch.parents) if os.path.exists(part)), scratch)
    if os.path.isfile(there):
        faults.add(
            f"{origins.at('execution.scratch')} is {scratch}, but {there} is a file; give the path of a folder."
        )


def _given_paths(experiment):
    """Yield (key, path) of each path, or address, that the user gives for an experiment; path may be None."""
    dataset, key = experiment.dataset, f"datasets.{experiment.dataset_name}"
    for name in ("path", "labels", "first", "second", "class_index"):
        given = getattr(dataset, name)
        yield f"{key}.{name}", given if isinstance(given, str) else None
    for arm, classifier in experiment.trained.items():
        named = experiment.classifier_arm_of.get(arm, (arm,))[0]
        weights = classifier.weights
        for path in [weights.path, *weights.urls] if weights else ():
            yield f"classifiers.{named}.weights.{'path' if weights.path else 'urls'}", path
    for arm, attack in experiment.attacks.items():
        for name, path in attack.files.items():
            yield f"attacks.{experiment.attack_arm_of.get(arm, arm)}.{name}", path
    yield "execution.scratch", experiment.execution.scratch


def as_many_rows(shapes, where, faults):
    """Add a fault unless arrays (name -> shape, or None where it is not known) have as many rows."""
    known = {name: shape[0] for name, shape in shapes.items() if shape}
    if len(set(known.values())) > 1:
        rows = ", ".join(f"{name} has {number} rows" for name, number in known.items())
        faults.add(f"{where}: {rows}; row i must be of the same point in each: give as many rows.")


def made_of(result, paths, settings):
    """Return whether the file `result` is there and need not be made: what it was made of may be gone.

    paths: of the user's files; settings: those that the result says it was made by if it is of these.
    """
    if not os.path.exists(result):
        return False
    if all(os.path.exists(local_path(path)) for path in paths if path):
        return True
    from idbias import files

    try:
        said = files.read(result, [])[1]
    except InputError:
        return False
    return said.get("settings") == files.attribute(settings)


def check_not_replaced(result, names, where, faults):
    """Add a fault if one of the user's files is another than the one that `result` was made of, and no newer."""
    with faults.collected():
        if path := replaced(result, names):
            raise InputError(
                f"{where}: {path} is not the file that {result} was made of, but its date is older, so that "
                f"Snakemake would keep what was made of the other; to use it: touch {path}"
            )


def _made_here(path):
    """Return whether the workflow itself makes or downloads a file that is not there yet."""
    folder, _, name = path.removeprefix("resources/").partition("/")
    downloaded = folder == "weights" or (folder in PUBLISHED and name in PUBLISHED[folder].files)
    return path.startswith("results/") or (path.startswith("resources/") and downloaded)


def exists(path, where, faults):
    """Add a fault unless the user's file or folder is there and may be read; return whether it is."""
    if not path or (_made_here(path) and not os.path.exists(path)):
        return False
    path = local_path(path)
    if not os.path.exists(path):
        written_out = ", written out: ~ and $ are not replaced" if path[0] in "~$" else ""
        faults.add(
            f"{where} is {path}, which does not exist (seen from {os.getcwd()}); give the path of a file that "
            f"is there{written_out}."
        )
    elif not os.access(path, os.R_OK):
        faults.add(f"{where} is {path}, which you may not read; ask its owner for permission.")
    else:
        return True
    return False


def header(name, where, faults):
    """Return the shape of an array from its file's header, or None where that does not tell."""
    path = name if os.path.exists(name) else name.partition(":")[0]
    if not exists(path, where, faults):
        return None
    suffix = os.path.splitext(path)[1].lower()
    if suffix in (".csv", ".tsv", ".txt"):
        return None  # whoever reads it sees how many rows it has
    if suffix not in (".npy", ".npz", ".h5", ".hdf5"):
        faults.add(
            f"{where} is {name}, which is no array that can be read; save it as .npy, .npz, .h5 or .csv."
        )
        return None
    from idbias.config.array_headers import shape_of

    try:
        return shape_of(path, name[len(path) + 1 :])
    except InputError as error:
        faults.add(f"{where}: {error}")
        return None
