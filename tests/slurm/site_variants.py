#!/usr/bin/env python3
"""What sbatch was asked for each way that a site wants it, from the record of a real Slurm.

    .venv/bin/python tests/slurm/site_variants.py DIR

Starts the test cluster with accounting in DIR, runs a toy workflow with the names of real rules once for
each variant of the profile's site block, all at once, and prints what Slurm noted of its jobs.
Fails where a job was asked for, or given, something else than expected.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import cluster
from toy import run_toy, write_toy

TOY = """
rule all:
    input: "seen", expand("results/e/c/attacks/fmn/{shard}.txt", shard=range(2))

# Ends well at its last try alone: what is asked for grows.
rule distances:
    output: "seen"
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 45 * attempt,
        gpu=1,
    shell: "echo ${{CUDA_VISIBLE_DEVICES:-}} > {output}; test {resources.runtime} -gt FAILS_UP_TO"

rule attack_shard:
    output: "results/{experiment}/{classifier}/attacks/{attack}/{shard}.txt"
    resources: mem_mb=1000, runtime=5, gpu=1
    shell: "echo $SLURM_JOB_ID ${{CUDA_VISIBLE_DEVICES:-}} > {output}"
"""
# What is written in the site block: what Slurm is to have been asked, and how many GPUs to have given.
VARIANTS = {
    "as it comes": ({}, "TresPerJob=gres:gpu:1", 1),
    "--gres=gpu:1": ({"gpu_request": "--gres=gpu:1"}, "TresPerNode=gres:gpu:1", 1),
    "--gres=gpu:a100:1": ({"gpu_request": "--gres=gpu:a100:1"}, "TresPerNode=gres:gpu:a100:1", 1),
    "--gpus=a100:1": ({"gpu_request": "--gpus=a100:1"}, "TresPerJob=gres:gpu:a100:1", 1),
    "nothing": ({"gpu_request": ""}, "", 0),
    "everything else": (
        {
            "gpu_partition": "gpu-short,gpu",
            "longest_job": "100",
            "qos": "slow",
            "reservation": "ours",
            "per_gpu_job": "{constraint: a100}",
            "account": "idbias",
            "status_command": "sacct",
        },
        "TresPerJob=gres:gpu:1",
        1,
    ),
    # Of an account that lets one job be submitted: the second is refused until the first has ended.
    "a limit of one job": ({"account": "few"}, "TresPerJob=gres:gpu:1", 1),
}
SHOWN = ["Partition", "TimeLimit", "NumTasks", "TresPerJob", "TresPerNode", "QOS", "Reservation"]
SHOWN += ["Features", "Account"]


def start(folder, changes):
    """Start Snakemake on the toy workflow in `folder`, with `changes` in its site block."""
    tries = 90 if "longest_job" in changes else 0
    quoted = {k: f'"{v}"' if not v.startswith("{") else v for k, v in changes.items()}
    quoted |= {k: v for k, v in changes.items() if v.isdigit()}
    write_toy(folder, TOY.replace("FAILS_UP_TO", str(tries)), quoted)
    options = ["--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "5"]
    return run_toy(folder, *options, IDBIAS_SBATCH_SECONDS="5")


def recorded(folder):
    """What Slurm noted of the jobs submitted from `folder`: a dict each, oldest first."""
    text = subprocess.run(["scontrol", "show", "job", "-d", "-o"], capture_output=True, text=True)
    jobs = [dict(re.findall(r"(\w+)=(\S*)", line)) for line in text.stdout.splitlines()]
    mine = [job for job in jobs if job.get("WorkDir") == str(folder)]
    return sorted(mine, key=lambda job: int(job["JobId"]))


def asked(job):
    """sbatch's command line, from the accounting, without paths and what it was to run."""
    command = ["sacct", "-X", "-n", "-P", "-j", job["JobId"], "-o", "SubmitLine"]
    line = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    line = re.sub(
        r"(--job-name|--output|--comment|-D) \S+ ?|--parsable |--export=\S+ ?| ?--wrap=.*",
        "",
        line,
        flags=re.S,
    )
    return line.replace("  ", " ").replace("/usr/bin/", "").strip()


def main():
    base = Path(sys.argv[1]).resolve()
    # All runs are looked at when they have ended.
    settings = ["MinJobAge=7200"]
    with cluster.running(base / "cluster", accounting=True, settings=settings) as directory:
        os.environ.update(cluster.environment(directory))
        user = os.environ.get("USER", "root")
        for command in (
            "sacctmgr -i add qos slow",
            "sacctmgr -i add account few",
            f"sacctmgr -i add user {user} account=few maxsubmitjobs=1",
            f"sacctmgr -i modify user {user} set qos+=slow",
            f"scontrol create reservation reservationname=ours users={user} nodes=gpu1 "
            "corecnt=2 starttime=now duration=120 flags=flex",
        ):
            subprocess.run(command.split(), check=True, capture_output=True)
        runs = {}
        for name, (changes, _, _) in VARIANTS.items():
            folder = base / re.sub(r"\W+", "_", name)
            runs[name] = (folder, start(folder, changes))
        bad = []
        for name, (folder, run) in runs.items():
            ended = run.wait()
            print(f"{name}: Snakemake ended with {ended}")
            changes, expected, gpus = VARIANTS[name]
            for job in recorded(folder):
                noted = [f"{key}={job[key]}" for key in SHOWN if job.get(key, "(null)") != "(null)"]
                print(f"  {asked(job)}\n      noted: {' '.join(noted)}; {job['JobState']}")
                given = int((job.get("JOB_GRES", "") or "0").rsplit(":", 1)[-1].strip("()nul") or 0)
                wanted = [key for key in ("TresPerJob", "TresPerNode") if job.get(key)]
                if [f"{key}={job[key]}" for key in wanted] != [expected] * bool(expected):
                    bad.append(f"{name}: asked for {wanted}, not {expected}")
                if given != gpus:
                    bad.append(f"{name}: was given {given} GPUs, not {gpus}")
            cards = (folder / "seen").read_text().strip() if ended == 0 else None
            print(f"  CUDA_VISIBLE_DEVICES in the job: {cards or 'none'}")
            waits = folder / "logs/slurm/refused.log"
            for line in waits.read_text().splitlines() if waits.exists() else []:
                print(f"  logs/slurm/refused.log: {line}")
            if waits.exists() != (changes.get("account") == "few"):
                bad.append(f"{name}: refused or not, unlike expected")
            if ended or bool(cards) != bool(gpus):
                bad.append(f"{name}: ended with {ended}, saw the cards {cards!r}")
    if bad:
        raise SystemExit("\n".join(bad))


if __name__ == "__main__":
    main()
