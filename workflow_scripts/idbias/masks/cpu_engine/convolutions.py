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

from idbias.classifiers.conversion import plain
from idbias.errors import Unwritable
from idbias.files import replacing
from idbias.machine import own_file, private_folders

SOURCE = Path(__file__).with_name("convolutions.cpp")
FLAGS = ["-O3", "-march=native", "-mprefer-vector-width=512", "-fno-math-errno",
         "-fno-trapping-math", "-shared", "-fPIC"]  # fmt: skip
POINTS = (0.0, 0.5**0.5, -(0.5**0.5), 2.0**0.5, -(2.0**0.5))  # and infinity, as in the source
LARGEST = 9 * 128 * 128  # weights; those of more do not stay in a core's cache
WINOGRAD, DIRECT, COMBINE = range(3)  # Kind of the source


@cache
def library():
    """Return the compiled kernels, or None, said once on stderr, where they cannot be built.

    The shared object is kept in the user's cache folder, or another that nobody else can write in, under a
    name that changes with source, compiler and processor. Without it convolutions are torch's own, at half
    the speed or less.
    """
    names = filter(shutil.which, (os.environ.get("CXX", ""), "c++", "g++", "clang++"))
    compiler = next(names, None)
    if compiler is None or platform.machine() != "x86_64":
        print("No C++ compiler for x86-64 here: masks train at half the speed.", file=sys.stderr)
        return None
    version = subprocess.run([compiler, "--version"], capture_output=True, check=False).stdout
    processor = (
        Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("flags")[2].partition("\n")[0]
    )
    sources = [file.read_text(encoding="utf-8") for file in (SOURCE, SOURCE.with_suffix(".h"))]
    key = repr((sources, FLAGS, version, processor)).encode()
    name = f"idbias-convolutions-{hashlib.sha256(key).hexdigest()[:16]}.so"
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "idbias")
    shared = Path(tempfile.gettempdir(), f"idbias-{os.getuid()}")
    for folder in private_folders(caches, shared):
        try:
            return _loaded(folder / name, [compiler, *FLAGS, str(SOURCE), "-o"])
        except (OSError, AttributeError, Unwritable, subprocess.CalledProcessError) as failure:
            error = getattr(failure, "stderr", None) or failure
    print(f"{SOURCE.name} does not build, masks train at half the speed: {error}", file=sys.stderr)
    return None


def _loaded(path, build):
    """Return the kernels in `path`, built where there are none, or not this user's.

    Raises AttributeError or OSError if they are others; then they are removed, to be built by the next process.
    """
    if not own_file(path):
        with replacing(path) as temporary:
            subprocess.run([*build, str(temporary)], check=True, capture_output=True, text=True)
            temporary.chmod(0o700)
    try:
        return _declared(ctypes.CDLL(str(path)))
    except (OSError, AttributeError):
        path.unlink()  # no library, or without a symbol; by this path it stays loaded
        raise


