"""Frozen classifiers made cheaper: batch norm folded into the convolution before it."""

import copy

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def folded(classifier):
    """Return a frozen copy of a classifier with its batch norms folded into its convolutions.

    In eval mode BatchNorm2d is an affine map of each channel; where it directly follows a Conv2d
    whose output nothing else reads, it becomes part of the convolution's weights and bias, computed
    in double and rounded once. Returns a torch.fx.GraphModule where the classifier can be traced
    (no control flow that depends on values), else the copy as it is.
    """
    classifier = copy.deepcopy(classifier).eval().requires_grad_(False)
    dtype = next((p.dtype for p in classifier.parameters()), torch.get_default_dtype())
    try:
        traced = fx.symbolic_trace(classifier.double())
    except Exception:  # tracing runs the classifier's own code, which may raise anything
        return classifier.to(dtype)
    modules = dict(traced.named_modules())
    calls = [node.target for node in traced.graph.nodes if node.op == "call_module"]
    if not modules.keys() >= set(calls):  # a class attribute of a layer's name hides it from fx
        return classifier.to(dtype)
    for node in list(traced.graph.nodes):
        if not is_module(node, modules, nn.BatchNorm2d) or not node.args:
            continue
        before = node.args[0]
        once = is_module(before, modules, nn.Conv2d) and calls.count(before.target) == 1
        if not once or len(before.users) > 1 or modules[node.target].running_mean is None:
            continue
        convolution = fuse_conv_bn_eval(modules[before.target], modules[node.target])
        parent, _, name = before.target.rpartition(".")
        setattr(modules[parent], name, convolution.requires_grad_(False))
        modules[before.target] = convolution
        node.replace_all_uses_with(before)
        traced.graph.erase_node(node)
    traced.graph.lint()
    traced.recompile()
    return traced.to(dtype)


def is_module(node, modules, kind):
    """Return whether an fx node calls a module of `kind`."""
    called = isinstance(node, fx.Node) and node.op == "call_module"
    return called and isinstance(modules[node.target], kind)
