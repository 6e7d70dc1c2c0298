"""What idbias prints on Slurm: a run of real rules on the test cluster against slurm_console.txt.

There clock times are hh:mm:ss, durations DURATION, and what the machine decides N or REASON. Of the lines that say
what runs now it has the one that says why a job waits; the others come when they come.
"""

import re
import subprocess
import sys
from pathlib import Path

import cluster
import pytest
from conftest import SMALL
from masks_at_work import recorded

EXPECTED = Path(__file__).with_name("slurm_console.txt")
TARGET = "results/digits/small_cnn/masks/adversarial/fmn.h5"
# Two shards of an attack, which share a job, and two of its masks.
SETTINGS = {
    "experiments": ["digits"],
    "datasets": {"digits": {"images": 48}},
    "masks": {"min_steps": 3, "max_steps": 4},
    "experiment_blocks": {"digits": {"overrides": {"execution": {"images_per_shard": 24}}}},
    "execution": {"device": "cpu"},
}
NOW = re.compile(
    r"hh:mm:ss  (Slurm: )?N running(, N waiting.*)?, \d of 7 jobs in all(, about DURATION left)?"
)


def masked(text):
    """The lines that are printed, without what differs from run to run."""
    for pattern, put in (
        (r"\b\d+:\d\d:\d\d(\.\d+)?\b", "hh:mm:ss"),
        (r"\b[\d.]+ (s|min|h)\b", "DURATION"),
        (r"\d+ (running|waiting)", r"N \1"),
        (r"\(1 \w+\)", "(1 REASON)"),
        (r"\d{5}-\d{5}\.log", "SHARD.log"),
        (r"[\d.]+%", "N%"),
        # The table's cells, "used of asked", and its last line.
        (r" {2,}[\d.]+ of (?=[\d.]+( |$))", "  N of "),
        (r"for [\d.]+ hours", "for N hours"),
    ):
        text = re.sub(pattern, put, text, flags=re.M)
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    now = [k for k, line in enumerate(lines) if NOW.fullmatch(line)]
    first = next((k for k in now if "REASON" in lines[k]), None)
    return [line for k, line in enumerate(lines) if k not in now or k == first]


def hours(clock):
    """Hours of Slurm's days-hours:minutes:seconds."""
    days, _, clock = clock.rpartition("-")
    parts = [int(part) for part in clock.split(":")]
    return 24 * int(days or 0) + parts[0] + parts[1] / 60 + parts[2] / 3600


@pytest.mark.long
def test_the_console_on_slurm(slurm, project):
    (project.folder / "slurm").symlink_to("profiles/slurm")
    project.configure(SMALL)
    project.configure(SETTINGS)
    # Until the first line of what runs now, the first job has to wait.
    full = ["sbatch", "--array=1-2", "--exclusive", "--output=/dev/null", "--wrap=sleep 900"]
    subprocess.run([*full, "--job-name=full"], check=True, stdout=subprocess.DEVNULL)
    command = [sys.executable, "-m", "snakemake", "--profile", "slurm", TARGET]
    command += ["--slurm-init-seconds-before-status-checks", "1"]
    log = project.folder / "output"
    with open(log, "w", encoding="utf-8") as output:
        run = subprocess.Popen(command, cwd=project.folder, stdout=output, stderr=output)
    try:
        assert cluster.wait_until(lambda: "1 waiting (" in log.read_text(), 300), log.read_text()
        subprocess.run(["scancel", "--name=full"], check=True)
        assert run.wait(timeout=900) == 0, log.read_text()
    finally:
        run.kill()
    printed = log.read_text()
    assert masked(printed) == EXPECTED.read_text().splitlines()
    # Slurm's own record of the same jobs.
    jobs = [job for job in recorded().values() if job["WorkDir"] == str(project.folder)]
    used, asked = (sum(hours(job[name]) for job in jobs) for name in ("RunTime", "TimeLimit"))
    said = re.search(r"Slurm ran (\d+) jobs for ([\d.]+) hours of ([\d.]+) asked", printed)
    assert int(said[1]) == len(jobs)
    assert float(said[2]) == pytest.approx(used, abs=0.006)
    assert float(said[3]) == pytest.approx(asked, abs=0.06)
