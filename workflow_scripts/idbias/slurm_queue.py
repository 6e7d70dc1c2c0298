"""What a run's jobs on Slurm do now.

Read from what profiles/slurm/bin remembers (profiles/slurm/jobs.py): a folder for each run of Snakemake.
Imports nothing heavy: the Snakefile loads it.
"""

import json
from pathlib import Path

MEMORY = Path(".snakemake/slurm")


def newest_run(since, memory=MEMORY):
    """Folder of the newest run that submitted jobs after `since` (seconds since 1970); None without one."""
    runs = [folder for folder in memory.glob("*") if (folder / "jobs").exists()]
    runs = [folder for folder in runs if (folder / "jobs").stat().st_mtime >= since]
    return max(runs, key=lambda folder: (folder / "jobs").stat().st_mtime, default=None)


def in_queue(folder):
    """How many jobs run and wait, and why they wait, in words; empty where nothing is known."""
    now = _now(folder)
    if not now:
        return ""
    reasons = sorted(now["reasons"].items(), key=lambda pair: -pair[1])
    why = ", ".join(f"{count} {reason}" for reason, count in reasons if reason not in ("", "None"))
    return f"Slurm: {now['running']} running, {now['waiting']} waiting" + (
        f" ({why})" if why else ""
    )


def job_hours(folder):
    """Hours that Slurm's jobs ran, tries that failed among them, and were asked for, in words; "" without any.

    Counted from a job's start to its end, as a site bills them: with the start of Python and Snakemake.
    """
    ended = _now(folder).get("ended", {})
    used, asked = 0.0, 0.0
    for line in (folder / "jobs").read_text(encoding="utf-8").splitlines():
        job = _json(line)
        if job.get("id") in ended:
            used += ended[job["id"]][1] / 3600
            asked += float(job["minutes"] or 0) / 60
    return f"Slurm ran {len(ended)} jobs for {used:.2f} hours of {asked:.1f} asked" if ended else ""


def _now(folder):
    return _json((folder / "now").read_text(encoding="utf-8")) if (folder / "now").exists() else {}


def _json(text):
    try:
        return json.loads(text)
    except ValueError:  # cut off by a full disk
        return {}
