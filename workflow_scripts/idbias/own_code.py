"""Functions and classes of the user's own, or of an installed package, named MODULE:NAME."""

import importlib
import importlib.util
import inspect
import os
import sys
from pathlib import Path

from idbias.errors import InputError
from idbias.torchvision_import import import_torchvision, is_about_torchvision


def own_file(name, folder=None):
    """Return the file in `folder` (the working directory) that MODULE:NAME is in, or None."""
    module = name.split(":", 1)[0].replace(".", "/")
    folder = Path.cwd() if folder is None else Path(folder)
    candidates = [folder / f"{module}.py", folder / module / "__init__.py"]
    return next((path for path in candidates if path.is_file()), None)


def require(name, where):
    """Raise InputError unless MODULE of `name` is in the working directory or installed.

    Imports nothing: the Snakefile asks before anything runs. `where`: file and key, for the message.
    """
    module = name.split(":", 1)[0]
    if own_file(name) or importlib.util.find_spec(module.split(".")[0]):
        return
    raise InputError(
        f"{where} is {name}, but there is no {module.replace('.', '/')}.py in the folder you run "
        f"Snakemake in, {os.getcwd()}, and no installed package {module.split('.')[0]}."
    )


def own(name, kind, what="function"):
    """Return what MODULE:NAME names: of MODULE.py in the working directory, or of a package.

    kind: "network" or "attack", what: what it must be, both for the message of the InputError that
    is raised if there is none.
    """
    module, attribute = name.split(":", 1)
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        return getattr(_imported(module), attribute)
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"config.yaml: {kind} {name} cannot be had ({error}); it must be a {what} {attribute} in "
            f"{module.replace('.', '/')}.py in the folder you run Snakemake in."
        ) from None


def _imported(module):
    try:
        return importlib.import_module(module)
    except RuntimeError as error:
        if not is_about_torchvision(error):
            raise
    import_torchvision()
    return importlib.import_module(module)


def takes(function, name):
    """Return whether `function` (or class) can be given an argument `name`."""
    taken = inspect.signature(function).parameters
    return name in taken or any(one.kind == one.VAR_KEYWORD for one in taken.values())


def check_arguments(function, arguments, what, before=0):
    """Raise InputError if `function` (or class) does not take `arguments` (names), or needs others.

    before: how many positional arguments it is given besides; what: what it is, for the message, such
    as "the network's constructor resnet".
    """
    signature = inspect.signature(function)
    names = ", ".join(list(signature.parameters)[before:])
    unknown = [name for name in arguments if not takes(function, name)]
    if unknown:
        raise InputError(
            f"config.yaml: {what} takes no {', '.join(unknown)}; its arguments are {names}."
        )
    try:
        signature.bind(*[None] * before, **dict.fromkeys(arguments))
    except TypeError as error:
        raise InputError(
            f"config.yaml: {what}: {error}; give it under arguments, which may hold {names}."
        ) from None
