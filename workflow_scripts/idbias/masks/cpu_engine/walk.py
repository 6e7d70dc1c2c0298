"""The gradient at the image by a walk over a traced classifier.

Convolutions and linear layers run by convolutions.cpp, many in a row on a few images at a time.
"""

import itertools
import operator

import torch
from torch import fx, nn
from torch.nn import functional

from idbias.classifiers.conversion import plain
from idbias.masks.cpu_engine.convolutions import Convolution, supported
from idbias.masks.cpu_engine.segments import Layer, Segment


class _Shapes(fx.Interpreter):
    """Run a graph and keep the shape of each node's tensor, None of what is none, as node.meta["shape"].

    torch's ShapeProp does it too; its import brings sympy, most of a second in every mask job.
    """

    def run_node(self, node):
        value = super().run_node(node)
        node.meta["shape"] = getattr(value, "shape", None)
        return value


class Fused:
    """images (B, C, H, W), classes (B,) -> cross-entropies (B,), their gradients (B, C, H, W).

    traced: torch.fx.GraphModule, a float32 classifier on a CPU, frozen, in eval mode; example: one image
    (1, C, H, W), for the shapes. Convolutions and linear layers, each with the addition and the ReLU that
    directly follow it, are Layers, and those in a row a Segment; any other node of the graph is run, and
    its gradient found, by autograd.
    """

    def __init__(self, traced, example):
        _Shapes(traced).run(example)
        # `smallest`: no image's numbers depend on the batch, however few it holds.
        self.classifier, self.smallest = traced, 1
        self.interpreter = fx.Interpreter(traced)
        self.nodes = list(traced.graph.nodes)
        self.logits = self.nodes[-1].args[0]
        self.live = {self.nodes[0]}  # what depends on the images: constants have no row for each
        for node in self.nodes[1:]:
            if self.live.intersection(node.all_input_nodes):
                self.live.add(node)
        self.layers, inner = {}, set()
        modules = dict(traced.named_modules())
        for node in self.nodes:
            if node in self.live and self._supported(node, modules):
                chain, addend, relu = _followers(node, modules, inner, self.live)
                convolution, last = Convolution(modules[node.target]), chain[-1]
                self.layers[last] = Layer(last, convolution, node.args[0], addend, relu)
                inner.update(chain)
        self.nodes = [node for node in self.nodes if node in self.layers or node not in inner]
        self._share_gates()
        self.stages = self._stages()

    def _share_gates(self):
        """The earliest reader of a ReLU's output is the last to add to its gradient in the
        backward pass, so that it may also apply the ReLU's own gradient."""
        position = {node: i for i, node in enumerate(self.nodes)}
        for node, layer in self.layers.items():
            source = self.layers.get(layer.source)
            readers = [n for n in self.nodes if layer.source in self._inputs(n)]
            first = min(readers, key=position.get) is node and layer.source is not layer.addend
            layer.gates = first and source is not None and source.relu
            if layer.gates:
                source.gated = True

    def _stages(self):
        """Return the nodes after the images and before the output, layers in Segments."""
        shapes = {node: node.meta["shape"] for node in self.nodes}
        stages = []
        for fused, nodes in itertools.groupby(self.nodes[1:-1], key=self.layers.__contains__):
            nodes = list(nodes)
            if fused:
                others = (n for n in self.nodes if n not in nodes)
                wanted = {source for n in others for source in self._inputs(n)}
                nodes = [Segment([self.layers[node] for node in nodes], shapes, wanted)]
            stages.extend(nodes)
        return stages

    @staticmethod
    def _supported(node, modules):
        """Whether the node is a layer that convolutions.cpp does; a Linear only of (N, C)."""
        layer = _module(node, modules)
        if layer is None or not supported(layer):
            return False
        return isinstance(layer, nn.Conv2d) or len(node.meta["shape"]) == 2

    def _inputs(self, node):
        layer = self.layers.get(node)
        return (layer.source, layer.addend) if layer else node.all_input_nodes

    @torch.no_grad()
    def __call__(self, images, classes):
        values, signs, tapes = {self.nodes[0]: images}, {}, {}
        for stage in self.stages:
            if isinstance(stage, Segment):
                stage.forward(values, signs)
            else:
                values[stage], tapes[stage] = self._recorded(stage, values)
        logits = values[self.logits].detach().requires_grad_()
        with torch.enable_grad():
            entropy = functional.cross_entropy(logits, classes, reduction="none")
            (gradient,) = torch.autograd.grad(entropy.sum(), logits)
        gradients = {self.logits: gradient}
        for stage in reversed(self.stages):
            if isinstance(stage, Segment):
                stage.backward(gradients, signs)
            elif stage in gradients and tapes[stage]:
                self._back(gradients, stage, tapes[stage])
        return entropy.detach(), gradients[self.nodes[0]]

    def _recorded(self, node, values):
        """Run one node under autograd; return its value and what its gradient needs."""
        leaves = {}
        for source in node.all_input_nodes:
            if source in self.live and isinstance(values[source], torch.Tensor):
                leaves[source] = values[source].detach().requires_grad_()
        arguments = fx.node.map_arg((node.args, node.kwargs), lambda n: leaves.get(n, values[n]))
        with torch.enable_grad():
            out = getattr(self.interpreter, node.op)(node.target, *arguments)
        if not isinstance(out, torch.Tensor) or not out.requires_grad:
            return out, None
        return out.detach(), (leaves, out)

    @staticmethod
    def _back(gradients, node, tape):
        """Add the gradients of what a node read to `gradients`."""
        leaves, out = tape
        parts = torch.autograd.grad(out, leaves.values(), gradients[node], allow_unused=True)
        for source, part in zip(leaves, parts, strict=True):
            if part is not None:
                gradients[source] = gradients[source] + part if source in gradients else part


def _followers(node, modules, taken, live):
    """Return the nodes from a convolution to the last that fuses with it, the addend, any ReLU."""
    chain, addend = [node], None
    after = _only_user(node, taken)
    if after and after.target in (operator.add, torch.add) and len(after.args) == 2:
        other = after.args[1] if after.args[0] is node else after.args[0]
        if other in live and other.meta["shape"] == node.meta["shape"] and not after.kwargs:
            chain, addend = [node, after], other
            after = _only_user(after, taken)
    relu = after is not None and (
        after.target in (functional.relu, torch.relu) or plain(_module(after, modules), nn.ReLU)
    )
    return ([*chain, after] if relu else chain), addend, relu


def _module(node, modules):
    return modules[node.target] if node.op == "call_module" else None


def _only_user(node, taken):
    users = list(node.users)
    return users[0] if len(users) == 1 and users[0] not in taken else None
