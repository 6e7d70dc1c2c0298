#!/usr/bin/env python3
"""Drills: the digits experiment on a real Slurm, undisturbed and with something broken in its masks.

    .venv/bin/python tests/slurm/drills.py DIR [cancel] [kill] [limit] [node] [head]

First undisturbed, then cancel: scancel of a mask job; kill: SIGKILL to its Python; limit: its time
limit passes; node: its node dies; head: Snakemake itself dies. Then `snakemake --profile slurm` again.
Says what was seen, and fails unless each job ran in its partition, with a GPU if its rule asks for
one, the table equals that of a local run, each finished shard was left alone, and the broken shard
went on from its checkpoint. All begin with the same finished attacks, made once through Slurm.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

import cluster
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).parent.parent))
from conftest import SMALL, Workflow

FAULTS = ["cancel", "kill", "limit", "node", "head"]
RULE = "essential_mask_shard"
ON_GPU = [RULE, "adversarial_mask_shard", "classifier", "attack_shard", "distances"]
# Two shards of essential masks that train for half a minute or more: Slurm looks at time limits as often.
SETTINGS = {
    "experiments": ["digits"],
    "datasets": {"digits": {"images": 48}},
    "masks": {"min_steps": 8000, "max_steps": 8001},
    "correlation": {"shuffles": 8},
    "execution": {"shuffles_per_shard": 4, "checkpoint_seconds": 1},
}
RUN = ["--profile", "slurm", "--slurm-init-seconds-before-status-checks", "5"]


def copy_of_project(folder):
    folder.mkdir(parents=True)
    workflow = Workflow.copy_of_project(folder)
    (folder / "slurm").symlink_to("profiles/slurm")
    workflow.configure(SMALL)
    workflow.configure(SETTINGS)
    overrides = {"execution": {"images_per_shard": 24}}
    workflow.configure({"experiment_blocks": {"digits": {"overrides": overrides}}})


def snakemake(folder, *arguments, **options):
    with open(folder / "output", "a") as output:
        command = [sys.executable, "-m", "snakemake", *arguments]
        return subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, **options)


def slurm(directory, *command):
    env = cluster.environment(directory)
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout


def mask_job(directory, shard):
    """Id of the running Slurm job that trains the essential masks of `shard`."""
    jobs = slurm(directory, "squeue", "-h", "-t", "RUNNING", "-o", "%i %k").splitlines()
    return next(job.split()[0] for job in jobs if RULE in job and job.endswith(shard))


def scheduled(directory):
    """{job id: (rule or group, partition, GPUs it was given)} of the jobs that Slurm remembers."""
    jobs = {}
    lines = slurm(directory, "scontrol", "show", "job", "-d", "-o").splitlines()
    for line in (line for line in lines if line.startswith("JobId=")):
        job = re.search(r"JobId=(\d+)", line)[1]
        rule = re.search(r"Comment=rule_(\S+?)(_wildcards_| )", line)[1]
        gpus = re.search(r" JOB_GRES=gpu:(\d+)", line)
        jobs[job] = (rule, re.search(r" Partition=(\S+)", line)[1], int(gpus[1]) if gpus else 0)
    return jobs


def python_of(directory, job):
    """Pids of the mask scripts of Slurm job `job`."""
    wanted = f"SLURM_JOB_ID={job}".encode()
    return [
        pid
        for pid in cluster.processes(directory, daemons=False)
        if b"train_masks.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
        and wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    ]


def shards(folder):
    """{path: modification time} of the shards that are finished."""
    return {file: file.stat().st_mtime_ns for file in folder.glob("results/**/*[0-9]-[0-9]*.h5")}


def steps(checkpoint):
    """Optimisation steps, summed over the images, that a mask shard's checkpoint holds."""
    if not checkpoint.exists():
        return 0
    state = torch.load(checkpoint, weights_only=True)["state"]
    finished = state["done"]["step"][state["done"]["finished"]]
    return int(finished.sum()) + sum(int(image["step"]) for image in state["parked"].values())


def table(folder):
    return pd.read_csv(folder / "results/tables/correlations.csv")


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def break_it(fault, directory, job, run):
    if fault == "cancel":
        slurm(directory, "scancel", job)
    elif fault == "kill":
        cluster.end(python_of(directory, job), signal.SIGKILL)
    elif fault == "limit":
        slurm(directory, "scontrol", "update", f"JobId={job}", "EndTime=now")
    elif fault == "node":
        cluster.kill_node(directory, "gpu1")
        nodes = partial(cluster.node_states, directory)
        say(f"gpu1 is down: {cluster.wait_until(lambda: 'down' in nodes()['gpu1'], 120)}")
        cluster.start_node(directory, "gpu1")
    elif fault == "head":
        run.kill()
        run.wait()
        left = slurm(directory, "squeue", "-h", "-o", "%i %j").split("\n")
        say(f"Snakemake is dead, {len(list(filter(None, left)))} of its jobs are still running")
        slurm(directory, "scancel", *re.findall(r"^(\d+) idbias_", "\n".join(left), re.M))
        cluster.wait_until(lambda: not cluster.processes(directory, daemons=False), 60)


