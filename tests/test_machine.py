"""What others on the machine may do, and what a file says of the machine that made it."""

import os
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

from idbias import machine, shards
from idbias.correlation.caveats import caveats_of

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
compiler = pytest.mark.skipif(not shutil.which("c++"), reason="no C++ compiler")


def first(*candidates):
    return next(machine.private_folders(*candidates))


def test_a_folder_of_ones_own_is_made_and_used(tmp_path):
    folder = tmp_path / "above" / "mine"
    assert first(folder) == folder
    assert folder.stat().st_mode & 0o777 == 0o700
    assert first(folder) == folder
    folder.chmod(0o755)
    assert first(folder) == folder
    assert folder.stat().st_mode & 0o777 == 0o700


def link(folder):
    folder.with_name("elsewhere").mkdir(mode=0o700)
    folder.symlink_to("elsewhere")


def writable_for_all(folder):
    folder.mkdir()
    folder.chmod(0o777)


def in_a_folder_writable_for_all(folder):
    folder.mkdir(mode=0o700)
    folder.parent.chmod(0o777)


def of_another(folder):
    folder.mkdir(mode=0o700)
    os.chown(folder, 12345, 12345)


def in_a_folder_of_another(folder):
    folder.mkdir(mode=0o700)
    os.chown(folder.parent, 12345, 12345)


def a_file(folder):
    folder.write_text("")


@pytest.mark.parametrize(
    "plant",
    [
        link, writable_for_all, in_a_folder_writable_for_all, a_file,
        pytest.param(of_another, marks=as_root), pytest.param(in_a_folder_of_another, marks=as_root),
    ],
)  # fmt: skip
def test_a_folder_that_others_can_write_in_is_not_used(plant, tmp_path):
    folder = tmp_path / "above" / "idbias"
    folder.parent.mkdir()
    plant(folder)
    found = first(folder)
    assert found not in (folder, folder.resolve())
    assert found.stat().st_mode & 0o777 == 0o700
    assert found.stat().st_uid == os.getuid()


def test_of_a_folder_that_all_may_write_in_with_the_sticky_bit_it_is_used(tmp_path):
    above = tmp_path / "tmp"
    above.mkdir()
    above.chmod(0o1777)
    assert first(above / "mine") == above / "mine"


USE = """
from idbias.masks.cpu_engine.convolutions import library
print(library() is not None)
"""
PLANTED = """
#include <stdlib.h>
__attribute__((constructor)) static void ran(void) { system("touch \\"$PLANTED\\""); }
"""


def used(tmp_path):
    """Load the engine in a process of its own whose home cannot be written; return whether it could."""
    home = tmp_path / "home"
    home.write_text("") if not home.exists() else None
    environment = {**os.environ, "HOME": str(home), "TMPDIR": str(tmp_path / "tmp")}
    environment |= {"PLANTED": str(tmp_path / "ran"), "PYTHONPATH": str(ROOT / "workflow_scripts")}
    environment.pop("XDG_CACHE_HOME", None)
    command = [sys.executable, "-c", USE]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True)


@compiler
@pytest.mark.parametrize("whose", ["nobody's wrong one", pytest.param("another's", marks=as_root)])
def test_a_planted_library_is_not_loaded(whose, tmp_path):
    """Another user's folder or file is never loaded; a library of one's own without the symbols is built anew."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    temporary.chmod(0o1777)
    if "True" not in used(tmp_path).stdout:
        pytest.skip("the engine does not build here")
    (library,) = temporary.glob("idbias-*/*.so")
    source = tmp_path / "planted.c"
    source.write_text(PLANTED if whose == "another's" else "int nothing;")
    build = ["cc", "-shared", "-fPIC", str(source), "-o", str(library)]
    subprocess.run(build, check=True)
    library.chmod(0o755)
    if whose == "another's":
        os.chown(library.parent, 12345, 12345)
        os.chown(library, 12345, 12345)
    assert "True" in used(tmp_path).stdout
    assert not (tmp_path / "ran").exists()


def test_a_library_that_others_may_write_is_not_loaded(tmp_path):
    path = tmp_path / "x.so"
    path.write_bytes(b"")
    path.chmod(0o777)
    assert not machine.own_file(path)
    path.chmod(0o755)
    assert machine.own_file(path)
    (tmp_path / "link.so").symlink_to(path)
    assert not machine.own_file(tmp_path / "link.so")
    assert not machine.own_file(tmp_path / "missing.so")


def test_a_file_says_what_made_it():
    made = machine.made_by("cpu", "torch")
    assert made["device"] == "cpu"
    assert made["engine"] == "torch"
    assert made["processor"]


def test_makers_are_kept_once_and_a_row_warns_of_several():
    one = {"engine": "compiled", "device": "cpu", "processor": "A"}
    other = {**one, "processor": "B"}
    assert shards.makers({**one, "seed": 0}) == [one]
    both = shards.makers(other, shards.makers(one, [one]))
    assert both == [one, other]
    assert shards.makers({}) == []
    assert caveats_of({}, [one]) is None
    assert "compiled on A, compiled on B" in caveats_of({}, both)


def test_packages_before_the_pinned_ones_are_named(tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert machine.in_the_way() is None
    (tmp_path / "foolbox").mkdir()
    (tmp_path / "foolbox" / "__init__.py").write_text("")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT / 'workflow_scripts'}"}
    command = [sys.executable, "-c", "from idbias.machine import in_the_way; print(in_the_way())"]
    said = subprocess.run(command, env=environment, capture_output=True, text=True).stdout
    assert f"foolbox ({tmp_path})" in said
    assert "numpy" not in said


FAULTS = """
import resource, sys
sys.path.insert(0, {library!r})
from idbias.machine import keep_freed_memory
if {keep}:
    keep_freed_memory()
for _ in range(20):
    bytearray(b'1') * 2**26  # 64 MB, which go again
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


def test_memory_of_large_arrays_comes_from_the_system_once():
    def faults(keep):
        script = FAULTS.format(library=str(ROOT / "workflow_scripts"), keep=keep)
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        )
        return int(done.stdout)

    assert faults(keep=True) < faults(keep=False) / 4
