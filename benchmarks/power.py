"""How often each test finds a dependence that was planted, and how often it cries wolf.

python benchmarks/power.py                          about ten minutes of a core
python benchmarks/power.py --trials 100 --sizes 200 400 --processes 8

Writes docs/images/power.png and prints the numbers it draws.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow_scripts"))

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from threadpoolctl import threadpool_limits

from idbias.correlation.baselines import NAMES
from idbias.correlation.dependence import (
    joined_statistics,
    shuffled_statistics,
)
from idbias.correlation.distances import squared_distances
from idbias.correlation.significance import effects, permutation_p
from idbias.correlation.spiral import spiral

SHUFFLES = 39
LEVEL = 0.05
TESTS = {
    "id": "I_d",
    "distance_correlation": "distance correlation",
    "hsic_linear": "HSIC, linear",
    "hsic_gaussian": "HSIC, Gaussian",
}
# kind -> its weaker and its stronger strength; what a strength is stands in the functions.
STRENGTHS = {
    "independent": (0.0,),
    "linear": (0.4, 0.9),
    "spiral": (0.5, 1.0),
    "sparse": (0.7, 1.0),
    "within class": (0.0, 0.9),
}


def independent(rng, points, dimension, strength):
    """Two Gaussian sets of `dimension` coordinates."""
    return (*rng.normal(size=(2, points, dimension)), None)


def linear(rng, points, dimension, strength):
    """Each coordinate has the correlation `strength` with one of the other set."""
    first, noise = rng.normal(size=(2, points, dimension))
    return first, strength * first + np.sqrt(1 - strength**2) * noise, None


def by_spirals(rng, points, dimension, strength):
    """Each coordinate is x, its partner y, of a spiral of two turns; a share of points alone is tied."""
    ties = [spiral(points, rng.integers(2**31), turns=2) for _ in range(dimension)]
    first, second = (np.stack([tie[:, side] for tie in ties], axis=1) for side in (0, 1))
    free = rng.random(points) > strength
    second[free] = rng.permuted(second[free], axis=0)
    return first, second, None


def sparse(rng, points, dimension, strength):
    """One coordinate alone is tied, with the correlation `strength`."""
    first, second = rng.normal(size=(2, points, dimension))
    second[:, 0] = strength * first[:, 0] + np.sqrt(1 - strength**2) * second[:, 0]
    return first, second, None


def within_class(rng, points, dimension, strength):
    """Ten classes move both sets alike, by one deviation; within a class as `linear`."""
    labels = rng.integers(0, 10, points)
    places = rng.normal(size=(2, 10, dimension))
    first, second, _ = linear(rng, points, dimension, strength)
    return first + places[0, labels], second + places[1, labels], labels


MAKERS = {
    "independent": independent,
    "linear": linear,
    "spiral": by_spirals,
    "sparse": sparse,
    "within class": within_class,
}


def trial(kind, strength, dimension, points, number):
    """Return each test's permutation p in one trial, test -> p; within classes where there are some."""
    rng = np.random.default_rng((list(MAKERS).index(kind), dimension, points, number))
    first, second, labels = MAKERS[kind](rng, points, dimension, strength)
    a, b = squared_distances(first), squared_distances(second)
    found = joined_statistics(a, b, np.arange(points)[None])
    observed = {name: value[0] for name, value in found.items()}
    shuffled = shuffled_statistics(a, b, range(SHUFFLES), number, labels=labels)
    summary = effects(observed, shuffled)
    name = "intrinsic_dimension"
    ps = {"id": permutation_p(observed[name], shuffled[name])[0]}
    return ps | {name: summary[f"{name}_p"] for name in NAMES}


def cell(job):
    """Return one row of the table for a job: (kind, strength, dimension, points, trials)."""
    *what, trials = job
    with threadpool_limits(1):
        ps = pd.DataFrame([trial(*what, number) for number in range(trials)])
    return dict(zip(("kind", "strength", "coordinates", "N"), what, strict=True)) | dict(
        (ps <= LEVEL).mean()
    )


def draw(table, trials, path):
    """Draw how often each test found the dependence against N: a row an I_d, a column a kind."""
    dimensions = sorted(table["coordinates"].unique())
    figure = Figure(figsize=(13, 2.6 * len(dimensions)), layout="constrained")
    grid = figure.subplots(len(dimensions), len(STRENGTHS), sharex=True, sharey=True, squeeze=False)
    colors = dict(zip(TESTS, ("#c1272d", "#0072b2", "#8c8c8c", "#009e73"), strict=True))
    for row, dimension in zip(grid, dimensions, strict=True):
        for axes, (kind, strengths) in zip(row, STRENGTHS.items(), strict=True):
            for strength in strengths:
                chosen = (table["kind"] == kind) & (table["strength"] == strength)
                one = table[chosen & (table["coordinates"] == dimension)]
                style = "-" if strength == strengths[-1] else "--"
                for test, name in TESTS.items():
                    label = name if style == "-" else None
                    axes.plot(one["N"], one[test], style, color=colors[test], marker="o", ms=3,
                              label=label)  # fmt: skip
            axes.axhline(LEVEL, color="black", lw=0.6)
            axes.set_xscale("log")
            axes.set_title(
                f"{kind} {', '.join(f'{s:g}' for s in strengths)}".removesuffix(" 0"), size=9
            )
        row[0].set_ylabel(f"{dimension} coordinates a set\nshare with p ≤ {LEVEL}")
    sizes = sorted(table["N"].unique())
    grid[0, 0].set_xticks(sizes, [str(size) for size in sizes])
    grid[0, 0].minorticks_off()
    for axes in grid[-1]:
        axes.set_xlabel("points N")
    grid[0, 0].legend(fontsize=7)
    figure.suptitle(
        f"{trials} trials a point, {SHUFFLES} shuffles; dashed: the weaker strength; last column: shuffled "
        "within classes", size=9,
    )  # fmt: skip
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 200, 400, 800])
    parser.add_argument("--dimensions", type=int, nargs="+", default=[2, 8])
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--output", default=Path(__file__).parents[1] / "docs/images/power.png")
    options = parser.parse_args()
    jobs = [
        (kind, strength, dimension, points, options.trials)
        for kind, strengths in STRENGTHS.items()
        for strength in strengths
        for dimension in options.dimensions
        for points in options.sizes
    ]
    with ProcessPoolExecutor(options.processes) as pool:
        rows = []
        for row in pool.map(cell, jobs):
            rows.append(row)
            print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    table = pd.DataFrame(rows)
    print(table.to_markdown(index=False, floatfmt=".2f"))
    draw(table, options.trials, options.output)
