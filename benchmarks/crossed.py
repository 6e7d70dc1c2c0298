"""How often the crossed analysis finds a tie that was planted, and how often it cries wolf.

python benchmarks/crossed.py                    some minutes of a core
python benchmarks/crossed.py --draws 200

Each draw: K trainings, N images, vectors of D entries. An image's own part, ten times the variance of the
rest, is the same for all trainings. Each training has a main effect, the same for all images, and a part of
its own on each image, of masks and of attacks independently of each other, or, to measure power, with a part
in common that makes rho what is asked for. p by relabelling trainings, as idbias does, and by shuffling
trainings within each image, which takes the N images for independent of each other.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow_scripts"))

import numpy as np

from idbias.crossed.gram import Accumulator
from idbias.crossed.permutations import relabellings
from idbias.crossed.statistics import statistics

# (share of main effects, rho)
CASES = ((0.0, 0.0), (0.05, 0.0), (0.2, 0.0), (0.05, 0.02), (0.05, 0.05), (0.2, 0.02), (0.2, 0.05))
ENTRIES, LEVEL, SHUFFLES = 64, 0.05, 99


def draw(rng, trainings, images, main, rho):
    """Return masks and attacks (K, N, D); main: share of main effects; rho: of the planted tie.

    Entries have unequal variances, as those of masks have.
    """
    spread = rng.gamma(0.5, size=ENTRIES) ** 0.5
    image = 10**0.5 * rng.normal(size=(2, 1, images, ENTRIES))
    network = main**0.5 * rng.normal(size=(2, trainings, 1, ENTRIES))
    e, own = (1 - main) ** 0.5 * rng.normal(size=(2, trainings, images, ENTRIES))
    first = network[0] + e
    # cov(first, second) / var = tie * (1 - main) = rho
    tie = rho / (1 - main)
    second = network[1] + tie * e + (1 - tie**2) ** 0.5 * own
    return (image[0] + first) * spread, (image[1] + second) * spread


def within_images_p(rng, e, a):
    """p by giving each image's attacks to trainings at random, image by image."""
    e, a = e - e.mean(0), a - a.mean(0)
    products = np.einsum("knd,lnd->nkl", e, a)
    observed = np.trace(products, axis1=1, axis2=2).sum()
    order = rng.random((SHUFFLES, *products.shape[:2])).argsort(axis=2)
    shuffled = np.take_along_axis(products[None], order[..., None], 3).sum((1, 2, 3))
    return (1 + (shuffled >= observed).sum()) / (1 + SHUFFLES)


def rates(trainings, images, main, rho, draws):
    """Return shares of draws: p <= LEVEL by relabelling, by shuffling within images, interval holds rho."""
    labels, found = relabellings(trainings, 0), []
    for number in range(draws):
        rng = np.random.default_rng((trainings, images, number, int(1000 * main), int(1000 * rho)))
        e, a = draw(rng, trainings, images, main, rho)
        accumulator = Accumulator()
        accumulator.add(e, a)
        one = statistics(accumulator.gram(), labels)
        within = within_images_p(rng, e, a)
        found.append((one["p"] <= LEVEL, within <= LEVEL, one["low"] <= rho <= one["high"]))
    return np.mean(found, axis=0)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--draws", type=int, default=1000)
    options.add_argument("--images", type=int, default=200)
    options = options.parse_args()
    print(
        "| trainings | main effects | rho | p at most 0.05 | by shuffling within images | interval holds rho |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    began = time.perf_counter()
    for trainings in (4, 5, 6):
        for main_effects, rho in CASES:
            shares = rates(trainings, options.images, main_effects, rho, options.draws)
            cells = " | ".join(f"{share:.3f}" for share in shares)
            print(f"| {trainings} | {main_effects:.0%} | {rho:g} | {cells} |", flush=True)
    print(
        f"\n{options.draws} draws of {options.images} images, {time.perf_counter() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
