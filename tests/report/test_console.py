"""The terminal shows stages with how many of how many jobs and the time left; errors as ever."""

import logging
from types import SimpleNamespace

from idbias.console import StageLines


def record(event=None, msg="", **values):
    made = logging.LogRecord("snakemake", logging.INFO, "", 0, msg, None, None)
    made.__dict__.update(values, event=SimpleNamespace(name=event) if event else None)
    return made


def test_a_stage_has_a_line_when_it_begins_and_one_when_it_ends():
    now = [0.0]
    lines = StageLines(clock=lambda: now[0])

    def shown(*arguments, **values):
        one = record(*arguments, **values)
        return getattr(one, "line", one.msg) if lines.filter(one) else None

    stats = {"dataset": 1, "attack_shard": 2, "row": 1, "total": 4}
    assert shown("RUN_INFO", stats=stats) == "4 jobs of 3 rules"
    assert shown("JOB_INFO", jobid=0, rule_name="dataset").endswith("  dataset begins")
    now[0] = 10.0
    assert shown("JOB_FINISHED", job_id=0).endswith(
        "dataset done, 1 of 4 jobs in all, about 30 s left"
    )
    assert shown("JOB_INFO", jobid=1, rule_name="attack_shard").endswith(
        "attack shard begins (2 jobs)"
    )
    assert shown("JOB_INFO", jobid=2, rule_name="attack_shard") is None
    assert shown("JOB_FINISHED", job_id=2) is None
    now[0] = 600.0
    assert shown("JOB_FINISHED", job_id=1).endswith("3 of 4 jobs in all, about 3 min left")
    assert shown(msg="Select jobs to execute...") is None
    assert shown("PROGRESS", msg="3 of 4 steps") is None
    assert shown("JOB_ERROR", msg="Error in rule row") == "Error in rule row"
    assert shown(msg="a warning") == "a warning"


def test_a_run_prints_stages_and_keeps_the_long_form_in_its_log(project):
    done = project.snakemake("results/spiral/dataset.h5")
    output = done.stdout + done.stderr
    assert "dataset begins" in output
    assert "dataset done, 1 of 1 jobs in all" in output
    assert "reason:" not in output
    (log,) = (project.folder / ".snakemake/log").glob("*.log")
    assert "reason: Missing output files: results/spiral/dataset.h5" in log.read_text()
