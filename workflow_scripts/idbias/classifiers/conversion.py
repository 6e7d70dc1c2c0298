"""Copies of networks in another precision, on another device or in another memory layout.

`Module.to(dtype)` makes real numbers of complex parameters, `Module.to(memory_format=...)` takes
whatever has four axes for images, and `copy.deepcopy` refuses what was computed with gradients. A
user's network may have all three.
"""

import copy

import torch
from torch import nn
from torch.utils._pytree import tree_leaves

DOUBLE = (torch.float64, torch.complex128)


def copied(network, device=None, dtype=None):
    """Return a frozen copy of a torch module in eval mode; the module itself is not changed.

    device: where the copy lies; None: where the module does. dtype: torch.float32 or torch.float64, the
    precision of its parameters and buffers, complex ones included (`with_precision`); None: as they are.
    """
    # What a module keeps beside its parameters (weight_norm its weight) may hang on a graph of gradients.
    memo = {
        id(value): value.detach().clone()
        for module in network.modules()
        for value in tree_leaves(vars(module))
        if isinstance(value, torch.Tensor) and not value.is_leaf
    }
    network = copy.deepcopy(network, memo).eval().requires_grad_(False)
    if dtype is None:
        return network if device is None else network.to(device)
    return with_precision(network, dtype, device)


def precision(network):
    """Return torch.float64 if a parameter (without any: a buffer) has double precision, else float32."""
    tensors = list(network.parameters()) or list(network.buffers())
    return torch.float64 if any(tensor.dtype in DOUBLE for tensor in tensors) else torch.float32


def with_precision(network, dtype, device=None):
    """Give a module's floating point and complex parameters and buffers a precision, in place; return it.

    dtype: torch.float32 (complex ones: complex64) or torch.float64 (complex128). Integers stay. device: where
    all of them go; None: they stay where they are.
    """

    def converted(tensor):
        if tensor.is_complex():
            return tensor.to(device, dtype.to_complex())
        return tensor.to(device, dtype if tensor.is_floating_point() else None)

    return network._apply(converted)


def channels_last(network):
    """Lay out the weights of a module's Conv2d layers with channels last, in place; return it.

    Convolutions then run so, which is faster; other parameters of four axes keep their layout.
    """
    for module in network.modules():
        if plain(module, nn.Conv2d):
            module.to(memory_format=torch.channels_last)
    return network


def plain(module, *kinds):
    """Return whether a module is one of torch's own `kinds` and does what that does, nothing else.

    Not so a subclass, and not what has hooks or parametrizations, such as weight_norm's and
    spectral_norm's: its weights are made anew in each forward pass.
    """
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return type(module) in kinds and not any(getattr(module, name) for name in hooks)
