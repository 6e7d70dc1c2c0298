"""What Snakemake prints, for people: a line when a stage begins and one when it ends.

Snakemake's own long form stays in its log file, .snakemake/log/.
"""

import logging
import time

# Events of Snakemake's log that the lines of stages take the place of.
REPLACED = {
    "WORKFLOW_STARTED", "RESOURCES_INFO", "JOB_STARTED", "PROGRESS", "SHELLCMD", "GROUP_INFO",
}  # fmt: skip


class StageLines(logging.Filter):
    """Decides which records of Snakemake's logger the terminal gets, and puts them in words."""

    def __init__(self, clock=time.time):
        super().__init__()
        self.clock, self.begun = clock, clock()
        self.planned, self.rules, self.started, self.done = {}, {}, set(), {}

    def filter(self, record):
        """Return whether to print `record`; its attribute `line`, if set, is what to print."""
        event = getattr(getattr(record, "event", None), "name", None)
        if event == "RUN_INFO":
            stats = dict(record.stats)
            total = stats.pop("total", 0)
            self.planned, self.begun = stats, self.clock()
            record.line = f"{total} jobs of {len(stats)} rules"
        elif event == "JOB_INFO":
            self.rules[record.jobid] = record.rule_name
            if record.rule_name in self.started:
                return False
            self.started.add(record.rule_name)
            record.line = self._line(f"{_words(record.rule_name)} begins", record.rule_name)
        elif event == "JOB_FINISHED":
            rule = self.rules.get(record.job_id, "")
            self.done[rule] = self.done.get(rule, 0) + 1
            if self.done[rule] != self.planned.get(rule):
                return False
            record.line = self._line(f"{_words(rule)} done", rule) + self._left()
        elif event in REPLACED or str(record.msg).startswith(("Select jobs", "Execute ")):
            return False
        return True

    def _line(self, text, rule):
        jobs = self.planned.get(rule, 0)
        clock = time.strftime("%H:%M:%S", time.localtime(self.clock()))
        return f"{clock}  {text}" + (f" ({jobs} jobs)" if jobs > 1 else "")

    def _left(self):
        done, total = sum(self.done.values()), sum(self.planned.values())
        if not 0 < done < total:
            return f", {done} of {total} jobs in all"
        seconds = (self.clock() - self.begun) / done * (total - done)
        return f", {done} of {total} jobs in all, about {_duration(seconds)} left"


class Lines(logging.Formatter):
    """Prints a record's `line`, and any other record as Snakemake does."""

    def __init__(self, usual):
        super().__init__()
        self.usual = usual

    def format(self, record):
        return getattr(record, "line", None) or self.usual.format(record)


def for_people(workflow):
    """Have the terminal print stages instead of jobs, where Snakemake's `workflow` is really run.

    A dry run, --verbose, and Snakemake inside a job print as ever.
    """
    manager = workflow.logger_manager
    if not workflow.is_main_process or manager.settings.dryrun or manager.settings.verbose:
        return
    for handler in manager.logger.handlers:
        if handler.name == "DefaultStreamHandler" and not isinstance(handler.formatter, Lines):
            handler.addFilter(StageLines())
            handler.setFormatter(Lines(handler.formatter))


def _words(rule):
    return rule.replace("_", " ")


def _duration(seconds):
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
