"""Time, peak memory and disk of the I_d test with 50 shuffles at growing N, as separate jobs.

    python benchmarks/correlation_scale.py --points 5000 10000 20000 50000 --scratch /tmp/scale
    python benchmarks/correlation_scale.py --points 50000 --jobs shuffles     # one job again

Each job is a process of its own, as on a cluster. What it cost is kept in SCRATCH/costs.json, and
the table of all kept costs is printed at the end. The distance files of an N, 8 N^2 bytes, are
deleted after its last job. N = 50,000 needs 20 GB of disk.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

JOBS = ("vectors", "first", "second", "dimensions", "shuffles")
THREADS = len(os.sched_getaffinity(0))


def run(job, points, columns, shuffles, folder):
    """Do one job on the files in `folder`."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "workflow_scripts"))
    import h5py
    import numpy as np

    from idbias.correlation import intrinsic_dimension, shuffled_dimensions
    from idbias.distances import DATASET, write_squared_distances

    if job == "vectors":
        # Two nonlinear images of ten latent numbers a point, half of them shared.
        rng = np.random.default_rng(0)
        shared = rng.normal(size=(points, 5))
        for name in ("first", "second"):
            latent = np.hstack([shared, rng.normal(size=(points, 5))])
            vectors = np.tanh(latent @ rng.normal(size=(10, columns)) / 3)
            np.save(folder / f"{name}.npy", vectors.astype(np.float32))
        return
    if job in ("first", "second"):
        vectors = np.load(folder / f"{job}.npy")
        write_squared_distances(vectors, folder / f"{job}.h5", "float32", threads=THREADS)
        return
    with h5py.File(folder / "first.h5") as one, h5py.File(folder / "second.h5") as other:
        a, b = one[DATASET], other[DATASET]
        if job == "dimensions":
            values = {
                "first": intrinsic_dimension(a),
                "second": intrinsic_dimension(b),
                "joined": intrinsic_dimension(a, b, threads=THREADS),
            }
        else:
            shared = {"threads": THREADS, "label": "shuffles"}
            values = list(shuffled_dimensions(a, b, range(shuffles), 0, **shared))
    (folder / f"{job}.json").write_text(json.dumps(values))


def measure(job, options, points):
    """Run one job as a process and note its wall seconds and peak resident memory."""
    folder = options.scratch / str(points)
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, __file__, "--inside", job, "--points", str(points),
               "--columns", str(options.columns), "--shuffles", str(options.shuffles),
               "--scratch", str(options.scratch)]  # fmt: skip
    start = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        sys.exit(f"job {job} at N = {points} failed")
    disk = sum(file.stat().st_size for file in folder.iterdir())
    cost = {"seconds": seconds, "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "peak_bytes": usage.ru_maxrss * 1024, "disk_bytes": disk}  # fmt: skip
    path = options.scratch / "costs.json"
    costs = json.loads(path.read_text()) if path.exists() else {}
    costs.setdefault(str(points), {})[job] = cost
    path.write_text(json.dumps(costs, indent=1))
    print(f"N = {points}: {job} {seconds:.1f} s, {cost['peak_bytes'] / 2**30:.2f} GiB", flush=True)


def table(scratch):
    """Print seconds and peak memory of every job measured so far, and the I_d found."""
    costs = json.loads((scratch / "costs.json").read_text())
    print(f"wall seconds / processor seconds (peak resident GiB) of each job, {THREADS} threads")
    print("     N  " + "".join(f"{job:22}" for job in JOBS[1:]) + "total wall/processor  disk GB")
    for points, jobs in sorted(costs.items(), key=lambda item: int(item[0])):
        cells = [
            f"{cost['seconds']:.0f} / {cost['cpu_seconds']:.0f} ({cost['peak_bytes'] / 2**30:.2f})"
            for cost in (jobs[job] for job in JOBS[1:] if job in jobs)
        ]
        wall, cpu = (
            sum(jobs[job][kind] for job in JOBS[1:] if job in jobs)
            for kind in ("seconds", "cpu_seconds")
        )
        disk = max(job["disk_bytes"] for job in jobs.values()) / 1e9
        print(
            f"{points:>6}  {''.join(f'{cell:22}' for cell in cells)}{wall:.0f} / {cpu:.0f}  {disk:13.2f}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", nargs="+", type=int, default=[5000, 10_000, 20_000, 50_000])
    parser.add_argument("--columns", type=int, default=512)
    parser.add_argument("--shuffles", type=int, default=50)
    parser.add_argument("--scratch", type=Path, default=Path("scratch/correlation_scale"))
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=JOBS)
    parser.add_argument("--inside", choices=JOBS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        folder = options.scratch / str(options.points[0])
        run(options.inside, options.points[0], options.columns, options.shuffles, folder)
        sys.exit()
    for points in options.points:
        for job in options.jobs:
            measure(job, options, points)
        if JOBS[-1] in options.jobs:
            for file in (options.scratch / str(points)).glob("*.h5"):
                file.unlink()
    table(options.scratch)
