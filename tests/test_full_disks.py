"""Disks that are full or read-only: one sentence, nothing lost, and it goes on when there is room."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import ROOT
from torch import nn

from idbias import checkpoints, files
from idbias.config import kept_shards, layout
from idbias.config.planning import check_files
from idbias.config.schema import Execution, Masks
from idbias.errors import InputError, Unwritable
from idbias.masks.training import train_masks
from idbias.stage import checkpoint_path


@pytest.fixture
def disk(tmp_path):
    """A disk of 256 KiB, and a function to mount it anew with other options."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options):
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        return subprocess.run(command, capture_output=True, text=True)

    if mounted := mount("size=256k").stderr:
        pytest.skip(f"a small disk needs root and mount: {mounted.strip()}")
    yield folder, mount
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder):
    """Fill the disk that `folder` lies on; returns the file to delete."""
    (folder / "filler").touch()
    with open(folder / "filler", "ab", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            return folder / "filler"


def masks(**options):
    """Train masks of four random images for a linear classifier."""
    torch.manual_seed(0)
    images, targets = torch.rand(4, 1, 8, 8), torch.tensor([0, 1, 2, 0])
    settings = Masks(min_steps=20, max_steps=20)
    return train_masks(
        nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), images, targets, settings, **options
    )


def test_masks_go_on_where_scratch_is_full_and_keep_checkpoints_again_when_it_is_not(disk, capsys):
    folder, _ = disk
    filler = fill(folder)
    path = folder / "checkpoint"
    trained = masks(checkpoint=path, checkpoint_seconds=0)
    said = capsys.readouterr().err.splitlines()
    assert said
    assert set(said) == {said[0]}
    assert f"the work goes on without: {path} cannot be written (No space left" in said[0]
    assert [file.name for file in folder.iterdir()] == ["filler"], "no half checkpoint"
    np.testing.assert_array_equal(trained.masks, masks().masks)
    filler.unlink()
    masks(checkpoint=path, checkpoint_seconds=0)
    assert path.exists()
    assert capsys.readouterr().err == ""


def test_an_older_checkpoint_survives_a_full_disk(disk):
    folder, _ = disk
    checkpoints.save(folder / "checkpoint", "key", {"step": 1})
    fill(folder)
    checkpoints.save(folder / "checkpoint", "key", {"step": torch.zeros(100_000)})
    assert checkpoints.load(folder / "checkpoint", "key") == {"step": 1}


# As a rule's script: HDF5, which could not write, would crash when Python ends.
SCRIPT = """
import sys
from types import SimpleNamespace
sys.path.insert(0, {library!r})
from idbias.stage import stage
rule = SimpleNamespace(input=[], threads=1, log=[{log!r}], rule="toy", wildcards={{}}, config={{}})
with stage(rule):
    import numpy as np
    from idbias import files
    for line in range(1000):
        print("a line of a long log", file=sys.stderr)
    files.write({path!r}, {{"mask": np.random.rand(200, 30, 30)}})
print("not reached")
"""


@pytest.mark.parametrize("log_too", [False, True], ids=["results", "results and logs"])
def test_a_result_without_room_is_one_sentence_and_a_failed_job(disk, tmp_path, log_too):
    folder, _ = disk
    log = folder / "log" if log_too else tmp_path / "log"
    if log_too:
        fill(folder)
    script = SCRIPT.format(
        library=str(ROOT / "workflow_scripts"), log=str(log), path=str(folder / "masks.h5")
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        f"idbias, rule toy: {folder}/masks.h5 cannot be written (No space left on device); make room"
    )
    assert done.stderr.count("\n") == 1
    assert not list(folder.glob("*.h5")) + list(folder.glob(".*.tmp"))
    assert log_too or done.stderr in Path(log).read_text(encoding="utf-8")


def test_a_read_only_folder_is_said_to_be_one(disk):
    folder, mount = disk
    (folder / "checkpoints").mkdir()
    mount("remount,ro")
    said = r"a\.csv cannot be written \(Read-only file system\)"
    with pytest.raises(Unwritable, match=said), files.replacing(folder / "a.csv") as temporary:
        temporary.write_text("a")
    with pytest.raises(InputError, match=r"no checkpoints can be kept in .* execution\.scratch"):
        checkpoint_path(Execution(scratch=str(folder)), "results/masks.h5")
    mount("remount,rw")


# The kinds of files, written in a process of their own: HDF5 ended it with a segmentation fault.
WRITE = """
import sys
sys.path.insert(0, {library!r})
import numpy as np
from idbias import files
from idbias.correlation.distances import write_squared_distances
from idbias.errors import Unwritable
random = np.random.default_rng(0)
work = {{
    "images": lambda path: files.write(path, {{"images": random.random((200, 3, 16, 16))}}),
    "numbers": lambda path: files.write(path, {{"numbers": random.random(25_000)}}),
    "weights": lambda path: files.write(path, {{str(n): np.ones(3) for n in range(80)}}),
    "distances": lambda path: write_squared_distances(random.random((150, 5)), path),
}}[{kind!r}]
try:
    work({path!r})
except Unwritable as error:
    print(error)
"""


@pytest.mark.parametrize("room", [0, 15_000, 60_000])
@pytest.mark.parametrize("kind", ["images", "numbers", "weights", "distances"])
def test_whatever_is_held_back_where_the_disk_is_full_is_said(disk, kind, room):
    folder, _ = disk
    filler = fill(folder)
    with open(filler, "ab") as file:
        file.truncate(filler.stat().st_size - room)
    path = str(folder / "a.h5")
    script = WRITE.format(library=str(ROOT / "workflow_scripts"), kind=kind, path=path)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{path} cannot be written (No space left on device); make room")
    assert [file.name for file in folder.iterdir()] == ["filler"]
    filler.unlink()
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    if kind != "images":  # which never fit
        assert (done.returncode, done.stdout) == (0, "")
        files.read(path)


def test_finished_shards_that_cannot_be_noted_end_nothing(disk, capsys, monkeypatch):
    folder, _ = disk
    monkeypatch.chdir(folder)
    shard = Path(
        layout.SHARD.format(experiment="e", classifier="c", stage=layout.ESSENTIAL, shard="0-9")
    )
    shard.parent.mkdir(parents=True)
    shard.touch()
    filler = fill(folder)
    run = SimpleNamespace(name="e", image_shards=["0-9"], analysed=lambda analysis: True)
    kept_shards.keep(run)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "could not be noted: results/e/shards.json cannot be written (No space left" in said
    assert {path.name for path in Path("results/e").iterdir()} == {"c"}
    filler.unlink()
    kept_shards.keep(run)
    assert kept_shards.kept("e") == ["0-9"]


def test_results_that_are_read_only_are_one_sentence_before_jobs_are_planned(disk, monkeypatch):
    folder, mount = disk
    (folder / "results").mkdir()
    monkeypatch.chdir(folder)
    check_files([], None)
    mount("remount,ro")
    with pytest.raises(InputError, match=r"disk/results may not be written to.*make it writable"):
        check_files([], None)
    monkeypatch.setattr(sys, "argv", ["snakemake", "--report"])
    check_files([], None)
    mount("remount,rw")


def test_a_file_that_may_grow_no_more_is_said_to_be_too_large(tmp_path):
    script = WRITE.format(
        library=str(ROOT / "workflow_scripts"), kind="numbers", path=str(tmp_path / "a.h5")
    )
    script = (
        f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (99_999, 99_999))\n{script}"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "a.h5 cannot be written (File too large)" in done.stdout, done.stderr
    assert not list(tmp_path.iterdir())
