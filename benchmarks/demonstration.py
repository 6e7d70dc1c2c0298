"""Where the time of the demonstration goes: `make demo` of a fresh clone, its packages installed.

Clones this repository's last commit, runs the default target as the Makefile does and prints, a row
for each stage, jobs, seconds by the clock, processor seconds and the share of all processor
seconds; and those of Snakemake's own process. Jobs of under half a second have no processor seconds
of their own in Snakemake's benchmark files: they are in the row "what no job's record holds", as are
imports of Snakemake's preamble. On a machine with nothing else to do: python benchmarks/demonstration.py
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "workflow_scripts"))

from idbias.report.costs import by_stage  # noqa: E402


def run(folder, cores):
    """Run the demonstration in `folder`; return wall seconds, all CPU seconds, Snakemake's own."""
    command = [sys.executable, "-m", "snakemake", "--profile", "profiles/local"]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    own = 0.0
    process = psutil.Popen([*command, "--cores", str(cores)], cwd=folder)
    while process.poll() is None:
        try:
            times = process.cpu_times()
            own = times.user + times.system
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            break
        time.sleep(0.1)
    if process.wait():
        sys.exit("the demonstration failed")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, used, own


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--cores", type=int, default=os.cpu_count())
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder, "idbias")
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        wall, used, own = run(clone, options.cores)
        costs = clone / "results/benchmarks"
        names = sorted(path.name for path in costs.iterdir())
        rows = by_stage(costs, names)
        # Beside the experiments' folders there are those of figures and tables.
        of_all = rows["experiment"].isin(["figures", "tables"])
        rows["stage"] = rows["stage"].mask(of_all, rows["experiment"])
        stages = rows.groupby("stage")[["jobs", "seconds", "cpu_seconds"]].sum()
        stages = stages.sort_values("cpu_seconds", ascending=False)
    print(f"\n{wall:.0f} s by the clock on {options.cores} cores, {used:.0f} s of processor time\n")
    print("| stage | jobs | seconds | processor seconds | share |\n| --- | --- | --- | --- | --- |")
    for name, row in stages.iterrows():
        share = row.cpu_seconds / used
        print(
            f"| {name} | {row.jobs:.0f} | {row.seconds:.0f} | {row.cpu_seconds:.0f} | {share:.0%} |"
        )
    rest = used - own - stages["cpu_seconds"].sum()
    for name, seconds in (("what no job's record holds", rest), ("Snakemake itself", own)):
        print(f"| {name} | | | {seconds:.0f} | {seconds / used:.0%} |")


if __name__ == "__main__":
    main()
