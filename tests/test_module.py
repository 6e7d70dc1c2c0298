"""The workflow as a module of another one, in another folder."""

import re
import subprocess
import sys

import pytest

IMPORTING = """
configfile: "{project}/config.yaml"

module idbias:
    snakefile: "{project}/Snakefile"
    config: config

use rule * from idbias as idbias_*
"""


@pytest.fixture
def importer(project, tmp_path):
    folder = tmp_path / "importer"
    folder.mkdir()
    (folder / "Snakefile").write_text(IMPORTING.format(project=project.folder))

    def run(*arguments):
        command = [sys.executable, "-m", "snakemake", "--cores", "1", *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    run.folder = folder
    return run


def test_it_plans_its_tables_from_another_folder(importer, project):
    planned = dict(re.findall(r"^idbias_(\w+) +(\d+)$", importer("-n", "idbias_tables"), re.M))
    assert {name: int(count) for name, count in planned.items()} == project.plan("tables")


def test_its_rules_run_and_write_into_that_folder(importer, project):
    importer("results/spiral/dataset.h5")
    assert (importer.folder / "results/spiral/dataset.h5").exists()
    assert not (project.folder / "results").exists()
