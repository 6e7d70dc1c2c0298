"""What the I_d test costs beside dadapy on joined vectors, and whether its numbers are right.

python benchmarks/correlation.py                    speed and kernel, about five minutes
python benchmarks/correlation.py grid spiral ...    other parts, by name; `all` runs every part
"""

import argparse
import os
import sys
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow_scripts"))

import numpy as np
import torch
from dadapy import Data
from scipy.stats import kstest
from sklearn.datasets import load_digits, make_swiss_roll

from idbias.correlation.baselines import NAMES, Products
from idbias.correlation.dependence import (
    intrinsic_dimension,
    joined_statistics,
    shuffle,
    shuffled_dimensions,
    shuffled_statistics,
)
from idbias.correlation.distances import squared_distances
from idbias.correlation.joined_measures import measure_joined, nearest_joined
from idbias.correlation.significance import permutation_p, z_test
from idbias.correlation.similarity import r_squared, svcca
from idbias.correlation.spiral import spiral
from idbias.correlation.strata import strata, vector_sizes

THREADS = len(os.sched_getaffinity(0))


def timed(function, *arguments, **options):
    """Return (what the function returns, wall seconds)."""
    start = time.perf_counter()
    return function(*arguments, **options), time.perf_counter() - start


def joined_dimension(first, second):
    """I_d as the paper's published code computes it: dadapy on the joined vectors, all cores."""
    data = Data(np.hstack([first, second]), maxk=3, n_jobs=THREADS)
    return data.compute_id_2NN()[0]


def speed(points=4000, columns=3072, naive=8, shuffles=50):
    """Seconds a replicate and for the whole test: dadapy on joined vectors, and idbias."""
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, points, columns)).astype(np.float32)
    print(f"speed: N = {points}, D = {columns} a set, float32 vectors, {THREADS} threads")
    warm = squared_distances(first[:50]), squared_distances(second[:50])
    shuffled_dimensions(*warm, range(2), 0)
    first_half, second_half = naive // 2, naive - naive // 2
    orders = [shuffle(points, 0, r) for r in range(naive)]
    # dadapy before and after, so that a change in the machine's load falls on both.
    before = [timed(joined_dimension, first, second[o]) for o in orders[:first_half]]
    (a, b), distance_seconds = timed(
        lambda: [squared_distances(z, threads=THREADS) for z in (first, second)]
    )
    _, alone_seconds = timed(lambda: [intrinsic_dimension(z) for z in (a, b)])
    _, observed_seconds = timed(intrinsic_dimension, a, b, threads=THREADS)
    shuffled, shuffle_seconds = timed(
        shuffled_dimensions, a, b, range(shuffles), 0, threads=THREADS
    )
    after = [timed(joined_dimension, first, second[o]) for o in orders[second_half:]]
    expected = np.array([value for value, _ in before + after])
    error = np.abs(shuffled[:naive] / expected - 1).max()
    naive_seconds = np.median([seconds for _, seconds in before + after])
    replicate = shuffle_seconds / shuffles
    whole = distance_seconds + observed_seconds + shuffle_seconds
    print(f"  dadapy a replicate   {naive_seconds:8.3f} s   median of {naive}")
    print(f"  idbias a replicate   {replicate:8.4f} s   mean of {shuffles}")
    print(f"  ratio                {naive_seconds / replicate:8.0f}     largest relative "
          f"difference in I_d {error:.1e}")  # fmt: skip
    print(f"  dadapy {shuffles}-shuffle test {(shuffles + 1) * naive_seconds:6.1f} s   "
          f"{shuffles + 1} times the median replicate")  # fmt: skip
    print(f"  idbias {shuffles}-shuffle test {whole:6.2f} s   distances {distance_seconds:.2f}, "
          f"observed {observed_seconds:.3f}, shuffles {shuffle_seconds:.2f}; "
          f"each set alone besides {alone_seconds:.2f}")  # fmt: skip
    print(f"  ratio                {(shuffles + 1) * naive_seconds / whole:8.0f}")


