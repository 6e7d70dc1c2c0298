"""How far float32 masks stray from double, and the engine from the reference: docs/masks.md.

Real data: the public ResNet-20 and CIFAR-10 test images (../shared/data or $IDBIAS_TEST_DATA), the
paper's settings with the stopping rule. The engine in double stands for the truth, which it is to
1e-7 (tests/test_masks.py). Run: python benchmarks/mask_tolerance.py [--images 200]
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / part) for part in ("workflow_scripts", "tests", "benchmarks")]

from mask_reference import train_mask  # noqa: E402
from masks import real_case  # noqa: E402

from idbias import convolutions  # noqa: E402
from idbias.masks import MaskSettings, train_masks  # noqa: E402
from idbias.progress import progress  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--no-reference", action="store_true", help="only the engine's own modes")
    arguments = parser.parse_args()
    classifier, images, targets = real_case(arguments.images)
    masks, steps = {}, {}

    def engine(name, **settings):
        began = time.monotonic()
        result = train_masks(classifier, images, targets, MaskSettings(**settings))
        masks[name], steps[name] = result.masks, result.steps
        minutes = (time.monotonic() - began) / 60
        print(f"{name}: {minutes:.1f} min, kept {result.kept.mean():.3f}", flush=True)

    engine("engine float64", dtype="float64")
    engine("engine float32", dtype="float32")
    library, convolutions.library = convolutions.library, lambda: None
    engine("engine float32, torch's convolutions", dtype="float32")
    convolutions.library = library
    if not arguments.no_reference:
        torch.set_num_threads(1)
        pairs = zip(images, targets.tolist(), strict=True)
        found = [
            train_mask(classifier, image, target, MaskSettings())
            for image, target in progress(list(pairs), unit="mask", label="reference")
        ]
        masks["reference float32"] = np.stack([mask.numpy() for mask, _, _ in found])
        steps["reference float32"] = np.array([count for _, count, _ in found])
    print("Of images: cosine of the two masks, largest difference of an entry, difference in steps")
    names = list(masks)
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            report(first, second, masks, steps)
    for name in names:
        values = np.percentile(steps[name], [0, 25, 50, 75, 90, 100]).astype(int)
        print(
            f"{name}: steps, percentiles 0 25 50 75 90 100: {values}, mean {steps[name].mean():.1f}"
        )


def report(first, second, masks, steps):
    a, b = (masks[name].reshape(len(masks[name]), -1).astype(float) for name in (first, second))
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosines = (a * b).sum(1) / np.maximum(norms, 1e-12)
    largest = np.abs(a - b).max(1)
    apart = np.abs(steps[first] - steps[second])
    print(
        f"{first} | {second}: cosine mean {cosines.mean():.4f}, percentiles 1 10 50: "
        f"{np.round(np.percentile(cosines, [1, 10, 50]), 4)}; largest, percentiles 10 50 90: "
        f"{np.round(np.percentile(largest, [10, 50, 90]), 4)}; steps equal {np.mean(apart == 0):.2f}, "
        f"percentiles 50 90 100 apart: {np.percentile(apart, [50, 90, 100]).astype(int)}",
        flush=True,
    )


if __name__ == "__main__":
    main()
