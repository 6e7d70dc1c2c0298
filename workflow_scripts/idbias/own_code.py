"""Functions and classes of the user's own, or of an installed package, named MODULE:NAME."""

import ast
import difflib
import importlib
import importlib.machinery
import importlib.util
import inspect
import os
import re
import sys
import traceback
from pathlib import Path

from idbias.config.code import SCRIPTS, parsed
from idbias.errors import InputError, said
from idbias.torchvision_import import import_torchvision, is_about_torchvision


def own_file(name):
    """Return the file in the working directory that MODULE:NAME is in, or None."""
    module = name.split(":", 1)[0].replace(".", "/")
    candidates = [Path.cwd() / f"{module}.py", Path.cwd() / module / "__init__.py"]
    return next((path for path in candidates if path.is_file()), None)


def require(name, where):
    """Raise InputError unless MODULE of `name` is in the working directory or installed.

    Imports nothing: the Snakefile asks before anything runs. `where`: file and key, for the message.
    """
    module = name.split(":", 1)[0]
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", name) or module.endswith(
        ".py"
    ):
        raise InputError(
            f"{where} is {name}, which is no MODULE:NAME; of a function small in networks.py write "
            "networks:small, in folder/networks.py folder.networks:small."
        )
    top = module.split(".")[0]
    if own_file(name):
        if other := _found_first(top):
            raise InputError(
                f"{where} is {name}, but Python finds another module {top} before it, {other}; give your file "
                "another name."
            )
        return
    if importlib.util.find_spec(top):
        return
    raise InputError(
        f"{where} is {name}, but there is no {module.replace('.', '/')}.py in the folder you run "
        f"Snakemake in, {os.getcwd()}, and no installed package {top}."
    )


def _found_first(top):
    """Return where a job finds module `top` before the working directory, which it searches last, or None.

    That is among the workflow's scripts, in Python itself and in what is installed.
    """
    if top in sys.builtin_module_names:
        return "a part of Python itself"
    installed = [place for place in sys.path if place.startswith((sys.prefix, sys.base_prefix))]
    places = [str(SCRIPTS), *installed]
    spec = importlib.machinery.PathFinder.find_spec(top, places)
    return spec.origin if spec and spec.origin else None


def check_declared(name, where, given=(), offered=(), of_plain=(), called=()):
    """Raise InputError unless MODULE:NAME is there and takes arguments called `given`; imports nothing.

    where: file and key, for the message. Looks only into files of the working directory, at what their
    text says: of what is imported into them, or decorated, only the name is checked.
    offered: names of arguments that idbias gives if they are taken, which need not be `given`.
    of_plain: further arguments, which a class derived from another (of foolbox) gets in another way.
    called: what idbias calls a function with, in this order and before `given`, under any names.
    """
    require(name, where)
    path = own_file(name)
    if path is None:
        return
    attribute = name.split(":", 1)[1]
    tree = parsed(path, f"{where} is {name}, but")
    names = {made: node for node in ast.walk(tree) for made in _names_made(node)}
    if "*" not in names and attribute not in names:
        own_names = [
            statement.name
            for statement in tree.body
            if isinstance(statement, ast.FunctionDef | ast.ClassDef)
        ]
        near = difflib.get_close_matches(attribute, own_names, n=1)
        hint = f"did you mean {near[0]}" if near else f"it has {', '.join(own_names) or 'nothing'}"
        raise InputError(f"{where} is {name}, but {path.name} has no {attribute}; {hint}?")
    _check_imports(tree, path, f"{where} is {name}, but")
    node = names.get(attribute)
    if not (isinstance(node, ast.ClassDef) and node.bases):
        given = [*given, *of_plain]
    if not isinstance(node, ast.FunctionDef):
        called = ()
    taken, needed = _arguments(node)
    if taken is None:
        return
    if len(taken) < len(called):
        raise InputError(
            f"{where} is {name}, which takes only {', '.join(taken) or 'nothing'}; idbias calls it with "
            f"{', '.join(called)}."
        )
    needed = [argument for argument in needed if argument not in taken[: len(called)]]
    taken = taken[len(called) :]
    wrong = [argument for argument in given if argument not in taken]
    allowed = ", ".join(argument for argument in taken if argument not in offered) or "none"
    if wrong:
        raise InputError(
            f"{where} is {name}, which takes no {', '.join(wrong)}; its arguments are {allowed}."
        )
    if missing := [argument for argument in needed if argument not in (*given, *offered)]:
        beside = ", epsilon beside them" if "epsilon" in missing else ""
        raise InputError(
            f"{where} is {name}, which needs {', '.join(missing)}; give it among its arguments{beside}, or a "
            f"default in {path.name}."
        )


