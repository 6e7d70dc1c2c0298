"""How far float32 masks stray from double, and the engine from the reference: docs/masks.md.

Real data: scikit-learn's digits with the small network, trained here; or the public ResNet-20 and
CIFAR-10 test images (../shared/data or $IDBIAS_TEST_DATA). The paper's settings with the stopping
rule. The engine in double stands for the truth, which it is to 1e-7 (tests/masks/test_masks.py). What is
done is kept in --folder, so that a second run of the same code goes on.
Run: python benchmarks/masks_tolerance.py digits|cifar10 [--images 200]
"""

import argparse
import copy
import hashlib
import itertools
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / part) for part in ("workflow_scripts", "benchmarks")]

from masks import real_case  # noqa: E402

from idbias.classifiers.models import Normalised  # noqa: E402
from idbias.classifiers.networks.by_name import build  # noqa: E402
from idbias.classifiers.training import train  # noqa: E402
from idbias.config.schema import Masks  # noqa: E402
from idbias.config.schema_entries import Recipe  # noqa: E402
from idbias.correlation.dependence import intrinsic_dimension  # noqa: E402
from idbias.correlation.distances import squared_distances  # noqa: E402
from idbias.datasets.digits import digits  # noqa: E402
from idbias.files import replacing  # noqa: E402
from idbias.fourier import filtered  # noqa: E402
from idbias.masks.gradients import Autograd, folded  # noqa: E402
from idbias.masks.training import train_masks  # noqa: E402
from idbias.progress import progress  # noqa: E402

LIBRARY = ROOT / "workflow_scripts" / "idbias"
CODE = [
    LIBRARY / "fourier.py",
    *(path for path in (LIBRARY / "masks").rglob("*") if path.suffix in (".py", ".cpp", ".h")),
]


def digits_case(count):
    """Return the demonstration's network, trained, and the first `count` digits that it gets right."""
    data = digits(600, seed=0)
    images = {
        "train": data.train_images.astype(np.float32) / 16,
        "test": data.test_images.astype(np.float32) / 16,
    }
    torch.manual_seed(0)
    classifier = Normalised(build("small_cnn", (1, 8, 8), 10), 1)
    recipe = Recipe(
        optimizer="adam", learning_rate=0.003, epochs=60, batch_size=64, schedule="onecycle",
        weight_decay=0.0, augment=False,
    )  # fmt: skip
    train(classifier, images["train"], data.train_labels, recipe, seed=0)
    classifier.eval().requires_grad_(False)
    tests, targets = torch.tensor(images["test"]), torch.tensor(data.test_labels)
    right = (classifier(tests).argmax(1) == targets).nonzero().flatten()[:count]
    return classifier, tests[right], targets[right]


def engine(case, engine="auto", **settings):
    result = train_masks(*case, Masks(**settings), engine=engine)
    return result.masks, result.steps, result.kept


class Rounded(torch.autograd.Function):
    """A product of float32 as TF32 units do it: factors rounded to 10 bits, sums in float32."""

    @staticmethod
    def forward(ctx, images, weight, bias, function):
        images, weight = images.detach().requires_grad_(), rounded(weight)
        with torch.enable_grad():
            out = function(RoundedGradient.apply(images), weight, bias)
        ctx.tape = images, out
        return out.detach()

    @staticmethod
    def backward(ctx, gradient):
        images, out = ctx.tape
        return torch.autograd.grad(out, images, rounded(gradient))[0], None, None, None


class RoundedGradient(torch.autograd.Function):
    """Rounds on the way there and passes the gradient as it is."""

    @staticmethod
    def forward(ctx, images):
        return rounded(images)

    @staticmethod
    def backward(ctx, gradient):
        return gradient


def rounded(tensor):
    """Return float32 numbers with 10 bits of mantissa, the nearest ones."""
    bits = tensor.contiguous().view(torch.int32)
    return ((bits + 0x0FFF + ((bits >> 13) & 1)) & ~0x1FFF).view(torch.float32)


def in_tf32(classifier, images):
    """Return a copy of a classifier whose convolutions and linear layers are emulated TF32."""
    classifier = folded(classifier, images[:1])
    for module in classifier.modules():
        if isinstance(module, torch.nn.Conv2d):
            way = partial(functional.conv2d, stride=module.stride, padding=module.padding)
        elif isinstance(module, torch.nn.Linear):
            way = functional.linear
        else:
            continue
        module.forward = partial(
            lambda images, module, way: Rounded.apply(images, module.weight, module.bias, way),
            module=module,
            way=way,
        )
    return Untraced(classifier)


def tf32(case):
    result = train_masks(in_tf32(*case[:2]), *case[1:], Masks(), engine="torch")
    return result.masks, result.steps, result.kept


