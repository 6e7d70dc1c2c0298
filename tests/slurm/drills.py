#!/usr/bin/env python3
"""Drills: the digits experiment on a real Slurm, as users run it, with something broken in its masks.

    .venv/bin/python tests/slurm/drills.py DIR [--accounting] [jobs] [node] [head] [controller] [full]

First undisturbed, then, each in a run of its own with the profile's own tries:
jobs: each mask job is killed by Slurm for memory at its first try; then one is cancelled, one passes
    its time limit, one loses its Python to SIGKILL; all within the run.
node: the node of a mask job dies, and comes back.
head: Snakemake is killed; unlocked and started again.
controller: Snakemake is itself a job (profiles/slurm/controller.sh) and passes its own time limit.
full: scratch has no room for checkpoints, then results have none for masks (needs root, for tmpfs).

Says what was seen, and fails unless each job ran in its partition, with a GPU if its rule asks for
one, the table equals that of a local run, each finished shard was left alone, and every broken shard
went on from its checkpoint. All begin with the same finished attacks, made once through Slurm.
"""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import cluster
from digits_on_slurm import (
    RULE,
    RUN,
    TABLE,
    Workflow,
    compare,
    ended,
    shards,
    snakemake,
    undisturbed,
)
from masks_at_work import Masks, recorded
from toy import arguments, edit_site, say

MASKS = "results/digits/small_cnn/masks"
# MB at the first try: too few for a mask job, which takes about 600.
TOO_LITTLE = 350


