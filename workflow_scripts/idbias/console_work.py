"""How much work is done and left, in seconds of jobs: from jobs that ended, and from the logs of those that run.

Imports nothing heavy: the Snakefile loads it.
"""

import csv
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

# Seconds of a job whose rule has not been seen yet, where it matters little.
SHORT = 5.0
# Rules whose jobs may take most of the time: before one has ended or shown its rate, nobody knows how long.
LONG = {
    "classifier", "attack_shard", "essential_mask_shard", "adversarial_mask_shard", "control_mask_shard",
    "class_map",
}  # fmt: skip
MASKS = {"essential_mask_shard", "adversarial_mask_shard", "control_mask_shard"}
# tqdm's "634/1173 [00:10<00:08".
PROGRESS = re.compile(r"(\d+)/(\d+) \[([\d:]+)<")
TAIL = 2000


@dataclass
class Job:
    """A job as the console knows it. `size`: images or shuffles of its shard, else 1."""

    rule: str
    wildcards: dict
    log: str = ""
    benchmark: str = ""
    resources: dict = field(default_factory=dict)
    begun: float | None = None
    ended: float | None = None
    seconds: float | None = None

    @property
    def size(self):
        ends = re.fullmatch(r"(\d+)-(\d+)", str(self.wildcards.get("shard", "")))
        return int(ends[2]) - int(ends[1]) + 1 if ends else 1

    @property
    def of(self):
        """Experiment, classifier, attack and control, those there are: what jobs of one line share."""
        folder = [
            part for part in str(self.wildcards.get("comparison", "")).split("/")
            if part not in ("", "correlations", "controls")
        ]  # fmt: skip
        names = ("experiment", "classifier", "attack", "control")
        return tuple(
            str(self.wildcards[name]) for name in names if self.wildcards.get(name)
        ) or tuple(folder)

    def running(self):
        """Whether the job runs: its script has opened its log since it was submitted."""
        if self.begun is None or self.ended is not None:
            return False
        try:
            return os.stat(self.log).st_mtime >= self.begun - 60
        except OSError:
            return not self.log

    def progress(self):
        """Return (done, total, units per second) as the job's log shows it, or None."""
        try:
            with open(self.log, "rb") as file:
                file.seek(max(0, os.stat(self.log).st_size - TAIL))
                bars = PROGRESS.findall(file.read().decode(errors="replace"))
        except OSError:
            return None
        if not bars or not self.running():
            return None
        done, total, clock = bars[-1]
        seconds = 0
        for part in clock.split(":"):
            seconds = 60 * seconds + int(part)
        rate = int(done) / seconds if seconds else None
        return int(done), int(total), rate


def benchmark_rows(path):
    """Return the rows of a benchmark file of Snakemake, dicts of text; none where there is no such file."""
    try:
        with open(path, encoding="utf-8") as file:
            return list(csv.DictReader(file, delimiter="\t"))
    except OSError:
        return []


