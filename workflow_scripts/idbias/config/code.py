"""The parameter `code` of each rule: a checksum of what its script computes with, and of no words.

Snakemake compares a job's parameters with those its outputs were made with. An edited constant or statement
of what a script imports changes its `code` and so reruns its rule and what follows. Docstrings, comments,
layout, the wording of errors, times of files, links and where a folder lies do not.
"""

import ast
import hashlib
import re
from functools import cache
from pathlib import Path

from idbias.errors import InputError

# The folder of scripts and library.
SCRIPTS = Path(__file__).parents[2]
# Modules that decide how work is cut up, shown and refused, never a number: editing them reruns nothing.
WITHOUT_INFLUENCE = (
    "config",
    "checkpoints",
    "errors",
    "files",
    "hdf5",
    "hdf5_writing",
    "machine",
    "own_code",
    "progress",
    "provenance",
    "shards",
    "stage",
    "whole_files",
)
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def code(script, *modules, folder=SCRIPTS, work=None):
    """Return 16 hexadecimal digits that say what `script` computes with.

    script: its name in `folder`. modules: files that it imports by name at run time, below idbias/ or
    absolute (a user's own); None adds nothing. work: the folder in which a user's modules find each
    other, by default the working directory.
    """
    work = Path.cwd() if work is None else Path(work)
    paths = [folder / script, *(folder / "idbias" / module for module in modules if module)]
    reached = set().union(*(closure(path, folder, work) for path in paths))
    # Not their paths, only their contents: a folder may move.
    sums = sorted(content(path) for path in reached)
    return hashlib.sha256("".join(sums).encode()).hexdigest()[:16]


@cache
def closure(path, folder, work):
    """Return `path` and the files that it imports, directly or not, of the library or of `work`."""
    reached, ahead = set(), [path]
    while ahead:
        file = ahead.pop()
        if file in reached or not file.is_file():
            continue
        reached.add(file)
        reached.update(filter(Path.is_file, (file.with_suffix(end) for end in (".cpp", ".h"))))
        for name in imported(file):
            ahead += _files_of(name, file, folder, work)
    return frozenset(reached)


@cache
def imported(path):
    """Return the names of modules, and of what may be modules, that a Python file imports.

    Of a relative import the name begins with its dots.
    """
    if path.suffix != ".py":
        return frozenset()
    names = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            separator = "" if module.endswith(".") else "."
            names |= {module, *(f"{module}{separator}{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
    return frozenset(names)


def _files_of(name, importer, folder, work):
    """Return the files that a module's name may stand for; they need not exist."""
    if name.startswith("."):
        levels = len(name) - len(name.lstrip("."))
        base, parts = importer.parents[levels - 1], name.lstrip(".").split(".")
    elif name.split(".")[0] == "idbias":
        base, parts = folder, name.split(".")
        # The package's front imports everything, for people; the workflow imports past it.
        if parts == ["idbias"]:
            return []
        if parts[1:2] and parts[1] in WITHOUT_INFLUENCE:
            return []
    else:
        base, parts = work, name.split(".")
    module = base.joinpath(*parts)
    return [module.with_name(f"{module.name}.py"), module / "__init__.py"]


@cache
def content(path):
    """Return a checksum of a file without its words: of Python its syntax tree, of C++ its tokens."""
    if path.suffix == ".py":
        text = ast.dump(without_words(parsed(path)))
    else:
        text = " ".join(
            re.sub(r"//[^\n]*|/\*.*?\*/", "", path.read_text("utf-8"), flags=re.S).split()
        )
    return hashlib.sha256(text.encode()).hexdigest()


def parsed(path, beginning=""):
    """Return the syntax tree of a Python file. Raises InputError, with file and line, if it is none.

    beginning: of the sentence, which then calls the file by its name alone.
    """
    try:
        return ast.parse(path.read_bytes())
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        file = f"{beginning} {path.name}" if beginning else path
        raise InputError(f"{file}, line {line}, is no Python ({error.args[0]}); fix it.") from None


def without_words(tree):
    """Return the syntax tree, changed in place, without docstrings and without what errors say."""
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            node.exc.args, node.exc.keywords = [], []
    return tree
