"""docs/own_data.md from an empty folder, the workflow elsewhere: every block as it stands, no failed command."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import ROOT, lay_over

PAGE = ROOT / "docs/own_data.md"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)


def run(command, folder):
    """Run a line of the page in `folder`; return what it printed."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "IDBIAS": str(ROOT), "PATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def written(folder):
    """Write the page's files into `folder`."""
    for block in [*blocks("python"), *blocks("yaml")]:
        name = re.match(r"# ([\w.]+)\n", block)
        if name:
            (folder / name[1]).write_text(block, encoding="utf-8")


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """The page, run: (folder, command -> what it printed)."""
    folder = tmp_path_factory.mktemp("own")
    written(folder)
    lines = [line for block in blocks("console") for line in block.splitlines()]
    commands = [line for line in lines if not line.startswith("export ")]
    assert len(commands) <= 6
    return folder, {command: run(command, folder) for command in commands}


@pytest.mark.long
def test_the_page_ends_in_a_row_without_a_failed_command(own):
    folder, said = own
    row = pd.read_csv(folder / "results/tables/correlations.csv").iloc[0]
    assert row.classifier == "textures"
    assert row.test_accuracy > 0.9
    assert row.attack_success > 0.3
    assert row.pairs > 20
    assert pd.notna(row.z)
    dry, real, part, program = list(said.values())[2:]
    assert re.search(r"^adversarial_mask_shard +1$", dry, re.M)
    assert re.search(r"classifier done: photographs, textures.*\n +test accuracy", real)
    assert "WARNING" not in real
    assert "Nothing to be done" in part
    assert program.strip().endswith("class 1"), "grass is the second of brick, grass, sand, water"


@pytest.mark.long
def test_masks_that_collapse_end_in_a_row_with_a_reason(own):
    folder, _ = own
    settings = yaml.safe_load((folder / "mine.yaml").read_text(encoding="utf-8"))
    lay_over(
        settings,
        {
            "masks": {"penalty": 100.0, "max_steps": 600},
            "datasets": {"photographs": {"images": 40}},
        },
    )
    (folder / "collapsed.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    target = "results/photographs/textures/correlations/signed_gradient/row.csv"
    run(f"snakemake -s $IDBIAS/Snakefile --configfile collapsed.yaml --cores 2 -- {target}", folder)
    row = pd.read_csv(folder / target).iloc[0]
    assert row.get("z") is None
    assert isinstance(row.reason, str)
