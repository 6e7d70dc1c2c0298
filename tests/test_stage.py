"""Several GPUs in a node: each job takes one to itself while there are as many GPUs as jobs."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from conftest import ROOT

from idbias import stage
from idbias.config.schema import Execution
from idbias.errors import InputError

JOB = f"""
import os, sys
sys.path.insert(0, {str(ROOT / "workflow_scripts")!r})
from idbias.stage import take_one_gpu
take_one_gpu()
print(os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def start(tmp_path):
    """Start a job that takes a GPU and keeps it until it is told to end; return what it sees, and it."""
    jobs = []

    def begin(visible):
        environment = {**os.environ, "TMPDIR": str(tmp_path), "CUDA_VISIBLE_DEVICES": visible}
        job = subprocess.Popen(
            [sys.executable, "-c", JOB], env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        jobs.append(job)
        return job.stdout.readline().strip(), job

    yield begin
    for job in jobs:
        job.communicate()


def test_jobs_of_a_node_take_different_gpus_and_give_them_back(start):
    first, _ = start("2,5")
    second, job = start("2,5")
    assert (first, second) == ("2", "5")
    assert start("2,5")[0] == "2"  # more jobs than GPUs: shared evenly
    assert start("2,5")[0] == "5"
    job.kill()
    job.wait()
    assert start("2,5")[0] == "5"


def test_one_gpu_is_left_as_it_is(start):
    assert start("GPU-7f3a")[0] == "GPU-7f3a"


@pytest.mark.parametrize(("devices", "seen"), [(0, None), (1, None), (3, "0")])
def test_gpus_are_counted_without_starting_cuda(devices, seen, tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(stage, "glob", lambda pattern: ["/dev/nvidia"] * devices)
    monkeypatch.setattr(stage.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(stage, "HELD", [])
    stage.take_one_gpu()
    assert os.environ.pop("CUDA_VISIBLE_DEVICES", None) == seen


def test_an_input_dated_in_the_future_is_refused_before_the_work(tmp_path, capsys):
    paths = [tmp_path / name for name in ("now.h5", "ahead.h5", "far.h5")]
    for path, seconds in zip(paths, (0, 10, 90), strict=True):
        path.touch()
        os.utime(path, (time.time() + seconds,) * 2)
    log = str(tmp_path / "job.log")

    def run(path):
        job = SimpleNamespace(
            input=[str(path), "missing"], log=[log], threads=1, rule="row", wildcards={}, config={}
        )
        with stage.stage(job):
            print("worked", file=sys.stdout)

    for path in paths[:2]:
        run(path)
    assert capsys.readouterr().out == "worked\nworked\n"
    with pytest.raises(SystemExit):
        run(paths[2])
    said = capsys.readouterr()
    assert not said.out
    assert re.search(r"far\.h5 is dated (89|90) s in the future.*touch .*far\.h5", said.err)


class Job:
    """As much of a snakemake object as `stage` looks at."""

    def __init__(self, folder, inputs=(), resources=None):
        self.threads, self.log, self.rule = 1, [folder / "log"], "rule"
        self.input, self.wildcards, self.config = list(inputs), {}, {}
        self.resources = {} if resources is None else resources


def test_a_stage_names_the_file_that_the_user_wrote(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("IDBIAS_CONFIGURATION", "mine.yaml, more.yaml")
    with pytest.raises(SystemExit), stage.stage(Job(tmp_path)):
        raise InputError("config.yaml: attack own:it cannot be had.")
    assert "rule rule: mine.yaml, more.yaml: attack own:it" in capsys.readouterr().err


def test_a_rule_that_asks_for_no_gpu_takes_none(tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "_settings", lambda snakemake: Execution(device="cuda"))
    with stage.stage(Job(tmp_path)) as execution:
        assert stage.device(execution) == "cpu"
    with stage.stage(Job(tmp_path, resources={"gpu": 1})) as execution:
        assert execution.device == "cuda"


@pytest.mark.skipif(torch.cuda.is_available(), reason="torch can use the GPU here")
@pytest.mark.parametrize(
    ("variables", "devices", "refused"),
    [
        ({"SLURM_JOB_GPUS": "3"}, 0, True), ({"SLURM_STEP_GPUS": "0"}, 1, True),
        ({"CUDA_VISIBLE_DEVICES": "0"}, 1, True), ({"CUDA_VISIBLE_DEVICES": "0"}, 0, False),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, 1, False), ({}, 2, False), ({}, 0, False),
    ],
)  # fmt: skip
def test_a_gpu_that_was_given_and_cannot_be_used_is_an_error(
    variables, devices, refused, tmp_path, monkeypatch
):
    for name in ("SLURM_JOB_GPUS", "SLURM_STEP_GPUS", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(stage, "glob", lambda pattern: ["/dev/nvidia"] * devices)
    monkeypatch.setattr(stage.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(stage, "HELD", [])
    if refused:
        with pytest.raises(InputError, match=f"{next(iter(variables))}.*docs/installation.md"):
            stage.device(Execution())
    else:
        assert stage.device(Execution()) == "cpu"
    with pytest.raises(InputError, match="GPU"):
        stage.device(Execution(device="cuda"))
    os.environ.pop("CUDA_VISIBLE_DEVICES", None)


def test_clones_with_one_scratch_keep_checkpoints_apart(tmp_path, monkeypatch):
    execution, paths = Execution(scratch="scratch"), []
    (tmp_path / "shared").mkdir()
    for name in ("a", "b"):
        work = tmp_path / name
        work.mkdir()
        (work / "scratch").symlink_to(tmp_path / "shared")
        monkeypatch.chdir(work)
        paths.append(Path(stage.checkpoint_path(execution, "results/x.h5")).resolve())
        paths[-1].write_text(name)
    assert paths[0] != paths[1]
    Path("results").mkdir()
    Path("results/x.h5").touch()
    stage.remove_checkpoints([execution])
    assert [path.exists() for path in paths] == [True, False]


def test_a_folder_that_moved_with_its_scratch_finds_its_checkpoints(tmp_path, monkeypatch):
    execution, work = Execution(scratch="scratch"), tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    path = stage.checkpoint_path(execution, "results/x.h5")
    assert path == "scratch/checkpoints/results/x.h5"  # where it was before clones had their own
    Path(path).touch()
    work.rename(tmp_path / "moved")
    monkeypatch.chdir(tmp_path / "moved")
    assert Path(stage.checkpoint_path(execution, "results/x.h5")).exists()


def test_a_checkpoint_is_never_its_output_and_goes_when_that_is_finished(tmp_path, monkeypatch):
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    execution = Execution(scratch="scratch")
    outputs = [
        "results/a.h5",
        str(tmp_path / "out" / "b.h5"),
        "../out/c.h5",
        "results/unfinished.h5",
    ]
    paths = [Path(stage.checkpoint_path(execution, output)) for output in outputs]
    for output, path in zip(outputs, paths, strict=True):
        assert path.resolve().is_relative_to(work / "scratch" / "checkpoints")
        path.write_text("")
        Path(output).parent.mkdir(exist_ok=True)
        if "unfinished" not in output:
            Path(output).touch()
    assert len(set(paths)) == 4
    stage.remove_checkpoints([execution, execution])
    assert [path.exists() for path in paths] == [False, False, False, True]
    assert all(Path(output).exists() for output in outputs[:3])
    Path(outputs[3]).touch()
    os.utime(outputs[3], (0, 0))  # an older output is not what this checkpoint is of
    stage.remove_checkpoints([execution])
    assert paths[3].exists()
