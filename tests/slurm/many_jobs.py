#!/usr/bin/env python3
"""What many jobs cost Snakemake and Slurm's controller: jobs that do nothing for five seconds, on a real Slurm.

    .venv/bin/python tests/slurm/many_jobs.py DIR [--jobs 300] [--group 20] [--array] [--own-commands]

Prints Slurm's jobs and submissions a minute; CPU time of Snakemake, of the commands of Slurm that it ran, and of
slurmctld; the time from the last job's end to the run's. The jobs' command is replaced by `sleep 5; touch`, so
that a machine with two cores can have many. --group: so many to a Slurm job, as the profile groups shards.
--array: by the plugin's job arrays. --own-commands: Slurm's own sbatch and squeue, without those of
profiles/slurm/bin.
"""

import argparse
import os
import time
from importlib import metadata
from pathlib import Path

import cluster
from toy import run_toy, write_toy

# The nodes that Snakemake's jobs go to take as many as it submits.
SETTINGS = [
    f"NodeName={node} NodeHostname=localhost NodeAddr=127.0.0.1 Port=@{node.upper()}_PORT@ CPUs=400 "
    "RealMemory=900000 State=UNKNOWN"
    for node in ("cpu1", "cpu2")
]
TOY = """
rule all:
    input: expand("made/{n}", n=range(JOBS))

rule work:
    output: "made/{n}"
    resources: mem_mb=10, runtime=5
    shell: "sleep 5; touch {output}"
"""
# In front of Slurm's sbatch: the shell command of the rule in place of another Snakemake. An array's tasks
# find their target in the map that the first one's command carries, so they only wait.
SHORT = """#!/usr/bin/env python3
import os, re, sys
arguments = sys.argv[1:]
for n, argument in enumerate(arguments):
    if argument.startswith("--wrap="):
        targets = re.findall(r"work:n=(\\d+)", argument)
        do = "sleep 5; touch " + " ".join(f"made/{target}" for target in targets)
        if any(a.startswith("--array") for a in arguments):
            do = "sleep 5; touch made/$((SLURM_ARRAY_TASK_ID - 1))"
        tail = argument[argument.find("\\nidbias_code") :] if "\\nidbias_code" in argument else ""
        head = "idbias_start=$(date +%s); " if tail else ""
        arguments[n] = "--wrap=" + head + do + tail
os.execv("REAL", ["REAL", *arguments])
"""


def cpu(pid):
    """CPU seconds of a process, and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    tick = os.sysconf("SC_CLK_TCK")
    return sum(map(int, fields[11:13])) / tick, sum(map(int, fields[13:15])) / tick


def watched(run, folder, controller, limit):
    """Wait for the run. Gives (CPU of Snakemake, of its commands, of slurmctld, [(time, jobs submitted)])."""
    began, used, submitted = time.time(), (0, 0), []
    before = sum(cpu(controller))
    while run.poll() is None and time.time() - began < limit:
        used = cpu(run.pid)
        count = (folder / "output").read_text().count("has been submitted with")
        if count and (not submitted or count > submitted[-1][1]):
            submitted.append((time.time(), count))
        time.sleep(0.5)
    return *used, sum(cpu(controller)) - before, submitted


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path, metavar="DIR")
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--group", type=int, default=1, metavar="N")
    parser.add_argument("--array", action="store_true")
    parser.add_argument("--own-commands", action="store_true")
    parser.add_argument("--limit", type=float, default=900, metavar="SECONDS")
    given = parser.parse_args()
    base = given.directory.resolve()
    with cluster.running(base / "cluster", settings=SETTINGS) as directory:
        os.environ.update(cluster.environment(directory))
        (controller,) = (
            pid
            for pid, name in cluster.processes(directory, jobs=False).items()
            if name == "slurmctld"
        )
        folder = base / "run"
        write_toy(folder, TOY.replace("JOBS", str(given.jobs)))
        (folder / "made").mkdir()
        (folder / "short").mkdir()
        (folder / "short/sbatch").write_text(SHORT.replace("REAL", f"{directory}/bin/sbatch"))
        (folder / "short/sbatch").chmod(0o755)
        path = f"{folder}/short"
        if not given.own_commands:
            path = f"{folder}/profiles/slurm/bin:{path}"
        options = ["--latency-wait", "30"]
        if given.array:
            options += ["--slurm-array-jobs", "work"]
        if given.group > 1:
            options += ["--groups", "work=some", "--group-components", f"some={given.group}"]
        began = time.time()
        run = run_toy(folder, *options, path=path)
        snakemake, commands, of_controller, submitted = watched(
            run, folder, controller, given.limit
        )
        over = time.time()
        ended = f"ended with {run.returncode}" if run.poll() is not None else "was stopped"
        run.kill()
    made = [file.stat().st_mtime for file in (folder / "made").iterdir()]
    wall = over - began
    version = metadata.version("snakemake-executor-plugin-slurm")
    print(f"plugin {version}, {given.jobs} jobs, {len(made)} made, {ended} after {wall:.0f} s")
    if len(submitted) > 1:
        (first, few), (last, many) = submitted[0], submitted[-1]
        print(
            f"{many} jobs of Slurm, submissions a minute: {(many - few) / (last - first) * 60:.0f}"
        )
    for who, seconds in (
        ("Snakemake", snakemake),
        ("the commands that it ran", commands),
        ("slurmctld", of_controller),
    ):
        print(f"CPU of {who}: {seconds:.1f} s, {seconds / wall:.1%} of a core")
    if made:
        print(f"from the last job's end to the run's end: {over - max(made):.0f} s")


if __name__ == "__main__":
    main()
