"""Image-steps per second of the mask engine, beside the paper's way of one image at a time.

Real data: the public ResNet-20 and CIFAR-10 test images (../shared/data or $IDBIAS_TEST_DATA).
Reference and engine are timed in turns, on all threads of torch. Run: python benchmarks/masks.py
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "workflow_scripts"))

from idbias.classifiers.models import Normalised  # noqa: E402
from idbias.classifiers.networks.by_name import build  # noqa: E402
from idbias.config.schema import Masks  # noqa: E402
from idbias.masks.reference import train_mask  # noqa: E402
from idbias.masks.training import train_masks  # noqa: E402

DATA = Path(os.environ.get("IDBIAS_TEST_DATA", ROOT.parent / "shared" / "data"))
TEST_SET, STEPS_OF_A_MASK = 10_000, 530


def real_case(count):
    """Return the public ResNet-20 and the first `count` test images that it gets right."""
    network = build("resnet20", (3, 32, 32), 10)
    weights = torch.load(DATA / "resnet20-12fca82f.th", map_location="cpu", weights_only=True)
    state = {key.removeprefix("module."): value for key, value in weights["state_dict"].items()}
    network.load_state_dict(state)
    classifier = Normalised(network, 3, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    classifier.eval().requires_grad_(False)
    with tarfile.open(DATA / "cifar10-first1017.tar.gz") as archive:
        raw = archive.extractfile("cifar-10-batches-bin/test_batch.bin").read()
    records = torch.frombuffer(bytearray(raw), dtype=torch.uint8).view(-1, 3073)
    images = records[:, 1:].reshape(-1, 3, 32, 32).float() / 255
    targets = records[:, 0].long()
    right = (classifier(images).argmax(1) == targets).nonzero().flatten()[:count]
    return classifier, images[right], targets[right]


def matrix_product_peak(size=4096, rounds=5):
    """Return the best rate of float32 matrix products, in GFLOP/s."""
    a, b = torch.randn(2, size, size)
    return max(2 * size**3 / seconds(torch.mm, a, b) for _ in range(rounds)) / 1e9


def seconds(function, *arguments, **keywords):
    began = time.perf_counter()
    function(*arguments, **keywords)
    return time.perf_counter() - began


def fixed(steps, **settings):
    return Masks(min_steps=steps, max_steps=steps, **settings)


def reference_rate(case, steps, device):
    classifier, images, targets = case
    settings = fixed(steps)
    return steps / seconds(train_mask, classifier, images[0].to(device), int(targets[0]), settings)


def engine_rate(case, steps, device, engine="auto", **settings):
    images, options = case[1], {"device": device, "engine": engine}
    return len(images) * steps / seconds(train_masks, *case, fixed(steps, **settings), **options)


def flops_of_a_step(case):
    """Return the multiplications and additions, counted singly, of a forward and backward pass."""
    classifier, images, _ = case
    image = images[:1].clone().requires_grad_()
    with FlopCounterMode(display=False) as counter:
        classifier(image).sum().backward()
    return counter.get_total_flops()


def peak_of(images):
    """Print the peak memory, in MiB, of a process that trains the masks of so many images at once."""
    torch.set_num_threads(1)
    classifier = Normalised(build("resnet20", (3, 32, 32), 10), 3).eval().requires_grad_(False)
    random = torch.rand(images, 3, 32, 32), torch.zeros(images, dtype=torch.int64)
    train_masks(classifier, *random, fixed(3), batch_size=images)
    # Not getrusage's, which begins with that of the process that started this one.
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    status = dict(line.split(":", 1) for line in lines)
    print(int(status["VmHWM"].split()[0]) / 1024)


def memory_of_an_image(few=64, many=576):
    """Return by how many MiB a process grows for each image more that is trained at once."""
    peaks = [
        float(subprocess.check_output([sys.executable, __file__, "--peak-of", str(images)]))
        for images in (few, many)
    ]
    return (peaks[1] - peaks[0]) / (many - few)


def has_bfloat16():
    flags = (
        Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    )
    return "avx512_bf16" in flags or "amx_bf16" in flags


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--steps", type=int, default=100, help="of the engine, in each round")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--peak-of", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peak_of:
        peak_of(arguments.peak_of)
        return
    torch.set_num_threads(arguments.threads)
    device = arguments.device
    case = real_case(arguments.images)
    modes = {"float32": {}, "float64": {"dtype": "float64"}}
    if device != "cpu" or has_bfloat16():
        modes["bfloat16"] = {"dtype": "bfloat16"}

    if device == "cpu":
        name = next(
            (
                x
                for x in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
                if "model name" in x
            ),
            "",
        )
        print(
            f"{platform.node()}: {name.partition(':')[2].strip()}, {arguments.threads} threads,",
            end=" ",
        )
        print(f"load before {os.getloadavg()[0]:.1f}")
    else:
        print(f"{torch.cuda.get_device_name(device)}")
    train_masks(*case, fixed(2), device=device)
    reference, torch_only, engine = [], [], {mode: [] for mode in modes}
    peaks = []
    for round_ in range(arguments.rounds):
        peaks.append(matrix_product_peak() if device == "cpu" else float("nan"))
        moved = (case[0].to(device), *case[1:])
        reference.append(reference_rate(moved, 50, device))
        torch.set_num_threads(1)
        reference.append(reference_rate(moved, 50, device))
        torch.set_num_threads(arguments.threads)
        for mode, settings in modes.items():
            steps = arguments.steps // (5 if mode == "float64" else 1)
            engine[mode].append(engine_rate(case, steps, device, **settings))
        if device == "cpu":
            torch_only.append(engine_rate(case, arguments.steps // 4, device, "torch"))
        print(f"round {round_ + 1}: " + ", ".join(
            f"{label} {rates[-1]:.0f}/s" for label, rates in
            [("reference", reference), ("torch's convolutions", torch_only or [0]), *engine.items()]
        ), flush=True)  # fmt: skip

    for label, rates in [("on all threads", reference[::2]), ("on one thread", reference[1::2])]:
        print(f"reference {label}: {statistics.median(rates):.1f} image-steps/s")
    # A machine's clock changes within minutes: a ratio is of one round.
    best = [max(pair) for pair in zip(reference[::2], reference[1::2], strict=True)]

    def ratio(rates):
        return statistics.median(rate / base for rate, base in zip(rates, best, strict=True))

    if torch_only:
        rate = statistics.median(torch_only)
        print(
            f"engine, torch's convolutions: {rate:.0f} image-steps/s, ratio {ratio(torch_only):.1f}"
        )
    flops, peak = flops_of_a_step(case), max(peaks)
    for mode, rates in engine.items():
        rate = statistics.median(rates)
        hours = 2 * TEST_SET * STEPS_OF_A_MASK / rate / 3600
        print(
            f"engine, {mode}: {rate:.0f} image-steps/s ({1e3 / rate:.3f} ms), ratio {ratio(rates):.1f}"
        )
        print(f"  both masks of {TEST_SET} images at {STEPS_OF_A_MASK} steps: {hours:.1f} h")
        if device == "cpu":
            print(
                f"  {flops * rate / 1e9:.0f} GFLOP/s of direct convolutions: "
                f"{flops * rate / 1e9 / peak:.0%} of the matrix products' {peak:.0f}"
            )
    if "bfloat16" not in modes:
        print("bfloat16: this processor has no units for it; float32 is the fastest safe mode here")
    if device == "cpu":
        print(f"memory: {memory_of_an_image():.2f} MiB for each image trained at once")
        print("GPU: not measured")
    else:
        print(
            f"memory: {torch.cuda.max_memory_allocated(device) / 2**20 / len(case[1]):.1f} MiB an image"
        )


if __name__ == "__main__":
    main()
