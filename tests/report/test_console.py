"""The terminal shows stages with how many of how many jobs and the time left; errors in one sentence."""

import logging
import re
from types import SimpleNamespace

import h5py
import numpy as np

from idbias.console import StageLines
from idbias.console_facts import accuracy_said, success_said
from idbias.console_work import Job, Work


def record(event=None, msg="", **values):
    made = logging.LogRecord("snakemake", logging.INFO, "", 0, msg, None, None)
    made.__dict__.update(values, event=SimpleNamespace(name=event) if event else None)
    return made


class Console:
    """The lines of a run, at a clock of our own."""

    def __init__(self, **options):
        self.now = 0.0
        self.lines = StageLines(clock=lambda: self.now, **options)

    def shows(self, *arguments, **values):
        one = record(*arguments, **values)
        if not self.lines.filter(one):
            return None
        return re.sub(r"^\d\d:\d\d:\d\d  ", "", getattr(one, "line", None) or one.msg)

    def begins(self, jobid, rule, log=(), **wildcards):
        return self.shows(
            "JOB_INFO", jobid=jobid, rule_name=rule, wildcards=wildcards, log=list(log)
        )

    def ends(self, jobid):
        return self.shows("JOB_FINISHED", job_id=jobid)


PLANNED = [
    (0, "dataset", {"experiment": "digits"}),
    (
        1,
        "attack_shard",
        {"experiment": "digits", "classifier": "cnn", "attack": "fmn", "shard": "000-099"},
    ),
    (
        2,
        "attack_shard",
        {"experiment": "digits", "classifier": "cnn", "attack": "fmn", "shard": "100-199"},
    ),
    (3, "row", {"comparison": "digits/cnn/correlations/fmn"}),
]
STATS = {"dataset": 1, "attack_shard": 2, "row": 1, "total": 4}


def test_a_line_names_experiment_classifier_and_attack():
    console = Console(planned=lambda: PLANNED)
    assert console.shows("RUN_INFO", stats=STATS) == "4 jobs of 3 rules"
    assert console.begins(0, "dataset", **PLANNED[0][2]) == "dataset begins"
    console.now = 10.0
    assert console.ends(0) == "dataset done, 1 of 4 jobs in all"
    begun = console.begins(1, "attack_shard", **PLANNED[1][2])
    assert begun == "attack shard begins: digits, cnn, fmn, 2 shards"
    assert console.begins(2, "attack_shard", **PLANNED[2][2]) is None
    console.now = 60.0
    assert console.ends(2) is None
    console.now = 70.0
    assert console.ends(1).startswith(
        "attack shard done: digits, cnn, fmn, 2 min, 3 of 4 jobs in all, about"
    )
    assert console.shows(msg="Select jobs to execute...") is None
    assert console.shows("PROGRESS", msg="3 of 4 steps") is None
    assert console.shows(msg="a warning") == "a warning"


def test_time_left_goes_by_work_not_by_jobs():
    """Forty quick jobs and two long ones, of which one is a quarter through: nobody waits for a mean job."""
    work, masks = Work(), "adversarial_mask_shard"
    for number in range(40):
        work.jobs[number] = Job("row", {}, begun=0.0)
        work.jobs[number].seconds = work.jobs[number].ended = 1.0
    for number, shard in ((100, "000-511"), (101, "512-1023")):
        work.jobs[number] = Job(masks, {"experiment": "e", "shard": shard}, begun=None)
    assert work.left(40.0) is None, "nobody knows how long masks take before one was trained"
    work.jobs[100].begun = 40.0
    work.jobs[100].progress = lambda: (128, 512, 1.28)
    # 300 s left of this one, then 400 s of the other; one job at a time so far.
    assert round(work.left(140.0)) == 700
    work.jobs[101].begun = 40.0
    work.jobs[101].progress = lambda: (128, 512, 1.28)
    assert 300 <= work.left(140.0) < 400, "two at a time end sooner"


def test_masks_have_a_rate_over_all_running_shards(tmp_path):
    console = Console()
    console.shows("RUN_INFO", stats={"essential_mask_shard": 3, "total": 3})
    for number, shown in (
        (0, "120/512 [00:10<00:32, 12mask/s]"),
        (1, "60/300 [00:10<00:40, 6mask/s]"),
    ):
        log = tmp_path / f"{number}.log"
        log.write_text(f"masks: 1%| | 1/512 [00:00<05:00]\nmasks:  20%|##| {shown}\n")
        console.begins(number, "essential_mask_shard", [str(log)], experiment="e", shard="0-9")
    console.begins(
        2, "essential_mask_shard", [str(tmp_path / "none.log")], experiment="e", shard="0-9"
    )
    text = console.lines.progress()
    assert "2 running, 1 waiting, 0 of 3 jobs in all" in text
    assert "masks: 180 of 812 in the 2 shards that run, 18 a second, 40 s left in them" in text