def kernel():
    """Seconds a replicate of gather-add-smallest-two alone: numba, and torch gather and topk."""

    def with_torch(a, b, order, rows=250):
        out = []
        for start in range(0, len(a), rows):
            part = slice(start, start + rows)
            joined = a[part] + b[order[part]][:, order]
            joined[torch.arange(len(joined)), torch.arange(start, start + len(joined))] = np.inf
            out.append(joined.topk(2, dim=1, largest=False).values)
        return torch.cat(out)

    torch.set_num_threads(THREADS)
    print(f"kernel: milliseconds a replicate, {THREADS} threads")
    print("       N  dtype      numba    torch   ratio")
    rng = np.random.default_rng(0)
    for points, dtype in (
        (1160, "float64"),
        (4000, "float64"),
        (4000, "float32"),
        (12000, "float32"),
    ):
        a, b = (squared_distances(rng.random((points, 8)), dtype, THREADS) for _ in range(2))
        orders = np.stack([shuffle(points, 0, r) for r in range(10)])
        nearest_joined(a, b, orders[:1], THREADS)
        found, numba_seconds = timed(nearest_joined, a, b, orders, THREADS)
        tensors = torch.from_numpy(a), torch.from_numpy(b), torch.from_numpy(orders[0])
        expected, torch_seconds = timed(with_torch, *tensors)
        assert np.array_equal(found[0], expected.numpy())
        numba_seconds /= 10
        print(f"  {points:6}  {dtype} {numba_seconds * 1e3:8.1f} {torch_seconds * 1e3:8.1f} "
              f"{torch_seconds / numba_seconds:7.1f}")  # fmt: skip


def grid():
    """Largest relative difference in I_d to dadapy on joined vectors: as they are, and 5 shuffles."""
    rng = np.random.default_rng(0)
    pixels = load_digits().data

    def swiss_roll(points, columns):
        roll = make_swiss_roll(points, random_state=int(rng.integers(2**31)))[0]
        return roll @ rng.normal(size=(3, columns))

    def spirals(points, columns):
        return spiral(points, int(rng.integers(2**31))) @ rng.normal(size=(2, columns))

    makers = {
        "gaussian": lambda points, columns: rng.normal(size=(points, columns)),
        "uniform": lambda points, columns: rng.random((points, columns)),
        "spiral": spirals,
        "swiss roll": swiss_roll,
        "digits": lambda points, _: pixels[rng.choice(len(pixels), points, replace=False)],
    }
    print("grid: largest relative difference to dadapy on joined vectors, joined and 5 shuffles")
    print("  set             N     D    float64    float32 storage")
    worst = 0
    for name, make in makers.items():
        for points in (50, 1000, 1797 if name == "digits" else 4000):
            for columns in (64,) if name == "digits" else (2, 64, 3072):
                first = make(points, columns)
                second = make(points, columns) + first[:, :1]
                orders = [np.arange(points), *(shuffle(points, 0, r) for r in range(5))]
                expected = [joined_dimension(first, second[order]) for order in orders]
                errors = []
                for dtype in ("float64", "float32"):
                    a, b = (squared_distances(z, dtype, THREADS) for z in (first, second))
                    observed = intrinsic_dimension(a, b, threads=THREADS)
                    shuffled = shuffled_dimensions(a, b, range(5), 0, threads=THREADS)
                    found = np.array([observed, *shuffled])
                    errors.append(np.abs(found / expected - 1).max())
                worst = max(worst, errors[0])
                print(
                    f"  {name:10} {points:6} {columns:5}   {errors[0]:.1e}    {errors[1]:.1e}",
                    flush=True,
                )
    print(f"  worst {worst:.1e}, to be below 1e-6: {'holds' if worst < 1e-6 else 'FAILS'}")


def spiral_table(points=5000, seeds=20):
    """Table 1 of paper 1, over seeds."""
    print(f"spiral: N = {points}, 50 shuffles, {seeds} seeds, {THREADS} threads")
    rows = []
    for seed in range(seeds):
        x, y = spiral(points, seed).T
        a, b = squared_distances(x, threads=THREADS), squared_distances(y, threads=THREADS)
        observed = intrinsic_dimension(a, b, threads=THREADS)
        shuffled = shuffled_dimensions(a, b, range(50), seed, threads=THREADS)
        mean, std, z, _ = z_test(observed, shuffled)
        rows.append((r_squared(x, y), observed, mean, std, z))
    published = (2.5e-3, 1.02, 1.95, 0.03, -74.51)
    names = ("R^2", "I_d", "I_d shuffled mean", "I_d shuffled std", "Z")
    print("                       published       mean        std    least  greatest")
    for name, value, column in zip(names, published, np.array(rows).T, strict=True):
        print(f"  {name:20} {value:10.4g} {column.mean():10.4g} {column.std():10.4g} "
              f"{column.min():8.4g} {column.max():9.4g}")  # fmt: skip


def digits(shuffles=10_000, points=1160):
    """10,000 shuffles on as many digits as the demonstration has pairs."""
    pixels = load_digits().data[:points] / 16
    first, second = pixels[:, :32], pixels[:, 32:]
    a, b = (squared_distances(z, threads=THREADS) for z in (first, second))
    shuffled_dimensions(a, b, range(2), 0)
    shuffled, seconds = timed(shuffled_dimensions, a, b, range(shuffles), 0, threads=THREADS)
    observed = intrinsic_dimension(a, b)
    z, p = z_test(observed, shuffled)[2], permutation_p(observed, shuffled)[0]
    print(f"digits: N = {points}, {shuffles} shuffles, {THREADS} threads: {seconds:.0f} s")
    print(f"  upper against lower half of each digit: I_d {observed:.2f}, shuffled "
          f"{shuffled.mean():.2f} +- {shuffled.std():.2f}, Z {z:.1f}, permutation p {p:.1g}")  # fmt: skip


