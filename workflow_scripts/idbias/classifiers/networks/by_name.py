"""Architectures by name. Importing this module imports no torch, so the Snakefile may."""

import importlib
import inspect

from idbias.classifiers.paper2 import ZOO
from idbias.errors import InputError
from idbias.own_code import check_arguments, own

# name -> module beside this one, its constructor, the constructor's arguments
NETWORKS = {
    "small_cnn": ("small_cnn", "small_cnn", {}),
    "resnet20": ("resnet", "resnet", {"depth": 20}),
    "resnet32": ("resnet", "resnet", {"depth": 32}),
    "resnet44": ("resnet", "resnet", {"depth": 44}),
    "resnet56": ("resnet", "resnet", {"depth": 56}),
    "resnet18": ("resnet", "resnet18", {}),
    "cct7": ("cct", "cct7", {}),
    "cct7_sine": ("cct", "cct7", {"positional": "sine"}),
    **{name: ("zoo", "zoo", arguments) for name, arguments in ZOO.items()},
}


def build(name, shape, classes, more=None):
    """Build the untrained network `name` for images of `shape` (C, H, W) and `classes` classes.

    name: one of NETWORKS; "timm:NAME" for a model of timm; or "MODULE:FUNCTION", a function of the
        user's own in a module of the working directory, or of an installed package. A constructor
        takes those of `shape`, `channels`, `classes` that it names as parameters.
    more: dict of further arguments of the constructor, or None.
    Returns a torch.nn.Module from float32 (N, C, H, W), normalised, to logits (N, classes).
    Raises InputError if there is no such network, or its constructor does not take `more`.
    """
    offered = {"shape": tuple(shape), "channels": shape[0], "classes": classes}
    if name.startswith("timm:"):
        module, constructor, arguments = "timm_models", "timm_model", {"name": name[5:]}
    elif ":" in name:
        constructor = own(name, "network")
        _check_builds(constructor, name)
        return call(constructor, more or {}, offered)
    else:
        module, constructor, arguments = NETWORKS[name]
    module = importlib.import_module(f"idbias.classifiers.networks.{module}")
    return call(getattr(module, constructor), {**arguments, **(more or {})}, offered)


def _check_builds(constructor, name):
    """Raise InputError if what is to build a network is one."""
    from torch import nn

    if isinstance(constructor, nn.Module):
        raise InputError(
            f"config.yaml, classifiers: network {name} is a network already; give a function that builds it."
        )


def call(constructor, arguments, offered):
    """Call `constructor` with `arguments` and with those of `offered` that it names."""
    taken = inspect.signature(constructor).parameters
    given = {**{key: offered[key] for key in offered if key in taken}, **arguments}
    # A functools.partial has no name of its own.
    called = getattr(getattr(constructor, "func", constructor), "__name__", constructor)
    check_arguments(constructor, given, f"the network's constructor {called}")
    return constructor(**given)
