"""Memory and time that each rule's jobs asked for, against what they used, of a folder of results.

Asked is what a dry run of all jobs says now, used is what Snakemake's benchmark files say of the run: rules can be
changed and held against an old run. Run where the configuration is, with the arguments of that run:
    python benchmarks/asked.py RESULTS --configfile experiments/E.yaml -- TARGET
Memory is that of the largest job, in MB, minutes those of the longest.
"""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd

JOB = re.compile(r"^(?:local)?rule (\w+):\n((?:    .*\n)+)", re.M)


def planned(text):
    """Return what the jobs of a dry run's output ask for: rule, benchmark, mem_mb, runtime (minutes)."""
    jobs = []
    for rule, body in JOB.findall(text):
        benchmark = re.search(r"^    benchmark: (.+)$", body, re.M)
        asked = dict(re.findall(r"(mem_mb|runtime)=(\d+)", body))
        if benchmark and len(asked) == 2:
            jobs.append((rule, benchmark[1], int(asked["mem_mb"]), int(asked["runtime"])))
    return pd.DataFrame(jobs, columns=["rule", "benchmark", "mem_mb", "runtime"])


def used(jobs, results):
    """Return those of `jobs` that have a benchmark file below `results`, with its used_mb and minutes."""
    rows = []
    for job in jobs.itertuples():
        path = Path(results) / Path(job.benchmark).relative_to("results")
        if path.exists():
            taken = pd.read_csv(path, sep="\t", na_values="-").iloc[-1]
            rows.append((*job[1:], taken["max_rss"], taken["s"] / 60))
    return pd.DataFrame(rows, columns=[*jobs.columns, "used_mb", "minutes"])


def by_rule(jobs):
    """Return a row a rule: jobs, mem_mb, used_mb, asked_to_used, runtime, minutes, the largest of its jobs."""
    grouped = jobs.groupby("rule", sort=False)
    table = grouped[["mem_mb", "used_mb", "runtime", "minutes"]].max().round(1)
    table.insert(0, "jobs", grouped.size())
    table.insert(3, "asked_to_used", (table["mem_mb"] / table["used_mb"]).round(1))
    return table.sort_values("used_mb", ascending=False)


if __name__ == "__main__":
    results, *arguments = sys.argv[1:]
    command = ["snakemake", "--dry-run", "--forceall", "--cores", "1", *arguments]
    shown = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    print(by_rule(used(planned(shown), results)).to_string())
