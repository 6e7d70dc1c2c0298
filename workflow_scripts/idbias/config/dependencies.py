"""Which library modules a script depends on, so that editing them runs its rule again."""

import ast
import os
from functools import cache
from pathlib import Path

# The folder of scripts and library.
SCRIPTS = Path(__file__).parents[2]

# Modules that decide how work is shown or failures are worded, never a number: editing them
# reruns nothing.
WITHOUT_INFLUENCE = {
    "config/arms",
    "config/checking",
    "config/counts",
    "config/comparisons",
    "config/downloads",
    "config/experiments",
    "config/schema",
    "config/schema_inputs",
    "config/sentences",
    "errors",
    "files",
    "own_code",
    "shards",
    "progress",
    "stage",
    "checkpoints",
}


def library(script, *modules, folder=SCRIPTS):
    """Return the library files behind `script`, sorted, relative to the working directory.

    Snakemake notices an edited script, not an edited module that it imports. `modules` adds files
    below idbias/ (or absolute ones) that are imported by name at run time; None adds nothing.
    """
    extra = [folder / "idbias" / module for module in modules if module]
    paths = imported(folder / script, folder).union(
        extra, *(imported(one, folder) for one in extra)
    )
    return sorted(os.path.relpath(path) for path in paths)


@cache
def imported(path, folder):
    """Return the library's files below `folder` that the Python file `path` imports, directly or not."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("idbias"):
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
    found = set()
    for name in names:
        inside = name.removeprefix("idbias.").replace(".", "/")
        module = folder / "idbias" / f"{inside}.py"
        if name.startswith("idbias.") and inside not in WITHOUT_INFLUENCE and module.exists():
            compiled = {module.with_suffix(suffix) for suffix in (".cpp", ".h")}
            found |= {module, *filter(Path.exists, compiled)} | imported(module, folder)
    return frozenset(found)
