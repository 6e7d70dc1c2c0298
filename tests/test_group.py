"""docs/group.md: one installation that belongs to another, used by two people."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import h5py
import pytest
from conftest import PARTS, ROOT

GROUP, ANNA, BERT = 22000, 22001, 65534
DATASET = "results/spiral/dataset.h5"
# Made from the dataset, in a folder of its own beside it.
PAIRS = "results/spiral/correlations/pairs.h5"


class Installation:
    """The workflow as an administrator installs it below `place`, with a Python that everybody can read."""

    def __init__(self, place):
        self.place, self.python, self.packages = place, sys.executable, ""
        self.code = place / "opt"
        (place / "mine.yaml").write_text("datasets: {spiral: {points: 200}}\n")

    def copy_python(self):
        """Copy what pip installed nothing into: the Python that runs this lies in somebody's home."""
        version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        folder = self.place / "python"
        shutil.copytree(
            sysconfig.get_path("stdlib"), folder / "lib" / version,
            ignore=shutil.ignore_patterns("site-packages", "test", "__pycache__"),
        )  # fmt: skip
        (folder / "bin").mkdir()
        shutil.copy2(Path(sys.executable).resolve(), folder / "bin" / version)
        self.python, self.packages = folder / "bin" / version, sysconfig.get_path("purelib")

    def copy_code(self):
        self.code.mkdir()
        for part in PARTS:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
            copy(ROOT / part, self.code / part)
        git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
        for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "installed"]):
            subprocess.run([*git, *command], cwd=self.code, check=True)

    def run(self, uid, umask, folder, *arguments):
        """Run Python as a user of the group, from `folder`."""
        home = self.place / f"home-{uid}"
        if not home.exists():
            home.mkdir(mode=0o700)
            os.chown(home, uid, GROUP)
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "USER": f"user{uid}"}
        environment["PYTHONPATH"] = self.packages
        return subprocess.run(
            [self.python, *arguments], cwd=folder, env=environment, user=uid, group=GROUP, extra_groups=[],
            umask=umask, capture_output=True, text=True,
        )  # fmt: skip

    def snakemake(self, uid, umask, folder, *arguments):
        """As docs/group.md says."""
        code = ["-s", self.code / "Snakefile", "--profile", self.code / "profiles/local"]
        mine = ["--configfile", self.place / "mine.yaml"]
        return self.run(
            uid, umask, folder, "-m", "snakemake", *arguments, *code, *mine, "--cores", "1"
        )

    def folder(self, name, uid, mode):
        """A new folder of a user and the group."""
        folder = self.place / name
        folder.mkdir()
        os.chown(folder, uid, GROUP)
        folder.chmod(mode)
        return folder


@pytest.fixture(scope="module")
def installed():
    """Skips where other users cannot read what pip installed."""
    if os.geteuid() != 0:
        pytest.skip("only root can run as two other users")
    # pytest's own folders are closed to others.
    with tempfile.TemporaryDirectory(prefix="idbias-group-") as place:
        os.chmod(place, 0o755)
        installation = Installation(Path(place))
        try:
            installation.run(ANNA, 0o077, place, "-c", "")
        except PermissionError:
            installation.copy_python()
        tried = installation.run(ANNA, 0o077, place, "-c", "import snakemake, h5py")
        if tried.returncode:
            pytest.skip(f"other users cannot read this Python's packages: {tried.stderr[-200:]}")
        installation.copy_code()
        yield installation


def made(run):
    return run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(("uid", "umask"), [(ANNA, 0o077), (BERT, 0o002)])
def test_each_has_results_in_a_folder_of_their_own(installed, uid, umask):
    own = installed.folder(f"own-{uid}", uid, 0o700)
    good, said = made(installed.snakemake(uid, umask, own, PAIRS))
    assert good, said
    assert (own / PAIRS).stat().st_uid == uid
    with h5py.File(own / PAIRS) as file:
        assert len(file.attrs["git_commit"]) >= 40, "whose tree it is does not matter"
    owners = {file.stat().st_uid for file in installed.code.rglob("*")}
    assert owners == {0}, "nothing is written where the code lies"


def test_two_go_on_from_each_other_in_one_folder(installed):
    shared = installed.folder("shared", ANNA, 0o2775)
    for uid, target in ((ANNA, DATASET), (BERT, PAIRS)):
        good, said = made(installed.snakemake(uid, 0o002, shared, target))
        assert good, said
        assert (shared / target).stat().st_uid == uid
    # And she may make anew what he made.
    good, said = made(installed.snakemake(ANNA, 0o002, shared, PAIRS, "--forcerun", "array_pairs"))
    assert good, said


def test_what_one_made_for_herself_alone_stops_the_other_with_a_reason(installed):
    shared = installed.folder("closed", ANNA, 0o2775)
    good, said = made(installed.snakemake(ANNA, 0o077, shared, DATASET))
    assert good, said
    good, said = made(installed.snakemake(BERT, 0o002, shared, PAIRS))
    assert not good
    assert "Permission denied" in said
    subprocess.run(["chmod", "-R", "g+rwX", "."], cwd=shared, check=True)
    good, said = made(installed.snakemake(BERT, 0o002, shared, PAIRS))
    assert good, said
