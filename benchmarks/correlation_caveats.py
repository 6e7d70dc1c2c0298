"""How often each caveat is said of independent Gaussian sets that give no cause for it.

    PYTHONPATH=workflow_scripts python benchmarks/correlation_caveats.py [draws]

Sets of 1 + 1 to 10 + 10 dimensions, of 100 to 1,000 points. "High" (I_d above 20) is true where both have
10, and not counted there.
"""

import sys

import numpy as np

from idbias.correlation.caveats import caveats_of
from idbias.correlation.dependence import shuffled_statistics
from idbias.correlation.distances import squared_distances
from idbias.correlation.observed_statistics import observed_statistics
from idbias.correlation.row import numbers_of

# What each begins or goes on with.
CAVEATS = {
    "few": "pairs are few",
    "coincide": "coincide",
    "scales": "times as large",
    "excess": "exceeds the sum",
    "high": "so high",
    "drift": "moves with the scale",
}


def said(dimensions, points, draw):
    """The caveats about one pair of independent sets, brought to one scale as masks are."""
    rng = np.random.default_rng((*dimensions, points, draw))
    a, b = (
        squared_distances(rng.normal(size=(points, size)) / np.sqrt(size)) for size in dimensions
    )
    shuffled = shuffled_statistics(a, b, range(20), draw, baselines=False)
    row = {"pairs": points, **numbers_of(*observed_statistics(a, b, seed=draw), shuffled)}
    text = caveats_of(row) or ""
    return [words in text for words in CAVEATS.values()]


def main(draws=100):
    """Print the table, and the greatest share of each caveat."""
    print(f"{'dimensions':12} {'N':>5}  " + " ".join(f"{name:>9}" for name in CAVEATS))
    worst = np.zeros(len(CAVEATS))
    for dimensions in ((1, 1), (2, 2), (2, 8), (5, 5), (10, 10)):
        for points in (100, 300, 1000):
            share = np.mean([said(dimensions, points, draw) for draw in range(draws)], axis=0)
            false = np.array([name != "high" or dimensions != (10, 10) for name in CAVEATS])
            worst = np.maximum(worst, share * false)
            print(f"{dimensions[0]:4} + {dimensions[1]:<5} {points:5}  "
                  + " ".join(f"{value:9.2f}" for value in share), flush=True)  # fmt: skip
    print(f"{'greatest':18}  " + " ".join(f"{value:9.2f}" for value in worst))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
