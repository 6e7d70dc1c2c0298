"""Frozen convolutions and linear layers of modest size on a CPU, by convolutions.cpp."""

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from idbias.files import replacing

SOURCE = Path(__file__).with_name("convolutions.cpp")
FLAGS = ["-O3", "-march=native", "-mprefer-vector-width=512", "-fno-math-errno",
         "-fno-trapping-math", "-shared", "-fPIC"]  # fmt: skip
POINTS = (0.0, 0.5**0.5, -(0.5**0.5), 2.0**0.5, -(2.0**0.5))  # and infinity, as in the source
LARGEST = 9 * 128 * 128  # weights; those of more do not stay in a core's cache


@cache
def library():
    """Return the compiled kernels, or None, said once on stderr, where they cannot be built.

    The shared object is kept in the user's cache folder under a name that changes with source,
    compiler and processor. Without it convolutions are torch's own, at half the speed.
    """
    names = filter(shutil.which, (os.environ.get("CXX", ""), "c++", "g++", "clang++"))
    compiler = next(names, None)
    if compiler is None or platform.machine() != "x86_64":
        print("No C++ compiler for x86-64 here: masks train at half the speed.", file=sys.stderr)
        return None
    version = subprocess.run([compiler, "--version"], capture_output=True, check=False).stdout
    processor = Path("/proc/cpuinfo").read_text().partition("flags")[2].partition("\n")[0]
    key = repr((SOURCE.read_text(), FLAGS, version, processor)).encode()
    name = f"idbias-convolutions-{hashlib.sha256(key).hexdigest()[:16]}.so"
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "idbias")
    for folder in (caches, Path(tempfile.gettempdir(), f"idbias-{os.getuid()}")):
        try:
            if not (folder / name).exists():
                with replacing(folder / name) as temporary:
                    build = [compiler, *FLAGS, str(SOURCE), "-o", str(temporary)]
                    subprocess.run(build, check=True, capture_output=True, text=True)
            return _declared(ctypes.CDLL(str(folder / name)))
        except (OSError, subprocess.CalledProcessError) as failure:
            error = getattr(failure, "stderr", None) or failure
    print(f"{SOURCE.name} does not build, masks train at half the speed: {error}", file=sys.stderr)
    return None


def _declared(kernels):
    pointer, number = ctypes.c_void_p, ctypes.c_int
    pointers = [pointer] * 5 + [number, pointer]  # x, weights, bias, add, gate; relu; y
    kernels.winograd.argtypes = [*pointers, *[number] * 5]
    kernels.direct.argtypes = [*pointers, *[number] * 12, pointer, pointer]
    kernels.winograd.restype = kernels.direct.restype = None
    return kernels


def supported(layer):
    """Return whether `Convolution` can stand for this torch.nn.Conv2d or Linear on this machine."""
    if not isinstance(layer, nn.Conv2d | nn.Linear):
        return False
    weight = layer.weight
    if weight.dtype != torch.float32 or weight.is_cuda or weight.numel() > LARGEST:
        return False
    plain = isinstance(layer, nn.Linear) or (
        layer.groups == 1
        and layer.dilation == (1, 1)
        and isinstance(layer.padding, tuple)
        and layer.padding_mode == "zeros"
        and layer.stride[0] == layer.stride[1]
    )
    return plain and library() is not None


