"""Architectures by name. Importing this module imports no torch, so the Snakefile may."""

import importlib
import inspect
import os
import sys

from idbias.classifiers.paper2 import ZOO
from idbias.errors import InputError

# name -> module beside this one, its constructor, the constructor's arguments
NETWORKS = {
    "small_cnn": ("small_cnn", "small_cnn", {}),
    "resnet20": ("resnet", "resnet", {"depth": 20}),
    "resnet32": ("resnet", "resnet", {"depth": 32}),
    "resnet44": ("resnet", "resnet", {"depth": 44}),
    "resnet56": ("resnet", "resnet", {"depth": 56}),
    "resnet18": ("resnet18", "resnet18", {}),
    "cct7": ("cct", "cct7", {}),
    "cct7_sine": ("cct", "cct7", {"positional": "sine"}),
    **{name: ("zoo", "zoo", arguments) for name, arguments in ZOO.items()},
}


def build(name, shape, classes, more=None):
    """Build the untrained network `name` for images of `shape` (C, H, W) and `classes` classes.

    name: one of NETWORKS; "timm:NAME" for a model of timm; or "MODULE:FUNCTION", a function of the
        user's own in a module of the working directory. A constructor takes those of `shape`,
        `channels`, `classes` that it names as parameters.
    more: dict of further arguments of the constructor, or None.
    Returns a torch.nn.Module from float32 (N, C, H, W), normalised, to logits (N, classes).
    Raises InputError if there is no such network, or its constructor does not take `more`.
    """
    offered = {"shape": tuple(shape), "channels": shape[0], "classes": classes}
    if name.startswith("timm:"):
        module, constructor, arguments = "timm_models", "timm_model", {"name": name[5:]}
    elif ":" in name:
        return call(own_constructor(*name.split(":", 1)), more or {}, offered)
    else:
        module, constructor, arguments = NETWORKS[name]
    module = importlib.import_module(f"idbias.classifiers.networks.{module}")
    return call(getattr(module, constructor), {**arguments, **(more or {})}, offered)


def call(constructor, arguments, offered):
    """Call `constructor` with `arguments` and with those of `offered` that it names."""
    taken = inspect.signature(constructor).parameters
    any_name = any(one.kind == one.VAR_KEYWORD for one in taken.values())
    unknown = [] if any_name else [name for name in arguments if name not in taken]
    if unknown:
        raise InputError(
            f"config.yaml: the network's constructor {constructor.__name__} takes no "
            f"{', '.join(unknown)}; its arguments are {', '.join(taken)}."
        )
    return constructor(**arguments, **{key: offered[key] for key in offered if key in taken})


def own_constructor(module, function):
    """Return the user's own `function` of the file `module`.py in the working directory."""
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        return getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"config.yaml: network {module}:{function} cannot be had ({error}); it must be a function "
            f"{function} in {module.replace('.', '/')}.py in the folder you run Snakemake in."
        ) from None
