"""Calls with a time limit: what stalls is ended, and costs the others nothing."""

import os
import subprocess
import sys
import time

import pytest
from limited_calls import Answers

from idbias.attacks import deadlines
from idbias.errors import InputError


def test_a_call_that_stalls_is_ended_and_the_next_is_made_anew():
    begun = time.monotonic()
    requests = [("a",), ("b",), ("stall",), ("c",)]
    found = list(deadlines.answers(Answers(), requests, 2))
    # The process is another after the stall: its calls count from one.
    assert found == [("a", 1), ("b", 2), None, ("c", 1)]
    assert time.monotonic() - begun < 60


def test_what_goes_wrong_in_the_other_process_is_said():
    with pytest.raises(RuntimeError, match="ValueError: as asked"):
        list(deadlines.answers(Answers(), [("fail",)], 30))
    with pytest.raises(InputError, match=r"cannot be pickled .* at the top level of their module"):
        list(deadlines.answers(lambda: None, [()], 30))


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone ends a process with its parent")
def test_a_stalled_call_does_not_outlive_a_killed_job():
    code = (
        "from limited_calls import Answers; from idbias.attacks.deadlines import Process; import pickle; "
        "one = Process(pickle.dumps(Answers())); print(one.process.pid, flush=True); "
        "one.ask(('stall',), 100)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    job = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment)
    child = int(job.stdout.readline())
    job.kill()
    job.wait()
    job.stdout.close()
    end = time.monotonic() + 30
    while time.monotonic() < end and alive(child):
        time.sleep(0.05)
    assert not alive(child)


def alive(process):
    """Return whether a process runs; one that has ended and that nobody has asked after does not."""
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
