"""Architectures by name. Importing this package imports no torch, so the Snakefile may."""

import importlib
import inspect

# name -> module in this package, its constructor, the constructor's arguments
NETWORKS = {
    "small_cnn": ("small_cnn", "small_cnn", {}),
    "resnet20": ("resnet", "resnet", {"depth": 20}),
    "resnet32": ("resnet", "resnet", {"depth": 32}),
    "resnet44": ("resnet", "resnet", {"depth": 44}),
    "resnet56": ("resnet", "resnet", {"depth": 56}),
}


def build(name, shape, classes):
    """Build the untrained network `name` for images of `shape` (C, H, W) and `classes` classes.

    A constructor takes those of `shape`, `channels`, `classes` that it names as parameters.
    Returns a torch.nn.Module from float32 (N, C, H, W), normalised, to logits (N, classes).
    Raises KeyError for a name not in NETWORKS.
    """
    module, constructor, arguments = NETWORKS[name]
    constructor = getattr(importlib.import_module(f"idbias.networks.{module}"), constructor)
    offered = {"shape": tuple(shape), "channels": shape[0], "classes": classes}
    taken = inspect.signature(constructor).parameters
    return constructor(**arguments, **{key: offered[key] for key in offered if key in taken})
