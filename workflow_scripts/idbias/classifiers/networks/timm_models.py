"""Any network of timm (PyTorch Image Models, Wightman 2019), imported only when asked for."""

import difflib

import torch

from idbias.errors import InputError, first_line
from idbias.torchvision_import import import_torchvision

# torchvision of any other version than the one made for torch replaces torch itself.
INSTALL = "install them with `pip install timm torchvision==0.28.0` (made for torch 2.13)"


def timm_model(name, shape=(3, 224, 224), classes=1000):
    """Return timm's network `name`, untrained, for images of `shape` (C, H, W).

    It gives logits (N, classes). No weights are fetched: load a checkpoint with `load_weights`.
    Raises InputError if timm is not installed, has no such network, or it cannot take that shape.
    """
    timm = import_timm()
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else "; see timm.list_models()."
        raise InputError(f"timm {timm.__version__} has no network {name!r}{hint}")
    channels, height, width = shape
    options = {"pretrained": False, "in_chans": channels, "num_classes": classes}
    try:
        try:
            network = timm.create_model(name, **options, img_size=(height, width))
        except TypeError:  # convolutional networks take any size and no such argument
            network = timm.create_model(name, **options)
        with torch.inference_mode():
            network.eval()(torch.zeros(1, *shape))
    except Exception as error:
        raise InputError(
            f"timm's network {name!r} cannot take images of shape {tuple(shape)} "
            f"({first_line(error)}); scale them with the dataset's `size`."
        ) from None
    return network


def import_timm():
    """Import timm, which imports torchvision. Raises InputError if either is not installed."""
    try:
        import_torchvision()
        import timm
    except ImportError as error:
        raise InputError(
            f"A network of timm needs packages that are missing ({error}); {INSTALL}."
        ) from None
    return timm