def test_accuracy_and_success_are_said_as_soon_as_known(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results/digits/cnn"
    (folder / "attacks/fmn").mkdir(parents=True)
    with h5py.File(folder / "predictions.h5", "w") as file:
        file["index"], file["logits"] = np.arange(500), np.zeros((500, 10))
        file.attrs["test_accuracy"] = 0.392
    for shard, hits in (("0-9", 8), ("10-19", 7)):
        with h5py.File(folder / f"attacks/fmn/{shard}.h5", "w") as file:
            file["success"] = np.arange(10) < hits
    names = {"experiment": "digits", "classifier": "cnn"}
    console = Console(expected=lambda: {("digits", "cnn"): 0.656})
    console.shows("RUN_INFO", stats={"classifier": 1, "attack_shard": 2, "total": 3})
    console.begins(0, "classifier", **names)
    said = console.ends(0)
    assert "test accuracy 39.2%. WARNING: its checkpoint is said to have 65.6%" in said
    (folder / "attacks/fmn/0-99.h5").write_bytes(b"of an earlier run, in other shards")
    console.begins(1, "attack_shard", **names, attack="fmn", shard="0-9")
    console.begins(2, "attack_shard", **names, attack="fmn", shard="10-19")
    assert console.ends(2) is None
    assert "succeeds on 75.0% of 20 images" in console.ends(1)


def test_near_chance_and_hardly_any_success_are_warned_of():
    assert "WARNING: that is near chance (10.0%)" in accuracy_said(0.12, 1000, 10)
    assert "WARNING" not in accuracy_said(0.3, 1000, 10)
    assert "WARNING" not in accuracy_said(0.65, 1000, 10, expected=0.656)
    assert "WARNING" in success_said(1, 100)
    assert "WARNING" not in success_said(50, 100)
    assert success_said(0, 0) == "no image to attack"


def test_a_failed_job_is_one_line_and_none_of_snakemake_s(tmp_path):
    console, log = Console(), tmp_path / "row.log"
    console.shows("RUN_INFO", stats={"row": 1, "total": 1})
    console.begins(0, "row", [str(log)], experiment="digits")
    log.write_text("warming up\nidbias, rule row: x.h5 is cut short; delete it and run again.\n")
    error = (
        "RuleException:\nCalledProcessError in file 'rules/correlation.smk', line 3:\nCommand ..."
    )
    assert console.shows("ERROR", msg=error) is None
    failed = {"jobid": 0, "rule_name": "row", "log": [str(log)], "msg": "Error in rule row"}
    sentence = "idbias, rule row: x.h5 is cut short; delete it and run again."
    assert console.shows("JOB_ERROR", **failed) == f"row failed: digits (log: {log})\n{sentence}"
    assert console.shows(msg="Trying to restart job 0.") is None
    assert console.shows("JOB_ERROR", **failed) == "row failed: digits, try 2, for the same reason"
    end = console.shows(
        "ERROR", msg="WorkflowError:\nAt least one job did not complete successfully."
    )
    assert end.startswith("1 job failed, see above.")
    # What idbias does not explain is shown as Snakemake shows it.
    log.write_text("Traceback\nValueError: x\n")
    assert console.shows("JOB_ERROR", **failed) == "Error in rule row"


def test_a_job_that_went_well_at_last_is_not_counted_as_failed(tmp_path):
    console, logs = Console(), [tmp_path / "0.log", tmp_path / "1.log"]
    console.shows("RUN_INFO", stats={"row": 2, "total": 2})
    for jobid, log in enumerate(logs):
        log.write_text("idbias, rule row: the disk is full.\n")
        console.begins(jobid, "row", [str(log)], comparison=f"digits/{jobid}")
        console.shows("JOB_ERROR", jobid=jobid, rule_name="row", log=[str(log)])
    console.begins(0, "row", [str(logs[0])], comparison="digits/0")
    console.ends(0)
    end = console.shows("ERROR", msg="At least one job did not complete successfully.")
    assert end.startswith("1 job failed, see above.")


def test_a_cluster_s_run_ends_with_what_it_cost_against_what_was_asked(tmp_path):
    console, benchmark = Console(remote=lambda: True), tmp_path / "x.tsv"
    console.shows("RUN_INFO", stats={"attack_shard": 1, "total": 1})
    console.shows(
        "JOB_INFO", jobid=0, rule_name="attack_shard", wildcards={"experiment": "e"}, log=["a.log"],
        benchmark=str(benchmark), resources={"runtime": 60, "mem_mb": 4000},
    )  # fmt: skip
    console.now = 9000.0  # most of it in the queue
    benchmark.write_text("s\tmax_rss\n1800\t512.5\n")
    said = console.ends(0).splitlines()
    assert said[0] == "attack shard done: e, 30 min, 1 of 1 jobs in all"
    assert said[-1].split() == [
        "attack_shard",
        "1",
        "0.50",
        "of",
        "1.0",
        "30.0",
        "of",
        "60",
        "512",
        "of",
        "4000",
    ]


def test_a_sentence_is_said_once_however_often_a_job_is_tried(project):
    folder = project.folder / "results/spiral"
    folder.mkdir(parents=True)
    (folder / "dataset.h5").write_text("no HDF5")
    output = [
        project.snakemake("results/spiral/correlations/pairs.h5", *options, check=False).stderr
        for options in (["--retries", "1"], ["--quiet", "all"])
    ]
    assert [text.count("idbias, rule") for text in output] == [1, 1], output
    assert "try 2, for the same reason" in output[0]


def test_a_run_prints_stages_and_keeps_the_long_form_in_its_log(project):
    earlier = project.folder / "results/tables/correlations.csv"
    earlier.parent.mkdir(parents=True)
    earlier.write_text("experiment,z,shuffles\nof an earlier run,1,9\n")
    done = project.snakemake("results/spiral/dataset.h5")
    output = done.stdout + done.stderr
    assert "dataset begins" in output
    assert "dataset done, 1 of 1 jobs in all" in output
    assert "reason:" not in output
    assert "of an earlier run" not in output
    (log,) = (project.folder / ".snakemake/log").glob("*.log")
    assert "reason: Missing output files: results/spiral/dataset.h5" in log.read_text()
