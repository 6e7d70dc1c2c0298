"""Time, peak memory and disk of the I_d test with 50 shuffles at growing N, through Snakemake.

    python benchmarks/correlation_scale.py --points 5000 10000 20000 50000 --scratch /tmp/scale

Each N is an experiment on two arrays (`source: arrays`); what its jobs cost is what Snakemake's
benchmark files say. The distance files of an N, 8 N^2 bytes, are deleted once its row is there.
N = 50,000 needs 20 GB of disk. Run again with a further --points, the table has all that are done.
"""

import argparse
import csv
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[1]
JOBS = {
    "first": "distances/first", "second": "distances/second",
    "I_d": "intrinsic_dimensions", "shuffles": "shuffles/*",
}  # fmt: skip


def write_vectors(points, columns, folder):
    """Write two nonlinear images of ten latent numbers a point, half of them shared, float32."""
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(points, 5))
    for name in ("first", "second"):
        latent = np.hstack([shared, rng.normal(size=(points, 5))])
        vectors = np.tanh(latent @ rng.normal(size=(10, columns)) / 3)
        np.save(folder / f"{name}{points}.npy", vectors.astype(np.float32))


def run(points, options):
    """Run the test for one N from arrays to row, and note the seconds and the disk."""
    name, folder = f"n{points}", options.scratch
    write_vectors(points, options.columns, folder)
    arrays = {"first": f"first{points}.npy", "second": f"second{points}.npy"}
    config = {
        "experiments": [name],
        "experiment_blocks": {name: {"dataset": name}},
        "datasets": {name: {"source": "arrays", **arrays}},
        "correlation": {"shuffles": options.shuffles, "distances": "float32"},
        "execution": {"shuffles_per_shard": options.shuffles},
    }
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(config))
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder,
         "--cores", str(options.cores), "--configfile", ROOT / "config.yaml", f"{name}.yaml", "--",
         f"results/{name}/correlations/row.csv"],
        check=True, cwd=folder,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    results = folder / "results" / name / "correlations"
    disk = sum(file.stat().st_size for file in results.rglob("*.h5"))
    for file in (results / "distances").glob("*.h5"):
        file.unlink()
    with open(folder / "runs.csv", "a", encoding="utf-8") as file:
        csv.writer(file).writerow([points, options.cores, seconds, disk])


def table(folder):
    """Print what each finished N cost: seconds and peak resident memory of each job, all, disk."""
    print("wall seconds / processor seconds (peak resident GiB) of each job; whole run; disk")
    print("     N  cores  " + "".join(f"{job:22}" for job in JOBS) + "whole run      disk")
    runs = pd.read_csv(folder / "runs.csv", names=["points", "cores", "seconds", "disk"])
    for run in runs.sort_values("points").itertuples():
        cells = []
        for pattern in JOBS.values():
            (path,) = (folder / f"results/benchmarks/n{run.points}/correlations").glob(
                f"{pattern}.tsv"
            )
            cost = pd.read_csv(path, sep="\t").iloc[0]
            cells.append(f"{cost.s:.0f} / {cost.cpu_time:.0f} ({cost.max_rss / 1024:.2f})")
        row = "".join(f"{cell:22}" for cell in cells)
        print(
            f"{run.points:>6}  {run.cores:>5}  {row}{run.seconds:.0f} s {run.disk / 1e9:12.2f} GB"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", nargs="+", type=int, default=[5000, 10_000, 20_000, 50_000])
    parser.add_argument("--columns", type=int, default=512)
    parser.add_argument("--shuffles", type=int, default=50)
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--scratch", type=Path, default=Path("scratch/correlation_scale"))
    options = parser.parse_args()
    options.scratch = options.scratch.resolve()
    options.scratch.mkdir(parents=True, exist_ok=True)
    for points in options.points:
        run(points, options)
    table(options.scratch)