def calibration(pairs=400, shuffles=99):
    """How often p falls below a level for independent sets: permutation p, and p = Phi(Z)."""
    levels = np.array([0.01, 0.05, 0.1, 0.5])
    print(
        f"calibration: {pairs} pairs of independent sets, {shuffles} shuffles (50 for Z as in the paper)"
    )
    print("  set             N   KS permutation p   KS p = Phi(Z)   share of p at or below "
          f"{', '.join(map(str, levels))}: permutation; Phi(Z)")  # fmt: skip
    makers = {
        "uniform 2": lambda rng, n: rng.random((n, 2)),
        "gaussian 8": lambda rng, n: rng.normal(size=(n, 8)),
        "spiral 2": lambda rng, n: spiral(n, rng.integers(2**31)),
    }
    for name, make in makers.items():
        for points in (50, 200):
            both = []
            for seed in range(pairs):
                rng = np.random.default_rng((1, seed))
                a, b = (squared_distances(make(rng, points)) for _ in range(2))
                observed = intrinsic_dimension(a, b)
                shuffled = shuffled_dimensions(a, b, range(shuffles), seed)
                both.append(
                    (permutation_p(observed, shuffled)[0], z_test(observed, shuffled[:50])[3])
                )
            permutation, normal = np.array(both).T
            middle = permutation - 0.5 / (1 + shuffles)
            shares = ["; ".join(" ".join(f"{(p <= level).mean():.3f}" for level in levels)
                      for p in (permutation, normal))]  # fmt: skip
            print(f"  {name:10} {points:6}   {kstest(middle, 'uniform').pvalue:16.3f}   "
                  f"{kstest(normal, 'uniform').pvalue:13.3f}   {shares[0]}", flush=True)  # fmt: skip


def calibrated(title, columns, rows, levels=(0.01, 0.05, 0.1, 0.5)):
    """Print, for rows (name, {column -> p-values}, step), KS p and shares at or below each level."""
    print(f"  {title}: KS p that they are uniform; share of p at or below {levels}")
    for name, found, step in rows:
        cells = []
        for column in columns:
            ps = np.array(found[column])
            shares = " ".join(f"{(ps <= level).mean():.3f}" for level in levels)
            cells.append(f"{column}: {kstest(ps - step / 2, 'uniform').pvalue:.3f} {shares}")
        print(f"  {name:22} " + " | ".join(cells), flush=True)


def ps_of(first, second, shuffles, seed, labels=None, dimension=True):
    """Permutation p of each test, name -> p; without I_d if `dimension` is false."""
    a, b = squared_distances(first), squared_distances(second)
    points = len(a)
    orders = [np.arange(points), *(shuffle(points, seed, r, labels) for r in range(shuffles))]
    if dimension:
        found = joined_statistics(a, b, np.stack(orders))
    else:
        products = Products(np.stack(orders), a, b)
        measure_joined(a, b, np.stack(orders), [products])
        found = products.statistics()
    signs = {name: 1 if name == "intrinsic_dimension" else -1 for name in found}
    return {
        name: permutation_p(sign * found[name][0], sign * found[name][1:])[0]
        for name, sign in signs.items()
    }


def baselines_calibration(pairs=400, shuffles=99):
    """How often the baselines' p falls below a level for independent sets."""
    makers = {
        "uniform 2": lambda rng, n: rng.random((n, 2)),
        "gaussian 8": lambda rng, n: rng.normal(size=(n, 8)),
        "spiral 2": lambda rng, n: spiral(n, rng.integers(2**31)),
    }
    rows = []
    for name, make in makers.items():
        for points in (50, 200):
            both = []
            for seed in range(pairs):
                rng = np.random.default_rng((1, seed))
                sets = make(rng, points), make(rng, points)
                both.append(ps_of(*sets, shuffles, seed, dimension=False))
            found = {test: [one[test] for one in both] for test in NAMES}
            rows.append((f"{name}, N = {points}", found, 1 / (1 + shuffles)))
    calibrated(f"baselines, {pairs} pairs of independent sets", NAMES, rows)


