"""Consecutive layers of a traced network, run a few images at a time by convolutions.cpp.

What one layer hands to the next then stays in a core's own cache. Of the forward pass only where the
ReLUs' outputs are positive is kept for the backward pass, a bit each.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from idbias.masks.cpu_engine.convolutions import COMBINE, Convolution, Place, Step, library

CACHE = 512 << 10  # bytes that what is handed on may take, of the MiB or more of a core's cache


@dataclass
class Layer:
    """conv(source) + bias [+ addend] [then ReLU], the value of `node`; a linear layer likewise.

    gates: the gradient of `source` that it gives is also that of the ReLU that made `source`.
    gated: the gradient of `node` arrives with that of its own ReLU applied.
    """

    node: Any
    convolution: Convolution
    source: Any
    addend: Any
    relu: bool
    gates: bool = False
    gated: bool = False


class Signs(NamedTuple):
    """Where the value of `node` is positive, uint8: a bit for each number, in whole vectors."""

    node: Any


class Gradient(NamedTuple):
    """A gradient with respect to the value of `node`; `number` tells several apart."""

    node: Any
    number: int = -1


class Segment:
    """Layers each of which reads what earlier ones, or the rest of the network, made.

    shapes: node -> shape of its value for one image, (1, C, H, W) or (1, C). wanted: the nodes whose
    values the rest of the network reads.
    """

    def __init__(self, layers, shapes, wanted):
        self.layers, self.shapes = layers, shapes
        own = [layer.node for layer in layers]
        read = dict.fromkeys(node for layer in layers for node in (layer.source, layer.addend))
        self.inputs = [node for node in read if node is not None and node not in own]
        self.outputs = [node for node in own if node in wanted]
        self.forward_program, self.backward_programs = self._forward(), {}

    def forward(self, values, signs):
        """Add this segment's outputs to `values` and the Signs of its ReLUs to `signs`.

        values: node -> (N, C, H, W) or (N, C), float32.
        """
        count = len(values[self.inputs[0]])
        made = {node: _empty(count, self.shapes[node]) for node in self.outputs}
        for value, size in self.forward_program.bytes.items():
            if isinstance(value, Signs):
                signs[value] = torch.empty(count, size, dtype=torch.uint8)
        self.forward_program.run({node: values[node] for node in self.inputs} | made | signs, count)
        values.update(made)

    def backward(self, gradients, signs):
        """Add the gradients of this segment's inputs to `gradients`, from those of its outputs."""
        known = tuple(node for node in (*self.outputs, *self.inputs) if node in gradients)
        if known not in self.backward_programs:
            self.backward_programs[known] = self._backward(known)
        program, results = self.backward_programs[known]
        count = len(next(iter(gradients.values())))
        tensors = {Gradient(node): gradients[node] for node in known}
        for node, gradient in results.items():
            if gradient not in tensors:
                tensors[gradient] = _empty(count, self.shapes[node])
        program.run(tensors | signs, count)
        gradients.update((node, tensors[gradient]) for node, gradient in results.items())

    def _forward(self):
        program = Program(self.shapes)
        for layer in self.layers:
            signs = Signs(layer.node) if layer.relu else None
            bias = layer.convolution.bias
            for part in layer.convolution.forward:
                program.add(
                    layer.source, layer.node, part, bias=bias, add=layer.addend, relu=layer.relu,
                    signs=signs,
                )  # fmt: skip
        return program.finish(self.outputs)

    def _backward(self, known):
        """Return the program, and the name in it of the gradient of each input."""
        program = Program(self.shapes)
        of = {node: Gradient(node) for node in known}
        for number, layer in enumerate(reversed(self.layers)):
            gradient = of.pop(layer.node, None)
            if gradient is None:
                continue
            if layer.relu and not layer.gated:
                ungated, gradient = gradient, Gradient(layer.node, number)
                program.add(ungated, gradient, gate=Signs(layer.node))
            if (addend := layer.addend) is not None:
                other, of[addend] = of.get(addend), gradient
                if other is not None:
                    of[addend] = Gradient(addend, number)
                    program.add(gradient, of[addend], add=other)
            source, gate = layer.source, Signs(layer.source) if layer.gates else None
            # `number` of the sum above is the same where a layer adds its own input.
            other, of[source] = of.get(source), Gradient(source, len(self.layers) + number)
            for part in layer.convolution.backward:
                program.add(gradient, of[source], part, add=other, gate=gate)
        results = {node: of[node] for node in self.inputs if node in of}
        return program.finish(results.values()), results


