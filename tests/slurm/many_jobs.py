#!/usr/bin/env python3
"""What Snakemake itself costs with many jobs on a real Slurm: jobs that do nothing for five seconds.

    .venv/bin/python tests/slurm/many_jobs.py DIR [--jobs 300] [--array] [--own-commands]

Prints submissions a minute; CPU time of Snakemake, and of the commands of Slurm that it ran, a second; the time
from the last job's end to the run's. The jobs' command is replaced by `sleep 5; touch`, so that a machine with
two cores can have many. --array: by the plugin's job arrays. --own-commands: Slurm's own sbatch and squeue,
without those of profiles/slurm/bin.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import cluster

ROOT = Path(__file__).parents[2]
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
        target = re.search(r"work:n=(\\d+)", argument)[1]
        do = f"sleep 5; touch made/{target}"
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


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path, metavar="DIR")
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--array", action="store_true")
    parser.add_argument("--own-commands", action="store_true")
    parser.add_argument("--limit", type=float, default=900, metavar="SECONDS")
    arguments = parser.parse_args()
    base = arguments.directory.resolve()
    with cluster.running(base / "cluster") as directory:
        # The ports are those that were chosen: more CPUs are told to the nodes that run.
        conf = directory / "slurm.conf"
        text = conf.read_text()
        for few in ("CPUs=2 RealMemory=64000", "CPUs=4 RealMemory=64000"):
            text = text.replace(few, "CPUs=400 RealMemory=900000")
        conf.write_text(text)
        cluster.stop(directory)
        env = cluster.environment(directory)
        munge = [f"--socket={directory}/run/munge.socket", f"--key-file={directory}/run/munge.key"]
        munge += [
            f"--pid-file={directory}/run/munged.pid",
            f"--seed-file={directory}/run/munge.seed",
        ]
        subprocess.run(
            ["munged", "--force", *munge, f"--log-file={directory}/log/munged.log"],
            env=env, check=True, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        subprocess.run(["slurmctld", "-c"], env=env, check=True)
        for node in cluster.NODES:
            cluster.start_node(directory, node)
        cluster.wait_until(
            lambda: list(cluster.node_states(directory).values()) == ["idle"] * 3, 60
        )
        os.environ.update(env)
        folder = base / "run"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(ROOT / "profiles/slurm", folder / "profiles/slurm")
        (folder / "slurm").symlink_to("profiles/slurm")
        (folder / "made").mkdir()
        (folder / "Snakefile").write_text(TOY.replace("JOBS", str(arguments.jobs)))
        (folder / "short").mkdir()
        (folder / "short/sbatch").write_text(SHORT.replace("REAL", f"{directory}/bin/sbatch"))
        (folder / "short/sbatch").chmod(0o755)
        path = f"{folder}/short:{os.environ['PATH']}"
        if not arguments.own_commands:
            path = f"{folder}/profiles/slurm/bin:{path}"
        command = [sys.executable, "-m", "snakemake", "--profile", "slurm", "--latency-wait", "30"]
        if arguments.array:
            command += ["--slurm-array-jobs", "work"]
        began = time.time()
        with open(folder / "output", "w", encoding="utf-8") as output:
            run = subprocess.Popen(
                command, cwd=folder, stdout=output, stderr=output, env={**os.environ, "PATH": path}
            )
        used, first, last = (0, 0), None, None
        while run.poll() is None and time.time() - began < arguments.limit:
            used = cpu(run.pid)
            text = (folder / "output").read_text()
            count = text.count("has been submitted with")
            if count and not first:
                first = (time.time(), count)
            if count and (last is None or count > last[1]):
                last = (time.time(), count)
            time.sleep(0.5)
        over = time.time()
        if run.poll() is None:
            made = len(list((folder / "made").iterdir()))
            print(f"hangs: {made} of {arguments.jobs} jobs made within {arguments.limit:.0f} s")
            run.kill()
            return
        ends = max(file.stat().st_mtime for file in (folder / "made").iterdir())
        version = metadata.version("snakemake-executor-plugin-slurm")
        print(
            f"plugin {version}, {arguments.jobs} jobs, ended with {run.returncode} after {over - began:.0f} s"
        )
        if first and last[0] > first[0]:
            print(f"submissions a minute: {(last[1] - first[1]) / (last[0] - first[0]) * 60:.0f}")
        wall = over - began
        print(
            f"CPU of Snakemake: {used[0]:.1f} s, {used[0] / wall:.1%} of a core; of commands {used[1]:.1f} s"
        )
        print(f"from the last job's end to the run's end: {over - ends:.0f} s")


if __name__ == "__main__":
    main()