def undisturbed(base, directory):
    """The whole experiment through Slurm, and where its jobs ran. Gives its folder."""
    began, jobs, env = time.monotonic(), {}, cluster.environment(directory)
    copy_of_project(base / "start")
    for folder, target in ((base / "start", "attacks"), (base / "undisturbed", "tables")):
        if target == "tables":
            Workflow(base / "start").clone(folder)
        run = snakemake(folder, *RUN, "--retries", "0", target, env=env)
        while run.poll() is None:
            jobs |= scheduled(directory)
            time.sleep(1)
        say(f"undisturbed: snakemake --profile slurm {target} ended with {run.returncode}")
    say(f"{len(jobs)} jobs, {time.monotonic() - began:.0f} s")
    for (rule, partition, gpus), count in Counter(jobs.values()).items():
        say(f"    {count} x {rule}: partition {partition}, GPUs {gpus}")
        if (partition, gpus) != (("gpu", 1) if rule in ON_GPU else ("cpu", 0)):
            raise SystemExit(f"{rule} ran in the wrong place")
    return folder


def drill(fault, base, directory):
    folder, env = base / fault, cluster.environment(directory)
    Workflow(base / "start").clone(folder)
    run = snakemake(folder, *RUN, "--retries", "0", "tables", env=env)
    checkpoints = folder / "scratch/checkpoints/results/digits/small_cnn/masks/essential"
    if not cluster.wait_until(
        lambda: max(map(steps, checkpoints.glob("*.h5")), default=0) > 1e4, 900
    ):
        raise SystemExit(f"No checkpoint of 10,000 steps within 15 minutes, see {folder}/output")
    checkpoint = max(checkpoints.glob("*.h5"), key=steps)
    job = mask_job(directory, checkpoint.stem)
    finished = shards(folder)
    say(f"{fault}: job {job} trains {checkpoint.stem}; {len(finished)} shards are finished")
    break_it(fault, directory, job, run)
    cluster.wait_until(
        lambda: job not in slurm(directory, "squeue", "-h", "-t", "R", "-o", "%i"), 60
    )
    before = steps(checkpoint)
    say(f"broken; its checkpoint holds {before} steps")
    if fault != "head":
        # The other jobs are finished; with a node down, Slurm also brings back the job itself.
        fewest = watch(run, checkpoint) if fault == "node" else before
        say(f"Snakemake ended with {run.wait()}")
    else:
        say(f"unlocked: {snakemake(folder, *RUN, '--unlock', env=env).wait()}")
    finished |= shards(folder)
    again = snakemake(folder, *RUN, "tables", env=env)
    if fault != "node":
        fewest = watch(again, checkpoint)
    say(
        f"snakemake --profile slurm again: {again.wait()}; the checkpoint then held {fewest} or more"
    )
    lost = [file for file, time_written in finished.items() if shards(folder)[file] != time_written]
    say(f"{len(finished)} shards were finished before, {len(lost)} of them made anew")
    if lost or not before or fewest < before:
        raise SystemExit(f"The drill '{fault}' failed: see {folder}")
    return folder


def watch(run, checkpoint):
    """Wait for `run` and return the fewest steps that `checkpoint` held meanwhile."""
    fewest = steps(checkpoint)
    while run.poll() is None:
        if checkpoint.exists():
            fewest = min(fewest, steps(checkpoint) or fewest)
        time.sleep(0.3)
    return fewest


def compare(folder, base):
    """Say whether the table of `folder` is that of a run without Slurm; exit if it is not."""
    local = base / "local"
    if not local.exists():
        copy_of_project(local)
        snakemake(local, "--cores", "2", "tables").wait()
    same = table(folder).equals(table(local))
    say(f"table equal to that of a local run: {same}")
    if not same:
        raise SystemExit(f"{folder} and {local} differ")


def main():
    base = Path(sys.argv[1]).resolve()
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    with cluster.running(base / "cluster") as directory:
        if not (base / "start").exists():
            compare(undisturbed(base, directory), base)
        for fault in sys.argv[2:] or FAULTS:
            compare(drill(fault, base, directory), base)


if __name__ == "__main__":
    main()