class Work:
    """The jobs of a run: what they took, and what is expected of the others."""

    def __init__(self):
        self.jobs, self.begun = {}, 0.0

    def end(self, jobid, now):
        """Note that a job ended, and what it took: by its benchmark, else by the clock."""
        job = self.jobs[jobid]
        job.ended = now
        measured = (
            [float(row["s"]) for row in benchmark_rows(job.benchmark)] if job.benchmark else []
        )
        job.seconds = sum(measured) or max(now - (job.begun if job.begun is not None else now), 0.0)
        return job

    def expected(self, job, rates):
        """Return the seconds a job is expected to take, or None where nobody knows yet.

        rates: what `rates` returns.
        """
        for key in ((job.rule, job.of[:2]), (job.rule, job.of[:1]), (job.rule,)):
            if key in rates:
                return rates[key] * job.size
        # Masks of another kind take about as long.
        alike = [rates[rule,] for rule in MASKS if (rule,) in rates] if job.rule in MASKS else []
        if alike:
            return max(alike) * job.size
        return None if job.rule in LONG else SHORT

    def rates(self, now):
        """Return seconds per unit of size by (rule,), by rule and experiment, and by rule and classifier."""
        sums = {}
        for job in self.jobs.values():
            seconds = job.seconds
            if seconds is None and job.rule in LONG and (shown := job.progress()) and shown[0]:
                # What runs shows its rate: the whole would take this long.
                seconds = (now - job.begun) * shown[1] / shown[0]
            if seconds is not None:
                for key in ((job.rule,), (job.rule, job.of[:1]), (job.rule, job.of[:2])):
                    total = sums.setdefault(key, [0.0, 0])
                    total[0] += seconds
                    total[1] += job.size
        return {key: seconds / size for key, (seconds, size) in sums.items()}

    def left(self, now):
        """Return the seconds until the last job ends, about, or None where nobody knows yet."""
        rates, remaining, longest, lanes_used = self.rates(now), 0.0, 0.0, 0.0
        for job in self.jobs.values():
            if job.seconds is not None:
                lanes_used += job.seconds
                continue
            expected = self.expected(job, rates)
            if expected is None:
                return None
            if job.begun is not None:
                used = now - job.begun
                lanes_used += used
                shown = job.progress()
                expected = (
                    used * (shown[1] / shown[0] - 1)
                    if shown and shown[0]
                    else max(expected - used, 0)
                )
                longest = max(longest, expected)
            remaining += expected
        lanes = max(lanes_used / max(now - self.begun, 1e-9), 1.0)
        return max(remaining / lanes, longest)

    def masks(self):
        """Return a sentence of the masks that are being trained, over all shards that run, or ""."""
        shown = [
            job.progress() for job in self.jobs.values() if job.rule in MASKS and job.running()
        ]
        shown = [bar for bar in shown if bar and bar[2]]
        done, total = (sum(bar[k] for bar in shown) for k in (0, 1))
        if not shown or done == total:
            return ""
        rate = sum(bar[2] for bar in shown)
        longest = max((bar[1] - bar[0]) / bar[2] for bar in shown)
        shards = f"{len(shown)} shard{'s' * (len(shown) > 1)}"
        counted = f"{done:,} of {total:,} in the {shards} that run"
        return f"masks: {counted}, {rate:.3g} a second, {duration(longest)} left in them"

    def costs(self):
        """Return what each rule's jobs took against what they asked for, lines of a table.

        Hours of all jobs, minutes of the longest, largest memory: each against what was asked for.
        """
        lines = []
        over = [job for job in self.jobs.values() if job.seconds is not None]
        over.sort(key=lambda job: job.begun or 0.0)
        for rule in dict.fromkeys(job.rule for job in over):
            jobs = [job for job in over if job.rule == rule]
            rows = [row for job in jobs if job.benchmark for row in benchmark_rows(job.benchmark)]
            if not rows:
                continue
            memory = max(
                (float(row["max_rss"]) for row in rows if row.get("max_rss", "-") != "-"), default=0
            )
            minutes = [number(job.resources.get("runtime")) for job in jobs]
            memory_asked = max(number(job.resources.get("mem_mb")) for job in jobs)
            longest = max(job.seconds for job in jobs) / 60
            hours = sum(job.seconds for job in jobs) / 3600
            cells = (
                f"{hours:.2f} of {sum(minutes) / 60:.1f}",
                f"{longest:.1f} of {max(minutes):.0f}",
                f"{memory:.0f} of {memory_asked:.0f}",
            )
            lines.append(f"{rule:<24}{len(jobs):>5}" + "".join(f"{cell:>17}" for cell in cells))
        if lines:
            titles = "".join(f"{title:>17}" for title in ("hours", "longest, min", "memory, MB"))
            lines.insert(0, f"{'used of asked':<24}{'jobs':>5}{titles}")
        return lines


def number(value):
    """Return a resource as a number, 0 where it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def duration(seconds, minutes=".0f"):
    """Return seconds as text for people: 34 s, 5 min, 7.8 h; minutes: their format."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:{minutes}} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def last_sentence(log):
    """Return the sentence with which idbias ended a job, as its log has it last, or ""."""
    try:
        lines = Path(log).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines and lines[-1].startswith("idbias") else ""