def one_gradient(case):
    """Print how far the first gradients are from double, relative to their norm, in each precision.

    Of images without their high frequencies: of those that the classifier is sure of, the gradient of
    the cross-entropy is a difference of nearly equal numbers in any precision.
    """
    low = torch.fft.fftfreq(case[1].shape[-1]).abs() < 0.2
    images = filtered((low[:, None] & low).float().expand_as(case[1]), case[1])
    _, truth = Autograd(copy.deepcopy(case[0]).double())(images.double(), case[2])
    for name, gradient in {
        "float32": Autograd(copy.deepcopy(case[0])),
        "tf32, emulated": Autograd(in_tf32(*case[:2])),
        "bfloat16": Autograd(copy.deepcopy(case[0]), autocast=True),
    }.items():
        apart = (gradient(images, case[2])[1] - truth).flatten(1).norm(dim=1)
        apart = (apart / truth.flatten(1).norm(dim=1)).numpy()
        print(f"{name}: median, 90 %, most {np.percentile(apart, [50, 90, 100])}", flush=True)


class Untraced(torch.nn.Module):
    """Keeps torch.fx from looking into a classifier whose layers were replaced."""

    def __init__(self, classifier):
        super().__init__()
        self.classifier = classifier

    def forward(self, images):
        return self.classifier(images) if len(images) else images


WAYS = {
    "engine float64": lambda case: engine(case, dtype="float64"),
    "engine float32": engine,
    "engine float32, torch's convolutions": lambda case: engine(case, "torch"),
    "engine float32, norm l1": lambda case: engine(case, norm="l1"),
    "engine tf32, emulated": tf32,
    "engine bfloat16": lambda case: engine(case, dtype="bfloat16"),
    "reference float32": lambda case: engine(case, "reference"),
    "reference float64": lambda case: engine(case, "reference", dtype="float64"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", choices=("digits", "cifar10"))
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--gradients", action="store_true", help="of the first step alone")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), metavar="WAY")
    parser.add_argument("--chunk", type=int, default=20, help="images between two savings")
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir(), "mask_tolerance")
    )
    arguments = parser.parse_args()
    code = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(CODE))).hexdigest()[:12]
    arguments.folder = arguments.folder / code / arguments.data
    arguments.folder.mkdir(parents=True, exist_ok=True)
    case = digits_case if arguments.data == "digits" else real_case
    classifier, images, targets = case(arguments.images)
    if arguments.gradients:
        one_gradient((classifier, images, targets))
        return
    chunks = range(0, arguments.images, arguments.chunk)
    ways = {name: way for name, way in WAYS.items() if name in arguments.ways}
    results = {name: [] for name in ways}
    for first in progress(chunks, unit="chunk", label=f"{arguments.chunk} images, each way"):
        rows = slice(first, first + arguments.chunk)
        for name, way in ways.items():
            path = arguments.folder / f"{name}-{first}-{arguments.chunk}.npz"
            if not path.exists():
                with replacing(path) as temporary, open(temporary, "wb") as file:
                    np.savez(file, *way((classifier, images[rows], targets[rows])))
            with np.load(path) as saved:
                results[name].append([saved[key] for key in saved.files])
    masks, steps, kept = (
        {name: np.concatenate([part[i] for part in parts]) for name, parts in results.items()}
        for i in range(3)
    )
    for name in ways:
        values = np.percentile(steps[name], [0, 25, 50, 75, 90, 100]).astype(int)
        vectors = masks[name].reshape(len(masks[name]), -1)
        sparse = (masks[name] > 0).mean(), (masks[name] > 0.1).mean()
        print(
            f"{name}: steps, percentiles 0 25 50 75 90 100: {values}, mean {steps[name].mean():.1f}; "
            f"kept {kept[name].mean():.3f}; entries above 0: {sparse[0]:.4f}, above 0.1: {sparse[1]:.4f}; "
            f"I_d {intrinsic_dimension(squared_distances(vectors)):.2f}"
        )
    for first, second in itertools.combinations(ways, 2):
        report(first, second, masks, steps)


def report(first, second, masks, steps):
    a, b = (masks[name].reshape(len(masks[name]), -1).astype(float) for name in (first, second))
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosines = (a * b).sum(1) / np.maximum(norms, 1e-12)
    largest = np.abs(a - b).max(1)
    apart = np.abs(steps[first] - steps[second])
    print(
        f"{first} | {second}: cosine mean {cosines.mean():.4f}, percentiles 0 1 10 50: "
        f"{np.round(np.percentile(cosines, [0, 1, 10, 50]), 4)}; largest, percentiles 10 50 90 100: "
        f"{np.round(np.percentile(largest, [10, 50, 90, 100]), 4)}; steps equal {np.mean(apart == 0):.2f}, "
        f"percentiles 50 90 100 apart: {np.percentile(apart, [50, 90, 100]).astype(int)}",
        flush=True,
    )


if __name__ == "__main__":
    main()
