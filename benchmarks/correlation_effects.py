"""What effect sizes give on planted sets: 0 for independent ones, 1 for a copy, whatever N and dimension.

    PYTHONPATH=workflow_scripts python benchmarks/correlation_effects.py [--quick]

Gaussian sets of 5, 20 and 30 dimensions, of 500 and 4,000 points (--quick: 500 only): independent, tied
(correlation 0.7 in each coordinate), and a set with itself; mean and standard deviation over draws. Beside the
effect sizes, the share of dimensions lost and the published I_d correlation, which do move with N and dimension.
"""

import argparse

import numpy as np

from idbias.correlation.dependence import (
    intrinsic_dimension,
    joined_statistics,
    shuffled_dimensions,
)
from idbias.correlation.distances import squared_distances
from idbias.correlation.information import NAMES
from idbias.correlation.significance import dimensions_lost, id_correlation

TIED = 0.7
SHUFFLES = 10


def planted(kind, points, dimensions, rng):
    """Squared distances of two sets of a kind: independent, tied or copy."""
    first = rng.normal(size=(points, dimensions))
    other = rng.normal(size=(points, dimensions))
    strength = {"independent": 0.0, "tied": TIED, "copy": 1.0}[kind]
    second = strength * first + np.sqrt(1 - strength**2) * other
    return squared_distances(first), squared_distances(second)


def effects_table(sizes, draws):
    """Print mean and standard deviation of each measure."""
    print(f"{'sets':12} {'D':>3} {'N':>5}  {'distance c.':>14} {'inform. 1->2':>14} {'inform. 2->1':>14}"
          f" {'dims lost':>14} {'I_d corr.':>14}")  # fmt: skip
    for kind in ("independent", "tied", "copy"):
        for dimensions in (5, 20, 30):
            for points in sizes:
                rows = []
                for draw in range(draws if points < 1000 else max(2, draws // 4)):
                    a, b = planted(
                        kind, points, dimensions, np.random.default_rng((draw, dimensions))
                    )
                    both = joined_statistics(a, b, np.arange(points)[None])
                    one, other = intrinsic_dimension(a), intrinsic_dimension(b)
                    joined = float(both["intrinsic_dimension"][0])
                    mean = shuffled_dimensions(a, b, range(SHUFFLES), draw).mean()
                    rows.append(
                        [both["distance_correlation"][0], *(both[name][0] for name in NAMES),
                         dimensions_lost(joined, mean), id_correlation(one, other, joined)]
                    )  # fmt: skip
                cells = zip(np.mean(rows, axis=0), np.std(rows, axis=0), strict=True)
                shown = " ".join(f"{mean:7.3f} ± {spread:.3f}" for mean, spread in cells)
                print(f"{kind:12} {dimensions:3} {points:5}  {shown}", flush=True)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="500 points, fewer draws")
    quick = parser.parse_args().quick
    effects_table((500,) if quick else (500, 4000), 4 if quick else 8)


if __name__ == "__main__":
    main()
