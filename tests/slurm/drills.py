#!/usr/bin/env python3
"""Drills: the digits experiment on a real Slurm, with something broken in the middle of its masks.

    .venv/bin/python tests/slurm/drills.py DIR [cancel] [kill] [limit] [node] [head]

cancel: scancel of a mask job; kill: SIGKILL to its Python; limit: its time limit passes;
node: its node dies; head: Snakemake itself dies. Then `snakemake --profile slurm` again. Says what was
seen, and fails unless the table equals that of a local run, each finished shard was left alone,
and the broken shard went on from its checkpoint. About five minutes each on two cores.
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import cluster
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent.parent))
from conftest import SMALL, Workflow

FAULTS = ["cancel", "kill", "limit", "node", "head"]
RULE = "essential_mask_shard"
# Two shards that train for about half a minute each on a core; with `limit` for two minutes.
SETTINGS = {
    "experiments": ["digits"],
    "datasets": {"digits": {"images": 48}},
    "masks": {"min_steps": 12000, "max_steps": 12001},
    "correlation": {"shuffles": 8},
    "execution": {"images_per_shard": 24, "shuffles_per_shard": 2, "checkpoint_seconds": 2},
}
RUN = ["--profile", "slurm", "--slurm-init-seconds-before-status-checks", "5"]


def copy_of_project(folder, fault):
    folder.mkdir(parents=True)
    workflow = Workflow.copy_of_project(folder)
    (folder / "slurm").symlink_to("profiles/slurm")
    workflow.configure(SMALL)
    workflow.configure(SETTINGS)
    if fault == "limit":
        workflow.configure({"masks": {"min_steps": 48000, "max_steps": 48001}})
    return folder


def snakemake(folder, *arguments, **options):
    with open(folder / "output", "a") as output:
        command = [sys.executable, "-m", "snakemake", *arguments]
        return subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, **options)


def slurm(directory, *command):
    env = cluster.environment(directory)
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout


def mask_job(directory):
    """(id, name of the shard, seconds it has run) of the first running mask job, or None."""
    for line in slurm(directory, "squeue", "-h", "-t", "RUNNING", "-o", "%i|%k|%M").splitlines():
        number, comment, time_used = line.split("|")
        if f"rule_{RULE}_" in comment:
            minutes, seconds = time_used.split(":")[-2:]
            return number, comment.split("_")[-1], 60 * int(minutes) + int(seconds)
    return None


def python_of(directory, job):
    """Pids of the mask scripts of Slurm job `job`."""
    wanted = f"SLURM_JOB_ID={job}".encode()
    return [
        pid
        for pid in cluster.processes(directory, daemons=False)
        if b"mask_shard.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
        and wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    ]


def shards(folder):
    """{path: modification time} of the shards that are finished."""
    return {file: file.stat().st_mtime_ns for file in folder.glob("results/**/*[0-9]-[0-9]*.h5")}


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def break_it(fault, directory, job, run):
    if fault == "cancel":
        slurm(directory, "scancel", job)
    elif fault == "kill":
        cluster.end(python_of(directory, job), signal.SIGKILL)
    elif fault == "limit":
        cluster.wait_until(lambda: mask_job(directory)[2] > 62, 120)
        slurm(directory, "scontrol", "update", f"JobId={job}", "TimeLimit=1")
    elif fault == "node":
        cluster.kill_node(directory, "gpu1")
        say(f"gpu1 is down: {cluster.wait_until(lambda: 'down' in str(node(directory)), 120)}")
        cluster.start_node(directory, "gpu1")
    elif fault == "head":
        run.kill()
        run.wait()
        left = slurm(directory, "squeue", "-h", "-o", "%i %j").split("\n")
        say(f"Snakemake is dead, {len(list(filter(None, left)))} of its jobs are still running")
        slurm(directory, "scancel", *re.findall(r"^(\d+) idbias_", "\n".join(left), re.M))
        cluster.wait_until(lambda: not cluster.processes(directory, daemons=False), 60)


def node(directory):
    return cluster.node_states(directory).get("gpu1")


def drill(fault, base, directory):
    folder, env = copy_of_project(base / fault, fault), cluster.environment(directory)
    local = copy_of_project(base / f"{fault}-local", fault)
    run = snakemake(folder, *RUN, "--retries", "0", env=env)
    checkpoints = folder / "scratch/checkpoints"
    if not cluster.wait_until(lambda: any(checkpoints.rglob("masks/essential/*.h5")), 600):
        raise SystemExit(f"No checkpoint within 10 minutes, see {folder}/output")
    job, shard, _ = mask_job(directory)
    finished = shards(folder)
    say(
        f"{fault}: mask job {job} (shard {shard}) has a checkpoint; {len(finished)} shards finished"
    )
    break_it(fault, directory, job, run)
    say(f"broken; Snakemake ended with {run.wait()}")
    saved = [str(file.relative_to(checkpoints)) for file in checkpoints.rglob("*.h5")]
    say(f"checkpoints left: {', '.join(saved) or 'none'}")
    finished |= shards(folder)
    if fault == "head":
        say(f"unlock: {snakemake(folder, *RUN, '--unlock', env=env).wait()}")
    say(f"snakemake --profile slurm again: {snakemake(folder, *RUN, env=env).wait()}")
    again = shards(folder)
    lost = [file for file in finished if again.get(file) != finished[file]]
    say(f"{len(finished)} shards were finished, {len(lost)} of them made anew, {len(again)} now")
    log = (folder / f"logs/digits/small_cnn/masks/essential/{shard}.log").read_text()
    afresh = "starts afresh" in log
    snakemake(local, "--cores", "2").wait()
    tables = [pd.read_csv(f / "results/tables/correlations.csv") for f in (folder, local)]
    same = tables[0].equals(tables[1])
    say(f"table equal to that of a local run: {same}")
    if lost or afresh or not same:
        raise SystemExit(f"The drill '{fault}' failed: see {folder}")


def main():
    base = Path(sys.argv[1]).resolve()
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    with cluster.running(base / "cluster") as directory:
        for fault in sys.argv[2:] or FAULTS:
            drill(fault, base, directory)


if __name__ == "__main__":
    main()
