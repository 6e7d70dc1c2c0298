"""What the contrast's interval holds: python benchmarks/controls.py [--draws 200] [--points 300]

Two arms of independent images, or of one first set as in an experiment, whose dependence and dimensions are known:
how often the contrast is said to differ from 0 at 5 %, how often its 95 % interval holds the difference that
4,000 points give, the interval's mean half width, and the half width that the draws' own spread asks for.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow_scripts"))
from idbias.controls.contrast import contrast
from idbias.correlation.distances import squared_distances

# Name -> strength of the dependence and dimensions of the attack's arm and of the control's.
ARMS = {
    "0.9 and 0.6, 6 D": ((0.9, 6), (0.6, 6)),
    "equal 0.7, 5 D": ((0.7, 5), (0.7, 5)),
    "equal 0.7, 5 and 20 D": ((0.7, 5), (0.7, 20)),
    "none, 5 and 20 D": ((0.0, 5), (0.0, 20)),
}


def drawn(seed, points, arms):
    """Return (attack, control), each two sets of distances; arms of one dimension share their first set."""
    rng = np.random.default_rng(seed)
    widest = rng.normal(size=(points, max(dimensions for _, dimensions in arms)))
    pairs = []
    for strength, dimensions in arms:
        first, noise = widest[:, :dimensions], rng.normal(size=(points, dimensions))
        second = strength * first + np.sqrt(1 - strength**2) * noise
        pairs.append((squared_distances(first), squared_distances(second)))
    return pairs


def main():
    """Run the study and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--points", type=int, default=300)
    given = parser.parse_args()
    print(f"{given.draws} draws of {given.points} points")
    print(
        f"{'arms':22} {'true':>7} {'p<=0.05':>8} {'covered':>8} {'half width':>11} {'asked for':>10}"
    )
    for name, arms in ARMS.items():
        truth = contrast(*drawn(10**6, 4000, arms))["difference"]
        rows = [contrast(*drawn(seed, given.points, arms)) for seed in range(given.draws)]
        columns = ("difference", "low", "high", "p")
        difference, low, high, p = (np.array([row[key] for row in rows]) for key in columns)
        covered = ((low <= truth) & (truth <= high)).mean()
        half, asked = (high - low).mean() / 2, 1.96 * difference.std(ddof=1)
        rejected = (p <= 0.05).mean()
        print(
            f"{name:22} {truth:7.3f} {rejected:8.3f} {covered:8.3f} {half:11.3f} {asked:10.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
