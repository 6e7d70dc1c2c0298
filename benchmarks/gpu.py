"""Mask training on the GPU that is here: rates, share of its peak, memory, agreement; in minutes.

The paper's loop of one image at a time beside the engine in each precision, its steps captured as a CUDA
graph and not; what follows for Tables 2 and 3 and ImageNet; masks beside the CPU's in float64. Real data
where they are (../shared/data or $IDBIAS_TEST_DATA: the public ResNet-20, CIFAR-10 test images); networks of
224 pixels have random weights and images. On a machine without a GPU it says so and goes through all of
it in small on the CPU, which shows that it runs and nothing else. Run: python benchmarks/gpu.py
"""

import argparse
import platform
import time

import numpy as np
import torch
from imagenet_networks import VisionTransformer, resnet50
from masks import DATA, fixed, real_case, reference_rate  # also finds idbias
from scale import CASES, flops_of_a_step

from idbias.classifiers.networks.by_name import build
from idbias.config.schema import Masks
from idbias.masks import gpu
from idbias.masks.training import train_masks

PRECISIONS = ("float32", "tf32", "bfloat16", "float64")
STEPS_OF_BOTH_MASKS = 552 + 1106  # essential, and of FMN's: docs/masks.md, "On real data"


def random_case(network, side, count):
    """Return a network with random weights, random images and classes."""
    torch.manual_seed(0)
    network = network.eval().requires_grad_(False)
    return network, torch.rand(count, 3, side, side), torch.zeros(count, dtype=torch.int64)


def seconds(function):
    """Return how long a call takes, the GPU's part included."""
    began = time.perf_counter()
    function()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began


def engine_rate(case, dtype, device, steps, **options):
    """Return image-steps a second: on a GPU without the start of a run, which captures and plans."""

    def run(count):
        settings = fixed(count, dtype=dtype)
        return seconds(lambda: train_masks(*case, settings, device=device, **options))

    images = len(case[1])
    if device == "cpu":
        return images * steps / run(steps)
    run(2)
    short, long = run(steps), run(3 * steps)
    return images * 2 * steps / (long - short) if long > short else images * 3 * steps / long


def peak(dtype, device, size):
    """Return the rate of large matrix products in FLOP/s: what the units do in that precision."""
    kind = {"bfloat16": torch.bfloat16, "float64": torch.float64}.get(dtype, torch.float32)
    a, b = torch.randn(2, size, size, device=device).to(kind)
    with gpu.arithmetic(dtype):
        (a @ b).sum().item()
        return max(5 * 2 * size**3 / seconds(lambda: [a @ b for _ in range(5)]) for _ in range(3))


def memory_of_an_image(case, dtype, device):
    """Return the bytes that a GPU's memory grows by for each image trained at once."""

    def most(count):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        some = (case[0], case[1][:count], case[2][:count])
        train_masks(*some, fixed(3, dtype=dtype), device=device, batch_size=count, engine="torch")
        return torch.cuda.max_memory_allocated()

    half = len(case[1]) // 2
    return (most(2 * half) - most(half)) / half


