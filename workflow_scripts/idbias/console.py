"""What Snakemake prints, for people: a line when a stage of an experiment begins and one when it ends.

Snakemake's own long form stays in its log file, .snakemake/log/. Everything comes from the events of its
logger, which are the same on a workstation and on Slurm, from the jobs' logs and from their results.
"""

import contextlib
import logging
import os
import threading
import time
from collections import Counter

from idbias.console_facts import of_attack, of_classifier
from idbias.console_work import LONG, Job, Work, duration, last_sentence
from idbias.errors import SAID_BY_CONSOLE
from idbias.slurm_queue import in_queue, job_hours, newest_run

# Events of Snakemake's log that the lines of stages take the place of.
REPLACED = {
    "WORKFLOW_STARTED", "RESOURCES_INFO", "JOB_STARTED", "PROGRESS", "SHELLCMD", "GROUP_INFO",
}  # fmt: skip
# Messages that say nothing a user can use.
SILENT = (
    "Select jobs", "Execute ", "Trying to restart", "Removing output", "Exiting because a job", "Complete log",
    "Shutting down, this might", "Removing temporary output",
    # Of the executor plugin for Slurm.
    "Falling back to 'sacct'", "'sacct' unavailable", "Cleaning up SLURM", "SLURM run ID",
    "No SLURM account given", "No account was given, not able", "Unable to guess SLURM account",
)  # fmt: skip
# Seconds until the first line of progress; each later one waits a third longer, up to the last.
PERIOD, LONGEST_PERIOD = 30, 600


class StageLines(logging.Filter):
    """Decides which records of Snakemake's logger the terminal gets, and puts them in words.

    expected: called without arguments, returns (experiment, classifier) -> the accuracy that its checkpoint
    is said to have; planned: likewise, the jobs to run as (jobid, rule, wildcards); remote: likewise,
    whether jobs go to a cluster.
    """

    def __init__(self, clock=time.time, expected=None, planned=None, remote=lambda: False):
        super().__init__()
        self.clock, self.expected, self.planned_jobs = clock, expected or dict, planned
        self.on_cluster = remote
        self.planned, self.work, self.begun, self.failed = {}, Work(), set(), Counter()
        self.remote = False

    def filter(self, record):
        """Return whether to print `record`; its attribute `line`, if set, is what to print."""
        event = getattr(getattr(record, "event", None), "name", None)
        handler = getattr(self, f"_{event.lower()}", None) if event else None
        if handler:
            record.line = handler(record)
            return record.line is not None
        text = str(record.msg)
        # One line a job: the lines of stages name the logs.
        submitted = text.startswith("Job ") and "has been submitted with SLURM jobid" in text
        return not (event in REPLACED or submitted or text.startswith(SILENT))

    def _run_info(self, record):
        stats = dict(record.stats)
        total = stats.pop("total", 0)
        self.planned, self.work.begun, self.remote = stats, self.clock(), self.on_cluster()
        if self.planned_jobs:
            with contextlib.suppress(Exception):  # only the time left depends on it
                for jobid, rule, wildcards in self.planned_jobs():
                    self.work.jobs.setdefault(jobid, Job(rule, wildcards))
        return f"{total} jobs of {len(stats)} rules"

    def _job_info(self, record):
        given = {
            name: getattr(record, name, None) or ()
            for name in ("wildcards", "log", "benchmark", "resources")
        }
        job = Job(
            record.rule_name,
            dict(given["wildcards"]),
            next(iter(given["log"]), ""),
            str(given["benchmark"] or ""),
            dict(given["resources"].items()) if hasattr(given["resources"], "items") else {},
            begun=self.clock(),
        )
        self.work.jobs[record.jobid] = job
        key = (job.rule, job.of if job.rule in LONG else ())
        if key in self.begun:
            return None
        self.begun.add(key)
        alike = self._alike(job)
        shards = f", {alike} shards" if job.rule in LONG and alike > 1 else ""
        of = f": {', '.join(job.of)}" if job.rule in LONG and job.of else ""
        jobs = self.planned.get(job.rule, 0)
        many = f" ({jobs} jobs)" if jobs > 1 and not of else ""
        verb = "submitted" if self.remote else "begins"
        log = f" (log: {job.log})" if self.remote and job.log else ""
        return f"{self._now()}  {_words(job.rule)} {verb}{of}{shards}{many}{log}"

    def _job_finished(self, record):
        if record.job_id not in self.work.jobs:
            self.work.jobs[record.job_id] = Job("", {})
        job = self.work.end(record.job_id, self.clock())
        for key in [key for key in self.failed if key[0] == job.log]:
            del self.failed[key]  # a later try went well
        rule = [other for other in self.work.jobs.values() if other.rule == job.rule]
        of_line = [other for other in rule if other.of == job.of] if job.rule in LONG else rule
        wanted = self._alike(job) if job.rule in LONG else self.planned.get(job.rule, len(rule))
        done = [other for other in of_line if other.seconds is not None]
        if len(done) < wanted:
            return None
        of = f": {', '.join(job.of)}" if job.rule in LONG and job.of else ""
        took = f", {duration(sum(other.seconds for other in done))}" if job.rule in LONG else ""
        fact = self._fact(job)
        line = f"{self._now()}  {_words(job.rule)} done{of}{took}{self._left()}"
        lines = [line, *([f"          {fact}"] if fact else [])]
        if self.remote and all(other.seconds is not None for other in self.work.jobs.values()):
            run = newest_run(self.work.begun)
            lines += ["", *self.work.costs(), *([job_hours(run)] if run else [])]
        return "\n".join(lines)

    def _job_error(self, record):
        job = self.work.jobs.get(getattr(record, "jobid", None))
        log = next(iter(getattr(record, "log", None) or ()), "")
        sentence = last_sentence(log)
        if not sentence:
            return ""  # as Snakemake puts it, with the log's end
        self.failed[log, sentence] += 1
        tries = self.failed[log, sentence]
        of = f": {', '.join(job.of)}" if job and job.of else ""
        failed = f"{self._now()}  {_words(record.rule_name)} failed{of}"
        if tries > 1:
            return f"{failed}, try {tries}, for the same reason"
        return f"{failed} (log: {log})\n{sentence}"

    def _error(self, record):
        text = str(record.msg)
        # A failed job's traceback through Snakemake; JOB_ERROR says what failed, and its log why.
        if "CalledProcessError in file" in text:
            return None
        if "At least one job did not complete" in text and self.failed:
            count = len({log for log, _ in self.failed})
            return (
                f"{count} job{'s' * (count > 1)} failed, see above. What is finished stays: fix that and give "
                "the same command again."
            )
        return ""

    def _alike(self, job):
        """How many jobs of this rule are of the same experiment, classifier and attack."""
        return sum(
            other.rule == job.rule and other.of == job.of for other in self.work.jobs.values()
        )

    def _fact(self, job):
        """What is known as soon as this job has ended, of its results; "" if nothing, or they are not there."""
        try:
            if job.rule == "classifier":
                return of_classifier("/".join(["results", *job.of]), self.expected().get(job.of))
            if job.rule == "attack_shard":
                experiment, classifier, attack = job.of[:3]
                # Not every file there: those of an earlier, other number of images may lie beside.
                shards = [
                    other.wildcards["shard"]
                    for other in self.work.jobs.values()
                    if other.rule == job.rule and other.of == job.of
                ]
                return of_attack(f"results/{experiment}/{classifier}/attacks/{attack}", shards)
        except (OSError, KeyError, ValueError):
            pass  # a file that cannot be read is for the stage that needs it to report
        return ""

    def _now(self):
        return time.strftime("%H:%M:%S", time.localtime(self.clock()))

    def _left(self):
        done = sum(job.seconds is not None for job in self.work.jobs.values())
        total = max(sum(self.planned.values()), done)
        text = f", {done} of {total} jobs in all"
        seconds = self.work.left(self.clock()) if 0 < done < total else None
        return text + (f", about {duration(seconds)} left" if seconds is not None else "")

    def progress(self):
        """Return a line of what runs, for the while in which no stage begins or ends; "" if nothing does."""
        begun = [
            job for job in self.work.jobs.values() if job.begun is not None and job.ended is None
        ]
        if not begun:
            return ""
        running = [job for job in begun if job.running()]
        waiting = len(begun) - len(running)
        run = newest_run(self.work.begun) if self.remote else None
        jobs = (run and in_queue(run)) or f"{len(running)} running" + (
            f", {waiting} waiting" if waiting else ""
        )
        parts = [jobs + self._left(), self.work.masks()]
        return f"{self._now()}  {'; '.join(filter(None, parts))}"


