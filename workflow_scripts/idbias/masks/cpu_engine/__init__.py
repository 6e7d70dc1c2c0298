"""Gradients at the image by compiled convolutions (C++), for classifiers that train their masks on CPUs.

The rest of idbias knows only `fused`, and asks for it nowhere but in idbias.masks.gradients; on a GPU, in
float64 and with `engine: torch` nothing of this package is imported or compiled. It stays as long as masks of
a ResNet-20 train at 1.3 times the rate of torch's own convolutions or more (benchmarks/masks.py, "torch's
convolutions"); below that rate it is to be deleted.
"""

from torch import nn

from idbias.masks.cpu_engine.convolutions import supported
from idbias.masks.cpu_engine.walk import Fused


def fused(traced, example):
    """Return a callable that gives cross-entropies and gradients of a traced classifier, or None.

    traced: torch.fx.GraphModule, frozen, in eval mode, float32 on a CPU. example: one image (1, C, H, W).
    The callable takes images (B, C, H, W) and classes (B,), as idbias.masks.gradients.Autograd does, and has
    `classifier` and `smallest` likewise; several threads may call it at once. None: there is no
    convolution that it could run, no compiler, or another processor than x86-64.
    Raises whatever an operation does that it cannot run: then torch's autograd must do.
    """
    convolutions = [m for m in traced.modules() if isinstance(m, nn.Conv2d) and supported(m)]
    return Fused(traced, example) if convolutions else None
