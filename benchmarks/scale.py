"""What masks of whole test sets need, counted on paper: operations, hours, bytes (docs/scale.md).

Operations of a step are counted by torch's FlopCounterMode on the meta device: a forward pass and the
gradient with respect to the image, a multiplication and an addition as two. Everything else is
arithmetic on stated assumptions, which --steps, --sustained and the others change. No GPU is used.
Run: python benchmarks/scale.py
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from imagenet_networks import VisionTransformer, resnet50
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "workflow_scripts"))

from idbias.classifiers.networks.by_name import build


@dataclass
class Case:
    """Masks of one network: images (side in pixels, how many, share classified correctly)."""

    network: str
    make: object
    side: int
    images: int
    accuracy: float


# Accuracies: paper 1, Table 2 and 3; torchvision's model cards (IMAGENET1K_V1).
CASES = [
    Case(
        "ResNet-20, CIFAR-10", lambda side: build("resnet20", (3, side, side), 10), 32, 10_000, 0.92
    ),
    Case("CCT-7, CIFAR-10", lambda side: build("cct7", (3, side, side), 10), 32, 10_000, 0.96),
    Case(
        "ResNet-18, Imagenette",
        lambda side: build("resnet18", (3, side, side), 10),
        224,
        13_394,
        0.98,
    ),
    Case("ResNet-50, ImageNet", lambda side: resnet50(), 224, 50_000, 0.761),
    Case("ViT-B/16, ImageNet", VisionTransformer, 224, 50_000, 0.811),
]


def flops_of_a_step(network, side):
    """Return the operations of one image's forward pass and of its gradient's backward pass."""
    network = network.to("meta").eval().requires_grad_(False)
    image = torch.empty(1, 3, side, side, device="meta", requires_grad=True)
    with FlopCounterMode(display=False) as counter:
        network(image).sum().backward()
    return counter.get_total_flops()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--steps", type=float, nargs=2, default=(552, 1106), help="of the two masks"
    )
    parser.add_argument("--sustained", type=float, nargs="+", default=(10, 25, 100), help="TFLOP/s")
    parser.add_argument("--shard", type=int, default=512, help="images a job")
    options = parser.parse_args()
    print(f"steps of an essential and an adversarial mask: {options.steps}")
    for case in CASES:
        flops = flops_of_a_step(case.make(case.side), case.side)
        correct = case.images * case.accuracy
        total = flops * correct * sum(options.steps)
        hours = ", ".join(
            f"{total / rate / 3.6e15:.1f} h at {rate:g}" for rate in options.sustained
        )
        mask = 4 * 3 * case.side**2
        jobs = 2 * -(-case.images // options.shard)
        print(
            f"{case.network}: {flops / 1e9:.2f} GFLOP an image-step, {correct:.0f} correct images, "
            f"{total / 1e18:.3f} EFLOP for both masks; {hours} TFLOP/s; {jobs} jobs; masks of one kind "
            f"{correct * mask / 1e9:.1f} GB plain; one N x N of float32 {4 * correct**2 / 1e9:.1f} GB; "
            f"products of one set's distances {2 * correct**2 * mask / 4 / 1e12:.0f} TFLOP"
        )


if __name__ == "__main__":
    main()