class Lines(logging.Formatter):
    """Prints a record's `line`, and any other record as Snakemake does."""

    def __init__(self, usual):
        super().__init__()
        self.usual = usual

    def format(self, record):
        return getattr(record, "line", None) or self.usual.format(record)


def for_people(workflow, expected=None):
    """Have the terminal print stages instead of jobs, where Snakemake's `workflow` is really run.

    expected: as for StageLines. A dry run, --verbose, and Snakemake inside a job print as ever.
    """
    manager = workflow.logger_manager
    if workflow.remote_exec:
        os.environ.pop(SAID_BY_CONSOLE, None)  # Slurm hands the submitting shell's environment on
    if not workflow.is_main_process or manager.settings.dryrun or manager.settings.verbose:
        return
    for handler in manager.logger.handlers:
        if handler.name == "DefaultStreamHandler" and not isinstance(handler.formatter, Lines):
            lines = StageLines(
                expected=expected,
                planned=lambda: _jobs_of(workflow),
                remote=lambda: workflow.non_local_exec,
            )
            handler.addFilter(lines)
            handler.setFormatter(Lines(handler.formatter))
            if not {"RULES", "ALL"} & {part.name for part in manager.settings.quiet or ()}:
                os.environ[SAID_BY_CONSOLE] = "1"
            threading.Thread(target=_watch, args=(lines, manager.logger), daemon=True).start()


def expected_accuracies(experiments):
    """Return (experiment, classifier) -> the accuracy that the configuration gives with its checkpoint."""
    return {
        (experiment.name, name): settings.weights.accuracy
        for experiment in experiments
        for name, settings in experiment.trained.items()
        if settings.weights and settings.weights.accuracy and not settings.weights.new_head
    }


def _watch(lines, logger):
    """Print what runs, now and then, until the process ends."""
    wait = PERIOD
    while True:
        time.sleep(wait)
        wait = min(wait * 4 / 3, LONGEST_PERIOD)
        with contextlib.suppress(Exception):  # a job's log may vanish while it is read
            if text := lines.progress():
                logger.info(text)


def _jobs_of(workflow):
    """Return (jobid, rule, wildcards) of every job that Snakemake is going to run."""
    dag = workflow.dag
    return [(dag.jobid(job), job.rule.name, dict(job.wildcards_dict)) for job in dag.needrun_jobs()]


def _words(rule):
    return rule.replace("_", " ")
