"""Coverage of the contrast's interval: python benchmarks/controls.py [--draws 100] [--points 200]

Plants a strong dependence in the attack's pair of sets and a weaker one in the control's, which share
their first set as in an experiment. The truth at this number of points is the mean difference over many
draws. Prints, for each share of the images in a subsample, how often the 95 % interval of a draw holds it,
the interval's mean half width, and the half width that the draws' own spread asks for.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow_scripts"))
from idbias.controls import contrast as module
from idbias.correlation.distances import squared_distances

SHARES = (0.1, 0.25, 0.5)


def drawn(seed, points, dimensions=6):
    """Return (attack, control), each two sets of distances: dependence 0.9 and 0.6."""
    rng = np.random.default_rng(seed)
    first = rng.normal(size=(points, dimensions))

    def dependent(strength):
        noise = rng.normal(size=(points, dimensions))
        return squared_distances(strength * first + np.sqrt(1 - strength**2) * noise)

    own = squared_distances(first)
    return (own, dependent(0.9)), (own, dependent(0.6))


def main():
    """Run the study and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--subsamples", type=int, default=60)
    given = parser.parse_args()
    found = {share: [] for share in SHARES}
    for seed in range(given.draws):
        sets = drawn(seed, given.points)
        for share in SHARES:
            one = module.contrast(*sets, seed, given.subsamples, share)
            found[share].append((one["difference"], one["low"], one["high"]))
    print(f"{given.draws} draws of {given.points} points, {given.subsamples} subsamples each")
    print("share  coverage  half width  half width asked for by the draws")
    for share, rows in found.items():
        difference, low, high = np.array(rows).T
        truth = difference.mean()
        covered = ((low <= truth) & (truth <= high)).mean()
        asked = 1.96 * difference.std(ddof=1)
        print(f"{share:5.2f}  {covered:8.1%}  {(high - low).mean() / 2:10.3f}  {asked:10.3f}")


if __name__ == "__main__":
    main()