def _empty(count, shape):
    return torch.empty((count, *shape[1:]), memory_format=_layout(len(shape)))


class Program:
    """Steps for convolutions.cpp's `run`. Values are named by nodes, Signs and Gradients.

    bytes: value -> its size for one image.
    """

    def __init__(self, shapes):
        self.shapes, self.steps, self.bytes = shapes, [], {}
        self.lives = {}  # value -> its first and its last step

    def add(self, x, y, part=None, add=None, gate=None, signs=None, bias=None, relu=False):
        """y = part of x, or x itself, [+ bias] [+ add] [ReLU] [zero where gate is not set].

        signs: written, where y is positive.
        """
        places = {"x": x, "add": add, "gate": gate, "signs": signs, "y": y}
        for value in filter(None, places.values()):
            self.lives.setdefault(value, [len(self.steps)] * 2)[1] = len(self.steps)
            self.bytes[value] = self._bytes(value)
        (channels_in, height, width), (channels_out, *size) = map(self._shape, (x, y))
        numbers = {
            "relu": relu, "rows_are_images": len(self.shapes[_node(y)]) == 2,
            "channels_in": channels_in, "height": height, "width": width,
            "channels_out": channels_out, "out_height": size[0], "out_width": size[1],
        } | (part.numbers if part else {"kind": COMBINE})  # fmt: skip
        arrays = {"bias": bias.data_ptr() if bias is not None else None}
        if part:
            arrays |= part.pointers()
        self.steps.append((places, numbers | arrays, (part, bias)))

    def finish(self, results):
        """Make the program ready to `run`; return it. results: values for which `run` gets memory.

        It also gets that of all that no step writes, and of Signs.
        """
        written = {places["y"] for places, _, _ in self.steps} - set(results)
        inner = {value: life for value, life in self.lives.items() if value in written}
        self.offsets, self.size = self._laid_out(inner)
        self.outer = [value for value in self.bytes if value not in written]
        # Large weights are read again for each chunk: let that be worth their reading.
        weights = max((part.weights.nbytes for _, _, (part, _) in self.steps if part), default=0)
        self.chunk = max(1, max(CACHE, 2 * weights) // max(1, self.size))
        index = {value: i for i, value in enumerate((*self.outer, *self.offsets))}
        self.code = (Step * len(self.steps))()
        for step, (places, numbers, _) in zip(self.code, self.steps, strict=True):
            for name, value in places.items():
                setattr(step, name, index.get(value, -1))
            for name, value in numbers.items():
                setattr(step, name, value)
        return self

    def run(self, tensors, count):
        """Run the steps for `count` images. tensors: value -> its tensor of that many rows."""
        tensors = [_plain(tensors[value]) for value in self.outer]
        for value, tensor in zip(self.outer, tensors, strict=True):
            if tensor.nbytes != count * self.bytes[value]:
                raise ValueError(f"{count} images of {_node(value)} have shape {tensor.shape}")
        chunk = min(self.chunk, count)
        places = [
            *((t.data_ptr(), self.bytes[v]) for v, t in zip(self.outer, tensors, strict=True)),
            *((offset * chunk, 0) for offset in self.offsets.values()),
        ]
        places = (Place * len(places))(*places)
        library().run(self.code, len(self.code), places, count, chunk, self.size * chunk)

    def _laid_out(self, lives):
        """Return each value's offset, those that live at once apart, and the bytes of an image."""
        placed, offsets = [], {}
        for value, (first, last) in lives.items():  # in the order of their first steps
            offset, size = 0, -(-self.bytes[value] // 64) * 64
            for begin, end, until in sorted(placed):
                if until >= first and offset < end and begin < offset + size:
                    offset = end
            placed.append((offset, offset + size, last))
            offsets[value] = offset
        return offsets, max((end for _, end, _ in placed), default=0)

    def _shape(self, value):
        shape = self.shapes[_node(value)]
        return tuple(shape[1:]) if len(shape) == 4 else (shape[1], 1, 1)

    def _bytes(self, value):
        channels, height, width = self._shape(value)
        if isinstance(value, Signs):
            lanes = library().lanes()
            return height * width * -(-channels // lanes) * lanes // 8
        return 4 * channels * height * width


def _node(value):
    return value.node if isinstance(value, Signs | Gradient) else value


def _plain(tensor):
    """Return the tensor with the channels of a pixel, and pixels and images, one after another."""
    return tensor.contiguous(memory_format=_layout(tensor.ndim))


def _layout(dimensions):
    return torch.channels_last if dimensions == 4 else torch.contiguous_format
