"""Results that are not what the configuration asks for are refused where they are read."""

import os
import shutil

import pytest
import yaml
from conftest import ROOT

from idbias import files
from idbias.config import layout
from idbias.config.checking import check
from idbias.config.made_with import made_with
from idbias.errors import InputError
from idbias.provenance import GIVEN, described, replaced
from idbias.report.table_rows import join
from idbias.stage import _check_made_with

SHARD = {"experiment": "digits", "classifier": "small_cnn", "attack": "fmn", "shard": "00000-00499"}


@pytest.fixture(scope="module")
def experiments():
    return check(yaml.safe_load((ROOT / "config.yaml").read_text()))


def test_every_file_says_what_the_configuration_asks_of_it(experiments):
    digits = experiments["digits"]
    classifier = made_with(layout.CLASSIFIER.format(**SHARD), experiments)
    assert classifier["seed"] == digits.seed
    assert classifier["settings"] == digits.classifiers["small_cnn"].settings
    attack = made_with(layout.shard_of(layout.ATTACK).format(**SHARD), experiments)
    assert attack["settings"] == digits.attacks["fmn"].settings
    assert attack["shard"] == SHARD["shard"]
    essential = made_with(layout.shard_of(layout.ESSENTIAL).format(**SHARD), experiments)
    adversarial = made_with(layout.shard_of(layout.ADVERSARIAL).format(**SHARD), experiments)
    assert (essential["attack"], adversarial["attack"]) == (None, "fmn")
    whole = made_with(layout.WHOLE.format(stage="masks/adversarial/fmn", **SHARD), experiments)
    assert whole["stage"] == "masks/adversarial/fmn"
    assert whole["settings"] == digits.masks.model_dump()
    assert made_with("results/other/small_cnn/classifier.h5", experiments) == {}
    assert made_with("results/digits/dataset.h5", experiments) == {}


def test_a_file_of_other_settings_is_refused_with_what_differs(tmp_path):
    path = str(tmp_path / "00000-00009.h5")
    settings = {"epsilon": 0.15, "attack": "LinfPGD"}
    files.write(path, {"index": range(10)}, {"attack": "pgd", "settings": settings, "seed": 0})
    _check_made_with({path: {"attack": "pgd", "control": None, "settings": settings, "seed": 0}})
    for name, value, said in (
        ("settings", {**settings, "epsilon": 0.3}, "its epsilon is 0.15, not 0.3"),
        ("attack", None, "its attack is pgd, not None"),
        ("attack", "fmn", "its attack is pgd, not fmn"),
        ("seed", 1, "its seed is 0, not 1"),
        ("control", "noise", "its control is None, not noise"),
    ):
        with pytest.raises(InputError, match=said):
            _check_made_with({path: {name: value}})
    _check_made_with({path: {"classifier": "small_cnn"}})  # an earlier idbias did not write it


def test_results_without_snakemake_s_records_are_looked_at(finished, tmp_path):
    """A copied folder: Snakemake has nothing to compare, and the table would name the new epsilon."""
    project = finished.clone(tmp_path / "copy")
    shutil.rmtree(project.folder / ".snakemake")
    project.configure({"masks": {"penalty": 0.02}})
    for table in (project.folder / "results/tables").glob("attacks.*"):
        table.unlink()
    project.snakemake("results/tables/attacks.md")  # knows nothing of masks
    (project.folder / "results/digits/small_cnn/correlations/fmn/pairs.h5").unlink()
    done = project.snakemake("results/digits/small_cnn/correlations/fmn/pairs.h5", check=False)
    assert done.returncode
    assert "its penalty is 0.01, not 0.02" in done.stdout + done.stderr


def test_a_file_in_place_of_another_is_noticed_though_it_is_older(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given, result = tmp_path / "net.pth", tmp_path / "classifier.h5"
    given.write_bytes(b"first")
    files.write(result, {"index": range(3)}, {GIVEN: described(["net.pth"])})
    assert replaced(result, ["net.pth", None]) is None
    shutil.copy2(given, tmp_path / "other.pth")
    os.utime(given, (1, 1))  # the same bytes, of another date
    assert replaced(result, ["net.pth"]) is None
    given.write_bytes(b"other")
    assert replaced(result, ["net.pth"]) is None  # newer: Snakemake makes the result again
    os.utime(given, (1, 1))
    assert replaced(result, ["net.pth"]) == "net.pth"
    given.unlink()
    assert replaced(result, ["net.pth"]) is None  # may be gone


def test_a_row_of_another_experiment_or_without_a_row_is_refused(tmp_path):
    path = tmp_path / "results/mine/small_cnn/correlations/fmn/row.csv"
    path.parent.mkdir(parents=True)
    path.write_text("experiment,z\nother,-3\n")
    with pytest.raises(InputError, match="was made for the experiment other"):
        join([path])
    path.write_text("experiment,z\n")
    with pytest.raises(InputError, match="empty or cut short"):
        join([path])
    path.write_text("experiment,z\nmine,-3\n")
    assert list(join([path])["z"]) == [-3]
