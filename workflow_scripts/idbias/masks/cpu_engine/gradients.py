"""Cross-entropy of a frozen classifier and its gradient with respect to the image.

Only the input's gradient is needed, so nothing is computed for the weights. Two ways: torch's
autograd (any module, any device), and on CPUs in float32 a walk over the traced graph in which
convolutions run by convolutions.cpp, many in a row on a few images at a time.
"""

import itertools
import operator
import sys

import torch
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp
from torch.nn import functional

from idbias.masks.cpu_engine.convolutions import Convolution, supported
from idbias.masks.cpu_engine.folding import folded, is_module
from idbias.masks.cpu_engine.segments import Layer, Segment


class Autograd:
    """images (B, C, H, W), classes (B,) -> cross-entropies (B,), their gradients (B, C, H, W).

    smallest: an image's numbers do not depend on the batch if that has at least as many images.
    Below 16 rows MKL's float32 matrix products sum in another order (measured; docs/masks.md).
    """

    def __init__(self, classifier, autocast=False):
        self.classifier, self.autocast = classifier, autocast
        double = any(p.dtype == torch.float64 for p in classifier.parameters())
        self.smallest = 4 if double else 16
        self.plain = self

    def __call__(self, images, classes):
        images = images.detach().requires_grad_()
        reduced = torch.autocast(images.device.type, torch.bfloat16, enabled=self.autocast)
        with torch.enable_grad():
            with reduced:
                logits = self.classifier(images)
            entropy = functional.cross_entropy(logits.to(images.dtype), classes, reduction="none")
            # Image b's part of the sum's gradient depends on image b alone: nothing mixes images.
            (gradient,) = torch.autograd.grad(entropy.sum(), images)
        return entropy.detach(), gradient


class Fused:
    """The same for a traced float32 classifier with 3x3 convolutions on a CPU, over twice as fast.

    Convolutions and linear layers, each with the addition and the ReLU that directly follow it, are
    Layers, and those in a row a Segment; any other node of the graph is run, and its gradient
    found, by autograd. `example`: one image (1, C, H, W), for the shapes.
    """

    def __init__(self, traced, example):
        ShapeProp(traced).propagate(example)
        self.plain, self.smallest = Autograd(traced), 1
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
        shapes = {node: _shape(node) for node in self.nodes}
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
        if not is_module(node, modules, nn.Conv2d | nn.Linear) or not supported(
            modules[node.target]
        ):
            return False
        return isinstance(modules[node.target], nn.Conv2d) or len(_shape(node)) == 2

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
        found = torch.autograd.grad(out, leaves.values(), gradients[node], allow_unused=True)
        for source, part in zip(leaves, found, strict=True):
            if part is not None:
                gradients[source] = gradients[source] + part if source in gradients else part


def _followers(node, modules, taken, live):
    """Return the nodes from a convolution to the last that fuses with it, the addend, any ReLU."""
    chain, addend = [node], None
    after = _only_user(node, taken)
    if after and after.target in (operator.add, torch.add) and len(after.args) == 2:
        other = after.args[1] if after.args[0] is node else after.args[0]
        if other in live and _shape(other) == _shape(node) and not after.kwargs:
            chain, addend = [node, after], other
            after = _only_user(after, taken)
    relu = after is not None and (
        after.target in (functional.relu, torch.relu) or is_module(after, modules, nn.ReLU)
    )
    return ([*chain, after] if relu else chain), addend, relu


def _only_user(node, taken):
    users = list(node.users)
    return users[0] if len(users) == 1 and users[0] not in taken else None


def _shape(node):
    return getattr(node.meta.get("tensor_meta"), "shape", None)


def input_gradient(classifier, example, autocast=False, engine="auto"):
    """Return the fastest of the above for `classifier`; several threads may call it at once.

    classifier: frozen, in eval mode, on its device, of its dtype. example: one image (1, C, H, W).
    autocast: let torch run the classifier in bfloat16 where it holds that safe.
    engine: "torch": autograd, whatever could be fused. What is fused is
    first compared with autograd on random images, and not used should it differ.
    """
    classifier = folded(classifier)
    fusable = isinstance(classifier, fx.GraphModule) and not (
        autocast or example.device.type != "cpu" or engine == "torch"
    )
    convolutions = [m for m in classifier.modules() if isinstance(m, nn.Conv2d) and supported(m)]
    if not fusable or not convolutions:
        classifier = classifier.to(memory_format=torch.channels_last)
        return Autograd(classifier, autocast)
    try:
        fused = Fused(classifier, example)
        _compare(fused, example.shape[1:])
    except Exception as error:  # an operation that the walk cannot run, or one that works in place
        print(f"Convolutions are not fused for this classifier: {error}", file=sys.stderr)
        return Autograd(classifier)
    return fused


def _compare(fused, shape):
    """Raise ValueError unless `fused` is its `plain`, up to rounding, for most of some random images.

    For most: where a ReLU's input is zero up to rounding, as happens in one image in fifty or so,
    the two may take its different sides, and their gradients are then apart by any amount.
    """
    images = torch.rand(9, *shape, generator=torch.Generator().manual_seed(0))
    classes = torch.zeros(len(images), dtype=torch.int64)
    for have, want in zip(fused(images, classes), fused.plain(images, classes), strict=True):
        have, want = have.reshape(len(images), -1), want.reshape(len(images), -1)
        apart = (have - want).norm(dim=1) / want.norm(dim=1).clamp(min=1e-30)
        if not apart.median() < 1e-3:
            raise ValueError(f"what is fused differs by {apart.median():.1e} from torch's own")