def conditional_calibration(pairs=200, shuffles=39, points=400):
    """Sets that depend on each other through class and size alone: p of plain and of strata's shuffles."""
    tests = ("intrinsic_dimension", *NAMES)
    found = {}
    for seed in range(pairs):
        rng = np.random.default_rng((3, seed))
        labels = rng.integers(0, 4, points)
        size = np.exp(rng.normal(0, 0.5, points))
        sets = []
        for _ in range(2):
            place = rng.normal(size=(4, 4))[labels]
            sets.append((place + rng.normal(size=(points, 4))) * size[:, None])
        # The size itself, as of an image, or the vectors' own, as of masks.
        own = np.stack([vector_sizes(one) for one in sets], axis=1)
        ways = {
            "all": None, "class": labels,
            "class and size, 10": strata(size, labels, 10), "class and size, 5": strata(size, labels, 5),
            "own sizes, 10": strata(own, labels, 10), "own sizes, 5": strata(own, labels, 5),
        }  # fmt: skip
        for way, within in ways.items():
            ps = ps_of(*sets, shuffles, seed, within)
            for test in tests:
                found.setdefault(way, {}).setdefault(test, []).append(ps[test])
    rows = [(way, ps, 1 / (1 + shuffles)) for way, ps in found.items()]
    calibrated(f"conditional independence, N = {points}, {pairs} pairs", tests, rows, (0.05, 0.1))


def baselines_cost(shuffles=50):
    """Processor seconds of the I_d test and of what the baselines add, in one run, and of SVCCA alone."""
    print(f"baselines: processor seconds, float32 vectors, {THREADS} threads, {shuffles} shuffles")
    print(
        "       N     D  storage   distances  I_d test  baselines  baselines / test   SVCCA, where asked for"
    )
    for points, columns, dtype in (
        (4000, 64, "float64"),
        (4000, 3072, "float64"),
        (20_000, 3072, "float32"),
    ):
        rng = np.random.default_rng(0)
        sets = rng.normal(size=(2, points, columns)).astype(np.float32)
        warm = squared_distances(sets[0][:100], dtype)
        for baselines in (False, True):
            shuffled_statistics(warm, warm, range(2), 0, baselines=baselines)
        parts = [time.process_time()]
        a, b = (squared_distances(one, dtype, THREADS) for one in sets)
        parts.append(time.process_time())
        shuffled_statistics(a, b, range(shuffles), 0, baselines=False, threads=THREADS)
        intrinsic_dimension(a), intrinsic_dimension(b)
        parts.append(time.process_time())
        orders = np.stack([shuffle(points, 0, r) for r in range(shuffles)])
        products = Products(orders, a, b)
        measure_joined(a, b, orders, [products], THREADS)
        products.statistics()
        parts.append(time.process_time())
        svcca(*sets)
        parts.append(time.process_time())
        distances, rest, added, directions = np.diff(parts)
        test = distances + rest
        print(f"  {points:6} {columns:5}  {dtype}   {distances:9.1f} {test:9.1f} {added:10.1f} "
              f"{added / test:17.2f} {directions:15.1f}", flush=True)  # fmt: skip


def precision():
    """Relative error of squared distances between near-duplicates, against differences in longdouble."""
    print("precision: largest relative error of the squared distance between near-duplicates,")
    print("  500 pairs, D = 3,072, float32 vectors around 1 (mean) with spread 0.3")
    print("  gap a coordinate   float32 norms   float64 norms   centred, idbias")
    for gap in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6):
        rng = np.random.default_rng(0)
        x = 1 + 0.3 * rng.normal(size=(500, 3072))
        x = np.vstack([x, x + gap * rng.normal(size=x.shape)]).astype(np.float32)
        near = np.arange(500), np.arange(500, 1000)
        exact = ((x[:500].astype(np.longdouble) - x[500:]) ** 2).sum(axis=1)

        def by_norms(x):
            norms = (x * x).sum(axis=1)
            return norms[:, None] + norms - 2 * x @ x.T

        errors = [
            float(np.abs(squared[near] / exact - 1).max())
            for squared in (by_norms(x), by_norms(x.astype(float)), squared_distances(x))
        ]
        print(f"  {gap:16.0e}   {errors[0]:13.1e}   {errors[1]:13.1e}   {errors[2]:15.1e}")


PARTS = {
    "speed": speed,
    "kernel": kernel,
    "grid": grid,
    "spiral": spiral_table,
    "digits": digits,
    "calibration": calibration,
    "precision": precision,
    "baselines": baselines_cost,
    "baselines_calibration": baselines_calibration,
    "conditional": conditional_calibration,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", default=["speed", "kernel"], help=", ".join(PARTS))
    asked = parser.parse_args().parts
    unknown = set(asked) - set(PARTS) - {"all"}
    if unknown:
        parser.error(f"no part {', '.join(unknown)}; choose from {', '.join(PARTS)}, all")
    warnings.filterwarnings("ignore", message="There are points with neighbours at 0 distance")
    for part in PARTS if "all" in asked else asked:
        PARTS[part]()
