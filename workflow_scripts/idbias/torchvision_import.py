"""torchvision beside a CPU build of torch, for the packages that import it (timm, adv-lib)."""

import sys

_declared = []  # torch forgets declared operators with the object that declared them


def is_about_torchvision(error):
    """Return whether an exception is torchvision's, whose operators are unknown to this torch."""
    return isinstance(error, RuntimeError) and "operator torchvision::" in str(error)


def import_torchvision():
    """Import torchvision, which may not import beside a CPU build of torch.

    torchvision's binary needs the CUDA build of torch, and where it does not load, torchvision
    stops at describing two of its operators, nms and qnms, which are then unknown to torch. No
    network uses them (they are for object detection), so declaring them, without a body, suffices.
    Raises ImportError if torchvision is not installed.
    """
    try:
        import torchvision
    except RuntimeError as error:
        if not is_about_torchvision(error):
            raise
        import torch

        for module in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[module]
        if not _declared:
            _declared.append(torch.library.Library("torchvision", "FRAGMENT"))
            for name in ("nms", "qnms"):
                _declared[0].define(f"{name}(Tensor dets, Tensor scores, float t) -> Tensor")
        import torchvision  # noqa: F401
