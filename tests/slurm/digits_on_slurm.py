"""The digits experiment in small, on a real Slurm: its project, its run, its table."""

import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pandas as pd
from masks_at_work import recorded
from toy import edit_site, say

sys.path.insert(0, str(Path(__file__).parent.parent))
from conftest import SMALL, Workflow

RULE = "essential_mask_shard"
ON_GPU = [RULE, "adversarial_mask_shard", "classifier", "attack_shard", "distances"]
# Two shards of essential masks and two of adversarial ones, some seconds of training each.
SETTINGS = {
    "experiments": ["digits"],
    "datasets": {"digits": {"images": 48}},
    "masks": {"min_steps": 1000, "max_steps": 1001},
    "correlation": {"shuffles": 8},
    "execution": {"shuffles_per_shard": 8, "checkpoint_seconds": 1, "device": "cpu"},
}
RUN = ["--profile", "slurm", "--slurm-init-seconds-before-status-checks", "2"]
TABLE = "results/tables/correlations.csv"


def copy_of_project(folder):
    folder.mkdir(parents=True)
    workflow = Workflow.copy_of_project(folder)
    (folder / "slurm").symlink_to("profiles/slurm")
    workflow.configure(SMALL)
    workflow.configure(SETTINGS)
    overrides = {"execution": {"images_per_shard": 24}}
    workflow.configure({"experiment_blocks": {"digits": {"overrides": overrides}}})
    # The GPUs are make-believe: work on the processor all the same asks for one.
    edit_site(folder / "profiles/slurm/config.yaml", {"per_gpu_job": "{gpu: 1}"})


def snakemake(folder, *arguments):
    with open(folder / "output", "a", encoding="utf-8") as output:
        command = [sys.executable, "-m", "snakemake", *arguments]
        return subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)


def shards(folder):
    """{path: inode} of the shards that are finished."""
    return {file: file.stat().st_ino for file in folder.glob("results/**/*[0-9]-[0-9]*.h5")}


def table(folder):
    return pd.read_csv(folder / TABLE)


def undisturbed(base):
    """The whole experiment through Slurm, and where its jobs ran."""
    began, jobs = time.monotonic(), {}
    copy_of_project(base / "start")
    for folder, target in ((base / "start", "attacks"), (base / "undisturbed", TABLE)):
        if target == TABLE:
            Workflow(base / "start").clone(folder)
        run = snakemake(folder, *RUN, target)
        while run.poll() is None:
            jobs |= recorded()
            time.sleep(1)
        say(f"undisturbed: snakemake --profile slurm {target} ended with {run.returncode}")
    say(f"{len(jobs)} jobs, {time.monotonic() - began:.0f} s")
    seen = Counter()
    for job in jobs.values():
        rule = re.match(r"(?:rule|group)_(\S+?)(_wildcards_|$)", job["Comment"])[1].split("-")[0]
        gpus = int((re.findall(r"\d+$", job.get("JOB_GRES", "")) or [0])[0])
        seen[rule, job["Partition"], gpus] += 1
    for (rule, partition, gpus), count in sorted(seen.items()):
        say(f"    {count} x {rule}: partition {partition}, GPUs {gpus}")
        on_gpu = rule in [*ON_GPU, "attacks"]
        if (partition, gpus) != (("gpu", 1) if on_gpu else ("cpu", 0)):
            raise SystemExit(f"{rule} ran in the wrong place")
    return folder


def ended(run, folder, expected=0):
    code = run.wait()
    say(f"Snakemake ended with {code}")
    if code != expected:
        raise SystemExit(f"It should have ended with {expected}: see {folder}/output")


def compare(folder, base):
    """Say whether the table of `folder` is that of a run without Slurm; exit if it is not."""
    local = base / "local"
    if not local.exists():
        copy_of_project(local)
        snakemake(local, "--cores", "2", TABLE).wait()
    same = table(folder).equals(table(local))
    say(f"table equal to that of a local run: {same}")
    if not same:
        raise SystemExit(f"{folder} and {local} differ")
