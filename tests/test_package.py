"""idbias as a package: installed into a fresh environment, its command, its functions, a job by hand."""

import doctest
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT

import idbias
from idbias import api, job


def test_the_examples_of_the_functions_are_true():
    found = doctest.testmod(api)
    assert found.attempted >= 10
    assert found.failed == 0


def test_the_package_has_the_functions_and_says_which():
    assert idbias.correlate is api.correlate
    assert set(idbias.FUNCTIONS) <= set(dir(idbias))
    with pytest.raises(AttributeError, match="it has attack, correlate"):
        idbias.corelate  # noqa: B018


@pytest.mark.long
def test_it_is_installed_into_a_fresh_environment_and_tests_two_arrays(tmp_path):
    def run(*command):
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        ).stdout

    # Building leaves files behind: not in this tree.
    for part in ("pyproject.toml", "workflow_scripts"):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, tmp_path / part)
    bin_of = tmp_path / "venv/bin"
    run(sys.executable, "-m", "venv", "venv")
    constraint = ROOT / "requirements.lock"
    run(bin_of / "pip", "install", "--quiet", "--constraint", constraint, tmp_path)
    installed = run(bin_of / "pip", "list", "--format=freeze")
    assert "torch==" not in installed, "who wants the test alone needs no torch"
    assert "snakemake==" not in installed
    angle = np.random.default_rng(0).uniform(0, 6, 200)
    np.save(tmp_path / "a.npy", np.cos(angle))
    np.save(tmp_path / "b.npy", np.sin(angle))
    printed = run(bin_of / "idbias-correlate", "a.npy", "b.npy", "--shuffles", "20")
    (z,) = (float(line.split()[1]) for line in printed.splitlines() if line.split()[0] == "z")
    assert z < -3


def test_a_job_runs_by_hand_as_snakemake_runs_it(finished, tmp_path, monkeypatch):
    workflow = finished.clone(tmp_path / "by_hand")
    monkeypatch.chdir(workflow.folder)
    table = workflow.folder / "results/tables/table1.csv"
    before = table.read_bytes()
    table.unlink()
    environment = {**os.environ, "PYTHONPATH": "workflow_scripts"}
    command = [sys.executable, "-m", "idbias.job", "paper_table"]
    subprocess.run([*command, "number=1"], env=environment, check=True)
    assert table.read_bytes() == before
    wrong = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert wrong.returncode == 2
    assert "the rule paper_table has the wildcards number, not none" in wrong.stderr
    assert "there is no rule" in subprocess.run(
        [*command[:-1], "papper"], env=environment, capture_output=True, text=True
    ).stderr  # fmt: skip
    assert job.SNAKEFILE.exists()
