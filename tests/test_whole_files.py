"""Files that appear when they are complete: what the system refuses, long names, what kills leave behind."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT

from idbias import checkpoints, files
from idbias.errors import InputError, Unwritable


def refused(number, name=None):
    return OSError(number, os.strerror(number), name)


@pytest.mark.parametrize(
    "number", [errno.EACCES, errno.EPERM, errno.EFBIG, errno.EIO, errno.ESTALE]
)
def test_what_the_system_refuses_is_said_with_its_words(tmp_path, number):
    said = rf"a\.csv cannot be written \({os.strerror(number)}\)"
    with pytest.raises(Unwritable, match=said), files.replacing(tmp_path / "a.csv"):
        raise refused(number)
    with pytest.raises(Unwritable, match=said), files.replacing(tmp_path / "a.csv") as temporary:
        raise refused(number, str(temporary))
    if number != errno.EFBIG:
        # Of another file that the block reads.
        with pytest.raises(OSError, match="other"), files.replacing(tmp_path / "a.csv"):
            raise refused(number, "other")
    assert not list(tmp_path.iterdir())


def test_a_name_that_fits_is_written_and_one_that_does_not_is_said(tmp_path):
    files.write(tmp_path / ("ä" * 126 + ".h5"), {"a": np.ones(3)})
    assert len(list(tmp_path.iterdir())) == 1
    with pytest.raises(Unwritable, match="File name too long"):
        files.write(tmp_path / ("a" * 253 + ".h5"), {"a": np.ones(3)})
    assert len(list(tmp_path.iterdir())) == 1


def test_what_killed_processes_left_is_swept_up(tmp_path):
    script = f"""
import os, sys, signal
sys.path.insert(0, {str(ROOT / "workflow_scripts")!r})
from idbias.whole_files import replacing
with replacing({str(tmp_path / "a.csv")!r}) as temporary:
    temporary.touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script])
    (left,) = tmp_path.iterdir()
    elsewhere = [tmp_path / ".a.csv.1-1a2b3c.tmp", tmp_path / ".a.csv.ffffff-999999-1a2b3c.tmp"]
    for path in elsewhere:  # of an older idbias, or of another machine
        path.touch()
    with files.replacing(tmp_path / "b.csv") as temporary:
        temporary.touch()
    assert left.exists()
    with files.replacing(tmp_path / "a.csv") as at_work:
        at_work.touch()
        with files.replacing(tmp_path / "a.csv") as temporary:
            temporary.touch()
        assert at_work.exists()
    assert {*tmp_path.iterdir()} == {tmp_path / "a.csv", tmp_path / "b.csv", *elsewhere}


@pytest.mark.parametrize("error", [refused(errno.EIO), refused(errno.EMFILE), MemoryError()])
def test_a_checkpoint_that_the_system_does_not_read_or_write_is_no_damaged_one(
    tmp_path, monkeypatch, capsys, error
):
    path = tmp_path / "checkpoint"
    checkpoints.save(path, "key", {"step": 1})

    def fail(*_):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", fail)
        with pytest.raises(
            InputError, match=r"checkpoint cannot be read now \(.*may well be whole"
        ):
            checkpoints.load(path, "key")
        patch.setattr(torch, "save", fail)
        checkpoints.save(path, "key", {"step": 2})
    said = capsys.readouterr().err
    assert said.startswith("No checkpoint now, the work goes on without: ")
    assert str(path) in said
    assert checkpoints.load(path, "key") == {"step": 1}
    assert checkpoints.load(path, "another") is None


def test_other_errors_of_a_block_stay_what_they_are(tmp_path):
    with pytest.raises(FileNotFoundError), files.replacing(tmp_path / "a.csv"):
        (tmp_path / "missing").read_text()
    with pytest.raises(RuntimeError, match="something else"), files.replacing(tmp_path / "a.csv"):
        raise RuntimeError("something else")
    assert not list(tmp_path.iterdir())