class Step(ctypes.Structure):
    """Step of convolutions.cpp."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("weights", "bias", "dy", "dx")),
        *((name, ctypes.c_int) for name in (
            "kind", "rows_are_images", "x", "add", "gate", "signs", "y", "relu", "height", "width",
            "channels_in", "out_height", "out_width", "channels_out", "step", "row0", "column0",
            "scale", "taps", "along",
        )),
    ]  # fmt: skip


class Place(ctypes.Structure):
    """Place of convolutions.cpp."""

    _fields_ = [("at", ctypes.c_size_t), ("stride", ctypes.c_ssize_t)]


def _declared(kernels):
    """Return the loaded kernels with the types of `run`, once their Step and Place are found to be ours."""
    for ours, theirs in ((Step, kernels.step_layout), (Place, kernels.place_layout)):
        theirs.argtypes, theirs.restype = [ctypes.c_void_p], None
        names = [name for name, _ in ours._fields_]
        expected = [*(getattr(ours, name).offset for name in names), ctypes.sizeof(ours)]
        offsets = (ctypes.c_size_t * len(expected))()
        theirs(offsets)
        if list(offsets) != expected:
            raise RuntimeError(
                f"{ours.__name__} of {SOURCE.name} is laid out as {list(offsets)}, not {expected}: "
                "its fields in convolutions.py must be the same, in the same order."
            )
    pointer, number = ctypes.c_void_p, ctypes.c_int
    kernels.run.argtypes = [pointer, number, pointer, number, number, ctypes.c_size_t]
    kernels.run.restype = None
    return kernels


def supported(layer):
    """Return whether `Convolution` can stand for this torch.nn.Conv2d or Linear on this machine."""
    if not plain(layer, nn.Conv2d, nn.Linear):
        return False
    weight = layer.weight
    if weight.dtype != torch.float32 or weight.device.type != "cpu" or weight.numel() > LARGEST:
        return False
    fitting = isinstance(layer, nn.Linear) or (
        layer.groups == 1
        and layer.dilation == (1, 1)
        and isinstance(layer.padding, tuple)
        and layer.padding_mode == "zeros"
        and layer.stride[0] == layer.stride[1]
    )
    return fitting and library() is not None


class Convolution:
    """Weights of a frozen Conv2d or Linear and of its gradient with respect to the input.

    `forward` and `backward` are lists of parts that together write each output once. A Linear from
    (N, C) to (N, K) is a 1x1 convolution of one image of one row and N columns: each row's sums in
    the same order whatever N, which matrix libraries do not promise.
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
            self.forward = [_Winograd(weight)]
        else:
            taps = {
                tap: [k - pad for k, pad in zip(tap, self.padding, strict=True)]
                for tap in self._taps()
            }
            self.forward = [_Direct(weight, taps, (1, 0, 0, self.stride))]
        back = weight.transpose(0, 1)
        if same and self.channels_out % lanes == 0:
            self.backward = [_Winograd(back.flip((2, 3)))]
        else:
            self.backward = list(self._backward_parts(back))

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


class _Winograd:
    """Weights of a 3x3 convolution of stride 1 and padding 1 for convolutions.cpp's WINOGRAD.

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
        self.numbers = {"kind": WINOGRAD}

    def pointers(self):
        return {"weights": self.weights.data_ptr()}


class _Direct:
    """Weights of chosen taps for convolutions.cpp's DIRECT: tap -> where it looks, (dy, dx).

    Taps of one dy look at pixels side by side, whose channels are one row of numbers in memory.
    """

    def __init__(self, weight, taps, lattice):
        places = sorted((far, tap) for tap, far in taps.items())
        empty = weight.new_zeros(len(weight), 0)
        columns = [weight[:, :, row, column] for _, (row, column) in places]
        self.weights = _grouped(torch.cat([empty, *columns], dim=1).T)
        starts = {}
        for (dy, dx), _ in places:
            starts.setdefault(dy, dx)
        self.dy, self.dx = (
            (ctypes.c_int * len(starts))(*ends) for ends in (starts, starts.values())
        )
        along = len(places) // max(1, len(starts))
        names = ("step", "row0", "column0", "scale")
        self.numbers = dict(zip(names, lattice, strict=True))
        self.numbers |= {"kind": DIRECT, "taps": len(starts), "along": along}

    def pointers(self):
        dy, dx = ctypes.addressof(self.dy), ctypes.addressof(self.dx)
        return {"weights": self.weights.data_ptr(), "dy": dy, "dx": dx}


def _grouped(matrix):
    """Return (depth, channels) as (channels / group, depth, group), zeros filling the last group."""
    matrix = functional.pad(matrix, (0, -matrix.shape[1] % library().lanes()))
    depth, channels = matrix.shape
    group = library().group(channels)
    return matrix.reshape(depth, channels // group, group).transpose(0, 1).float().contiguous()