def is_plain(name):
    """Return whether MODULE:NAME is a function, or a class derived from none, in the working directory."""
    path, attribute = own_file(name), name.split(":", 1)[1]
    found = [
        node
        for node in (parsed(path).body if path else ())
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == attribute
    ]
    return bool(found) and not getattr(found[-1], "bases", [])


def _check_imports(tree, path, beginning, seen=()):
    """Raise InputError if a module imports at its top what is neither beside it nor installed, or no Python."""
    if "sys.path" in path.read_text(encoding="utf-8", errors="replace"):
        return
    for node in tree.body:
        names = [name.name for name in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module]
        for name in {dotted.split(".")[0] for dotted in names}:
            beside = own_file(name)
            if beside and (other := _found_first(name)):
                raise InputError(
                    f"{beginning} {path.name}, line {node.lineno}, imports {name}, of which Python finds another "
                    f"before your {beside.name}, {other}; give your file another name."
                )
            if beside and beside not in seen:
                _check_imports(parsed(beside, beginning), beside, beginning, (*seen, beside))
            if not (beside or Path(name).is_dir() or importlib.util.find_spec(name)):
                raise InputError(
                    f"{beginning} {path.name}, line {node.lineno}, imports {name}, which is neither in the folder "
                    f"you run Snakemake in nor installed: pip install it into {sys.prefix}."
                )


def _names_made(node):
    """Return the names that a node of a syntax tree gives to something."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name.split(".")[0] for alias in node.names]
    return [node.id] if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else []


def _arguments(node):
    """Return (names, those without a default) of a function's or class's arguments.

    Both are None where its text does not tell.
    """
    if isinstance(node, ast.ClassDef):
        known = {part.name: part for part in node.body if isinstance(part, ast.FunctionDef)}
        if node.decorator_list or "__init__" not in known:
            return None, None
        node = known["__init__"]
    if not isinstance(node, ast.FunctionDef) or node.decorator_list:
        return None, None
    made = node.args
    if made.kwarg or made.vararg:
        return None, None
    in_order = [*made.posonlyargs, *made.args]
    needed = in_order[: len(in_order) - len(made.defaults)]
    needed += [
        part for part, default in zip(made.kwonlyargs, made.kw_defaults, strict=True) if not default
    ]
    taken, needed = (
        [part.arg for part in some if part.arg != "self"]
        for some in ([*in_order, *made.kwonlyargs], needed)
    )
    return taken, needed


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
            f"config.yaml: {kind} {name} cannot be loaded ({error}); it must be a {what} {attribute} in "
            f"{module.replace('.', '/')}.py in the folder you run Snakemake in."
        ) from None
    except (Exception, SystemExit) as error:  # a module may run, and raise, anything
        traceback.print_exc(file=sys.stderr)
        raise InputError(
            f"config.yaml: {kind} {name} cannot be loaded: {_place(error, module)} raised {said(error)} when it "
            "was imported; fix it, or put what is to run only by itself below if __name__ == '__main__'."
        ) from None


def _place(error, module):
    """Return the file and line of the user's in which an exception was raised, in words."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}, line {error.lineno},"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(Path.cwd())]
    own = [frame for frame in own if not frame.filename.startswith((str(SCRIPTS), sys.prefix))]
    return f"{Path(own[-1].filename).name}, line {own[-1].lineno}," if own else f"module {module}"


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
    return name in taken or any(
        parameter.kind == parameter.VAR_KEYWORD for parameter in taken.values()
    )


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
