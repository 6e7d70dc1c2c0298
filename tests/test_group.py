"""docs/group.md: one installation that belongs to another, used by two people."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from conftest import PARTS, ROOT

GROUP, ANNA, BERT = 22000, 22001, 22002


def as_user(uid, folder, *arguments, umask=0o077):
    command = [sys.executable, *arguments]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "USER": str(uid)}
    environment["PYTHONPATH"] = os.environ.get("PYTHONPATH", "")
    return subprocess.run(
        command, cwd=folder, env=environment, user=uid, group=GROUP, extra_groups=[], umask=umask,
        capture_output=True, text=True,
    )  # fmt: skip


@pytest.fixture
def place():
    """A folder that everybody can reach; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory(prefix="idbias-group-") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.fixture
def installed(place):
    """The workflow as an administrator installs it; skips where other users cannot read Python."""
    if os.geteuid() != 0:
        pytest.skip("only root can run as two other users")
    try:
        as_user(ANNA, place, "-c", "import snakemake").check_returncode()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this Python lies where other users cannot read it")
    folder = place / "opt"
    folder.mkdir()
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
        copy(ROOT / part, folder / part)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "installed"]):
        subprocess.run([*git, *command], cwd=folder, check=True)
    return folder


def test_two_people_and_a_group(installed, place):
    run = [
        "-m",
        "snakemake",
        "-s",
        installed / "Snakefile",
        "--profile",
        installed / "profiles/local",
    ]
    asked = "import sys; sys.path.insert(0, sys.argv[1]); from idbias.files import git_commit; print(git_commit())"
    for uid in (ANNA, BERT):
        own = place / str(uid)
        own.mkdir()
        os.chown(own, uid, GROUP)
        planned = as_user(uid, own, *run, "-n", "table1")
        assert planned.returncode == 0, planned.stdout + planned.stderr
        commit = as_user(uid, own, "-c", asked, installed / "workflow_scripts").stdout
        assert len(commit.strip()) >= 40, "whose tree it is does not matter"
    shared = place / "shared"
    shared.mkdir()
    os.chown(shared, ANNA, GROUP)
    shared.chmod(0o2775)
    plans = [as_user(uid, shared, *run, "-n", "table1", umask=0o002) for uid in (ANNA, BERT)]
    assert [plan.returncode for plan in plans] == [0, 0], plans[1].stderr