def rates(name, case, flops, device, options):
    """Print the rates of a case in each precision; return those of the fastest way of each."""
    best = {}
    for dtype in PRECISIONS:
        steps = max(1, options.steps // (4 if dtype == "float64" else 1))
        ways = ["torch", *(["captured"] if device == "cuda" else [])]
        found = {engine: engine_rate(case, dtype, device, steps, engine=engine) for engine in ways}
        best[dtype] = max(found.values())
        top = peak(dtype, device, options.matrix)
        line = ", ".join(f"{way} {rate:,.4g}" for way, rate in found.items())
        line = f"{name}, {dtype}: {line} image-steps/s, {flops * best[dtype] / 1e12:.3g} TFLOP/s, "
        line += f"{flops * best[dtype] / top:.0%} of the matrix products' {top / 1e12:.3g}"
        if device == "cuda":
            line += f"; {memory_of_an_image(case, dtype, device) / 2**20:.1f} MiB an image"
        print(line, flush=True)
    return best


def agreement(case, settings, device):
    """Print how masks of each precision compare with the CPU's in float64."""
    truth = train_masks(*case, settings.model_copy(update={"dtype": "float64"}), device="cpu")
    for dtype in PRECISIONS:
        found = train_masks(*case, settings.model_copy(update={"dtype": dtype}), device=device)
        a, b = (x.masks.reshape(len(x.masks), -1).astype(np.float64) for x in (truth, found))
        norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        cosines = (a * b).sum(1) / np.maximum(norms, 1e-30)
        print(
            f"{dtype} on {device}, float64 on the CPU, {len(a)} masks: same step "
            f"{np.mean(truth.steps == found.steps):.0%}, cosine mean {cosines.mean():.3f}, 10 % "
            f"{np.quantile(cosines, 0.1):.2f}, least {cosines.min():.2f}; steps "
            f"{truth.steps.mean():.0f} and {found.steps.mean():.0f}; entries above 0 "
            f"{(a > 0).mean():.2%} and {(b > 0).mean():.2%}; kept {found.kept.mean():.0%}",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=512, help="of 32 pixels, trained at once")
    parser.add_argument("--large", type=int, default=64, help="of 224 pixels, trained at once")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--compared", type=int, default=32, help="masks compared with the CPU's")
    options = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    options.matrix, side, settings = 8192, 224, Masks()
    if device == "cpu":
        print("There is no GPU here: everything in small on the CPU, to see that it runs.")
        print(f"No number below is a GPU's. {platform.processor() or platform.machine()}")
        options.images, options.large, options.steps, options.compared = 16, 2, 2, 4
        options.matrix, side, settings = 512, 64, fixed(20)
    else:
        print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")

    if (DATA / "resnet20-12fca82f.th").exists():
        case = real_case(options.images)
    else:
        print(f"No CIFAR-10 images in {DATA}: random ones and random weights.")
        case = random_case(build("resnet20", (3, 32, 32), 10), 32, options.images)
    moved = (case[0].to(device), *case[1:])
    print(f"one image at a time: {reference_rate(moved, options.steps, device):.1f} image-steps/s")
    hours = {}
    small = {
        "ResNet-20, CIFAR-10": case,
        "CCT-7, CIFAR-10": random_case(build("cct7", (3, 32, 32), 10), 32, options.images),
    }
    large = {
        "ResNet-18, Imagenette": build("resnet18", (3, side, side), 10),
        "ResNet-50, ImageNet": resnet50(),
        "ViT-B/16, ImageNet": VisionTransformer(side),
    }
    for planned in CASES:
        name = planned.network
        if name in small:
            chosen, pixels = small[name], 32
        else:
            chosen, pixels = random_case(large[name], side, options.large), side
        found = rates(name, chosen, flops_of_a_step(planned.make(pixels), pixels), device, options)
        masks = planned.images * planned.accuracy
        hours[name] = {
            dtype: masks * STEPS_OF_BOTH_MASKS / rate / 3600 for dtype, rate in found.items()
        }
    few = tuple(part[: options.compared] for part in case[1:])
    agreement((case[0], *few), settings, device)
    if device == "cpu":
        return
    print(f"Hours of this GPU for both masks of all images, {STEPS_OF_BOTH_MASKS} steps together:")
    for name, found in hours.items():
        print(f"  {name}: " + ", ".join(f"{dtype} {h:.2f}" for dtype, h in found.items()))
    print(
        "Table 2 has both CIFAR-10 networks with three attacks (steps 1106, 534 and 944), Table 3 the"
    )
    print("Imagenette one: times (552 + 1106 + 534 + 944) / (552 + 1106) = 1.9 of the hours above.")


if __name__ == "__main__":
    main()