def slurm(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def tries(folder, rule, noted):
    """What each job of `rule` in `folder` was asked for and how it ended, by shard."""
    found = {}
    for _, (limit, job) in sorted(noted.items()):
        if job["WorkDir"] == str(folder) and f"rule_{rule}" in job.get("Comment", ""):
            shard = job["Comment"].rsplit("_", 1)[-1]
            found.setdefault(shard, []).append(f"{job['MinMemoryNode']} {limit} {job['JobState']}")
    return found


def jobs(folder, masks):
    limit = f"{{mem_mb: {TOO_LITTLE} * attempt}}"
    per_rule = f"{{{RULE}: {limit}, adversarial_mask_shard: {limit}}}"
    edit_site(folder / "profiles/slurm/config.yaml", {"per_rule": per_rule})
    run = snakemake(folder, *RUN, TABLE)
    # Which of them runs first is Snakemake's choice.
    left = [f"{kind}/{name}" for kind in ("essential", "adversarial/fmn") for name in masks.names]
    for fault in ("cancelled", "past its time limit", "killed"):
        with masks.halted(*left) as (shard, job, python):
            left.remove(shard)
            if fault == "cancelled":
                slurm("scancel", job)
            elif fault == "killed":
                cluster.end(python, signal.SIGKILL)
            else:
                slurm("scontrol", "update", f"JobId={job}", "EndTime=now+5")
                cluster.wait_until(
                    lambda job=job: recorded()[int(job)]["JobState"] != "RUNNING", 90
                )
        say(f"job {job}, {shard}: {fault} at {masks.before[shard]} steps")
    ended(run, folder)
    for rule in (RULE, "adversarial_mask_shard"):
        for shard, asked in sorted(tries(folder, rule, masks.noted).items()):
            say(f"    {rule} {shard}: {', then '.join(asked)}")
            if len(asked) < 2:
                raise SystemExit("A job was not killed for memory")


def node(folder, masks):
    run = snakemake(folder, *RUN, TABLE)
    with masks.halted("essential/00000-00023") as (_, job, _):
        cluster.kill_node(masks.cluster, "gpu1")
    down = cluster.wait_until(lambda: "down" in cluster.node_states(masks.cluster)["gpu1"], 120)
    say(f"job {job} at {masks.before['essential/00000-00023']} steps; gpu1 is down: {down}")
    cluster.start_node(masks.cluster, "gpu1")
    ended(run, folder)


def head(folder, masks):
    run = snakemake(folder, *RUN, TABLE)
    with masks.halted("essential/00000-00023") as (_, job, _):
        run.kill()
        run.wait()
    names = slurm("squeue", "-h", "-o", "%i %j")
    left = re.findall(r"^(\d+) idbias_", names, re.M)
    say(f"Snakemake is dead, {len(left)} of its jobs are still there, job {job} among them")
    slurm("scancel", *left)
    cluster.wait_until(lambda: not cluster.processes(masks.cluster, daemons=False), 60)
    say(f"unlocked: {snakemake(folder, *RUN, '--unlock').wait()}")
    ended(snakemake(folder, *RUN, TABLE), folder)


def controller(folder, masks):
    # Its own time limit comes after three minutes, the signal one to two minutes before.
    script = folder / "profiles/slurm/controller.sh"
    text = script.read_text()
    for old, new in (
        ("--time=1-00:00:00", "--time=0:03:00"),
        ("USR1@300", "USR1@60"),
        ("exec snakemake", f"exec {sys.executable} -m snakemake"),
        ("    snakemake --profile", f"    {sys.executable} -m snakemake --profile"),
    ):
        assert old in text, (script, old)
        text = text.replace(old, new)
    script.write_text(text)
    command = ["sbatch", "--parsable", "-D", str(folder), "--partition=cpu", str(script)]
    first = int(slurm(*command, *RUN[2:], TABLE))

    def controllers():
        return {
            n: j for n, (_, j) in list(masks.noted.items()) if j["JobName"] == "snakemake-idbias"
        }

    with masks.halted("essential/00000-00023") as (_, job, _):
        if not cluster.wait_until(lambda: len(controllers()) > 1, 240):
            raise SystemExit(f"No second controller: see {folder}/snakemake-{first}.log")
        waiting = [job.get("Dependency") for job in controllers().values()][-1]
    say(f"job {job} halted; controller {first} submitted another, which waits for {waiting}")
    over = ("COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "NODE_FAIL")
    if not cluster.wait_until(
        lambda: all(j["JobState"] in over for j in controllers().values()), 1800
    ):
        raise SystemExit(f"The controllers have not ended: see {folder}")
    states = [f"{number} {job['JobState']}" for number, job in sorted(controllers().items())]
    say(f"controllers: {', '.join(states)}")


@contextmanager
def small_disk(folder, size):
    """A full disk of `size` at `folder`; gives a function that makes room on it."""
    folder.mkdir(parents=True, exist_ok=True)
    slurm("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    filler = folder / "filler"
    try:
        with open(filler, "wb", buffering=0) as file:
            while file.write(bytes(4096)) == 4096:
                pass
    except OSError:
        pass
    try:
        yield filler.unlink
    finally:
        for file in folder.rglob("*"):  # what lies on it is kept, for the comparison
            if file.is_file():
                target = folder.parent / "kept" / file.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.read_bytes())
        slurm("umount", "-l", str(folder))


def full(folder, masks):
    scratch, results = folder / "scratch", folder / MASKS / "adversarial/fmn"
    with (
        small_disk(scratch, "4M") as room_in_scratch,
        small_disk(results, "64K") as room_in_results,
    ):
        run = snakemake(folder, *RUN, TABLE)
        essential = [folder / MASKS / f"essential/{name}.h5" for name in masks.names]
        if not cluster.wait_until(lambda: all(file.exists() for file in essential), 600):
            raise SystemExit(f"The essential masks were not made: see {folder}/output")
        logs = (folder / "logs/digits/small_cnn/masks/essential").glob("*.log")
        warned = sum("No checkpoint now" in log.read_text() for log in logs)
        say(
            f"scratch full: essential masks were made, {warned} of 2 logs say that no checkpoint was"
        )
        room_in_scratch()
        ended(run, folder, expected=1)
        logs = (folder / "logs/digits/small_cnn/masks/adversarial").rglob("*.log")
        said = [
            line for log in logs for line in log.read_text().splitlines() if "idbias, rule" in line
        ]
        say(f"results full: {said[0]}")
        finished = shards(folder)
        room_in_results()
        slurm("mount", "-o", "remount,size=16M", str(results))
        for name in masks.names:
            masks.keep(f"adversarial/fmn/{name}")
        ended(snakemake(folder, *RUN, TABLE), folder)
        if warned != 2 or any(shards(folder)[file] != inode for file, inode in finished.items()):
            raise SystemExit(f"The drill failed: see {folder}")


DRILLS = {"jobs": jobs, "node": node, "head": head, "controller": controller, "full": full}


def drill(name, base):
    folder = base / name
    Workflow(base / "start").clone(folder)
    with Masks(folder, base / "cluster") as masks:
        say(f"--- {name}")
        began, finished = time.monotonic(), shards(folder)
        DRILLS[name](folder, masks)
    lost = [file for file in finished if shards(folder).get(file) != finished[file]]
    lost += masks.made_anew()
    for shard, steps in masks.before.items():
        say(f"    {shard}: {steps} steps before, {masks.fewest[shard]} or more afterwards")
        if masks.fewest[shard] < steps:
            lost.append(shard)
    say(f"{time.monotonic() - began:.0f} s; finished shards made anew: {len(lost)}")
    if lost:
        raise SystemExit(f"The drill '{name}' failed: {lost}")
    return folder


def main():
    given = arguments(__doc__, DRILLS)
    base = given.directory
    with cluster.running(base / "cluster", given.accounting) as directory:
        os.environ.update(cluster.environment(directory), PYTHONDONTWRITEBYTECODE="1")
        if given.accounting:
            RUN.extend(["--slurm-status-command", "sacct"])
        if not (base / "start").exists():
            compare(undisturbed(base), base)
        for name in given.drills or DRILLS:
            compare(drill(name, base), base)


if __name__ == "__main__":
    main()
