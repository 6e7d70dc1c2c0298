"""The head of a network: its last linear layer, which may be trained while all else stays."""

import torch
from torch import nn

from idbias.errors import InputError


def find_head(network, images):
    """Return the linear layer of `network` that is called last on its way from images (N, C, H, W).

    The order in which layers are registered says nothing. Leaves the network in eval mode. Raises
    InputError if none is called, or the last one's outputs are not the logits' number.
    """
    called, hooks = [], []
    for module in network.modules():
        if isinstance(module, nn.Linear):
            hooks.append(module.register_forward_hook(lambda module, *_: called.append(module)))
    try:
        with torch.no_grad():
            logits = network.eval()(images)
    finally:
        for hook in hooks:
            hook.remove()
    if not called or called[-1].out_features != logits.shape[1]:
        why = f"the last has {called[-1].out_features} outputs" if called else "this one calls none"
        raise InputError(
            "config.yaml: weights.new_head and trainable: head need a network whose last linear layer gives "
            f"its {logits.shape[1]} logits; {why}: train all of it, or end it in nn.Linear."
        )
    return called[-1]


def choose_parameters(network, head):
    """Return the parameters to train, those of `head` or, if it is None, all; freeze the others."""
    network.requires_grad_(head is None)
    return list((network if head is None else head.requires_grad_(True)).parameters())


def set_mode(network, head):
    """Put what is trained in training mode, what is frozen in eval mode."""
    network.train(head is None)
    if head is not None:
        head.train()