class Convolution:
    """A frozen Conv2d, with what follows it, and its gradient with respect to the input.

    All tensors are float32, (N, C, H, W), channels_last or made so. A Linear from (N, C) to (N, K)
    is a 1x1 convolution of one image of one row and N columns: each row's sums in the same order
    whatever N, which matrix libraries do not promise.
    """

    def __init__(self, layer):
        weight, self.stride, self.padding = layer.weight.detach(), 1, (0, 0)
        self.linear = isinstance(layer, nn.Linear)
        if self.linear:
            weight = weight[:, :, None, None]
        else:
            self.stride, self.padding = layer.stride[0], layer.padding
        self.channels_out, self.channels_in, *self.kernel = weight.shape
        self.bias = None if layer.bias is None else layer.bias.detach().contiguous()
        same = (tuple(self.kernel), self.stride, self.padding) == ((3, 3), 1, (1, 1))
        lanes = library().lanes()
        if same and self.channels_in % lanes == 0:
            self.forward_parts = [_Winograd(weight)]
        else:
            taps = {
                tap: [k - pad for k, pad in zip(tap, self.padding, strict=True)]
                for tap in self._taps()
            }
            self.forward_parts = [_Direct(weight, taps, (1, 0, 0, self.stride))]
        back = weight.transpose(0, 1)
        if same and self.channels_out % lanes == 0:
            self.backward_parts = [_Winograd(back.flip((2, 3)))]
        else:
            self.backward_parts = list(self._backward_parts(back))

    def _taps(self):
        height, width = self.kernel
        return [(row, column) for row in range(height) for column in range(width)]

    def _backward_parts(self, weight):
        """Input pixel p hears of output q through tap p + padding - stride * q: see by remainder."""
        for first in [(row, column) for row in range(self.stride) for column in range(self.stride)]:
            taps = {}
            for tap in self._taps():
                far = [p + pad - k for p, pad, k in zip(first, self.padding, tap, strict=True)]
                if not any(f % self.stride for f in far):
                    taps[tap] = [f // self.stride for f in far]
            yield _Direct(weight, taps, (self.stride, *first, 1))

    def forward(self, x, add=None, relu=False):
        """Return conv(x) + bias [+ add] [then zero where negative]."""
        if self.linear:
            x, add = _row(x), _row(add)
        sizes = zip(x.shape[2:], self.padding, self.kernel, strict=True)
        size = [(n + 2 * pad - k) // self.stride + 1 for n, pad, k in sizes]
        shape = (self.channels_out, *size)
        y = _run(self.forward_parts, x, shape, self.bias, add, None, relu)
        return y[0, :, 0].T if self.linear else y

    def backward(self, gradient, shape, add=None, gate=None):
        """Return the gradient of the input, of `shape`, [+ add] [zero where gate <= 0]."""
        if self.linear:
            rows = (self.channels_in, 1, len(gradient))
            gradient, add, gate = _row(gradient), _row(add), _row(gate)
            return _run(self.backward_parts, gradient, rows, None, add, gate, False)[0, :, 0].T
        return _run(self.backward_parts, gradient, shape[1:], None, add, gate, False)


def _row(x):
    """Return (N, C) as (1, C, 1, N)."""
    return x if x is None else x.T[None, :, None]


class _Winograd:
    """Weights of a 3x3 convolution of stride 1 and padding 1 for convolutions.cpp's `winograd`.

    They are G w G^T, computed in double and rounded once. Lavin and Gray 2016, arXiv:1509.09308,
    section 4.1.
    """

    def __init__(self, weight):
        rows = []
        for point in POINTS:
            scale = (
                torch.tensor([point - other for other in POINTS if other != point]).double().prod()
            )
            rows.append([point**power / scale.item() for power in range(3)])
        matrix = torch.tensor([*rows, [0.0, 0.0, 1.0]], dtype=torch.float64)
        samples = torch.einsum("pa,oiab,qb->pqio", matrix, weight.double(), matrix)
        self.weights = torch.stack([_grouped(sample) for sample in samples.flatten(0, 1)])

    def run(self, pointers, relu, y, shape_in, shape_out):
        library().winograd(*pointers, relu, y, *shape_in, shape_out[0])


class _Direct:
    """Weights of chosen taps for convolutions.cpp's `direct`: tap -> where it looks, (dy, dx)."""

    def __init__(self, weight, taps, lattice):
        empty = weight.new_zeros(len(weight), 0)
        matrix = torch.cat([empty, *(weight[:, :, row, column] for row, column in taps)], dim=1)
        self.weights = _grouped(matrix.T)
        dy, dx = ((ctypes.c_int * len(taps))(*(far[i] for far in taps.values())) for i in (0, 1))
        self.rest = (*lattice, len(taps), dy, dx)

    def run(self, pointers, relu, y, shape_in, shape_out):
        channels, height, width = shape_out
        library().direct(*pointers, relu, y, *shape_in, height, width, channels, *self.rest)


def _grouped(matrix):
    """Return (depth, channels) as (channels / group, depth, group), zeros filling the last group."""
    matrix = functional.pad(matrix, (0, -matrix.shape[1] % library().lanes()))
    depth, channels = matrix.shape
    group = library().group(channels)
    return matrix.reshape(depth, channels // group, group).transpose(0, 1).float().contiguous()


def _run(parts, x, shape, bias, add, gate, relu):
    x, add, gate = channels_last(x), channels_last(add), channels_last(gate)
    n, channels, height, width = x.shape
    y = torch.empty((n, *shape), memory_format=torch.channels_last)
    for part in parts:
        pointers = [_pointer(tensor) for tensor in (x, part.weights, bias, add, gate)]
        part.run(pointers, int(relu), _pointer(y), (n, height, width, channels), shape)
    return y


def channels_last(tensor):
    """Return the tensor with its channels side by side in memory; None stays None."""
    return tensor if tensor is None else tensor.contiguous(memory_format=torch.channels_last)


def _pointer(tensor):
    return None if tensor is None else tensor.data_ptr()
