"""Several GPUs in a node: each job takes one to itself while there are as many GPUs as jobs."""

import os
import re
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from conftest import ROOT

from idbias import stage

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
