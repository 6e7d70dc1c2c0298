"""What users write behind `snakemake`, from a folder of their own."""

import os
import subprocess
import sys

import pytest
import yaml
from conftest import ROOT
from mistakes import make_folder

from idbias import tables_aside
from idbias.config.checking import check
from idbias.config.command_line import check_arguments, configuration_files, numbers


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A student's folder, to be in."""
    make_folder(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_numbers_of_the_command_line_are_numbers():
    # As Snakemake reads --config correlation='{shuffles: 100, within: [a, 1]}'.
    given = {"correlation": {"shuffles": "100", "list": ["a", "1"], "text": "8/255"}, "seed": 3}
    config = {"correlation": {"shuffles": "100", "list": ["a", "1"], "text": "8/255", "other": "5"}}
    config["seed"] = 3
    numbers(config, given)
    assert config["correlation"] == {
        "shuffles": 100,
        "list": ["a", 1],
        "text": "8/255",
        "other": "5",
    }


def test_keys_with_dots_and_empty_files_get_a_sentence(folder):
    with pytest.raises(SystemExit, match=r"--config 'masks=\{penalty: 0.1\}'"):
        check_arguments(["snakemake", "--config", "masks.penalty=0.1"])
    (folder / "mine.yaml").write_text("# nothing yet\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"mine\.yaml says nothing"):
        check_arguments(["snakemake", "--configfile", "mine.yaml"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            "--configfile mine.yaml -n --configfile more.yaml",
            "--configfile is given twice, of which only more.yaml would count; write --configfile mine.yaml more",
        ),
        (
            "--config seed=3 -n -C a=1 --config b=2",
            "--config is given 3 times, .*; write --config seed=3 a=1 b=2",
        ),
        (
            "--config seed = 3",
            "--config seed = 3: seed is no KEY=VALUE; .* --config seed=3, and targets before it",
        ),
        ("--config =3", "--config =3: =3 is no KEY=VALUE"),
    ],
)
def test_options_that_snakemake_misreads_get_a_sentence(folder, arguments, said):
    with pytest.raises(SystemExit, match=f"idbias: {said}"):
        check_arguments(["snakemake", *arguments.split()])


def test_octal_numbers_of_the_command_line_stay_text():
    config = {"datasets": {"pictures": {"size": "032"}}}
    numbers(config, {"datasets": {"pictures": {"size": "032"}}})
    assert config["datasets"]["pictures"]["size"] == "032"


def test_what_follows_configfile_is_taken_for_files():
    def files(text):
        return configuration_files(["snakemake", *text.split()])

    assert files("-n --configfile a.yaml tables") == ["a.yaml", "tables"]
    assert files("--configfile a.yaml -- tables") == ["a.yaml"]
    assert files("tables --configfiles a.yaml b.yaml -n -q") == ["a.yaml", "b.yaml"]
    assert files("tables --configfile=a.yaml") == ["a.yaml"]
    assert files("tables -n") == []


def snakemake(folder, *arguments):
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=os.environ)
    return done.returncode, done.stdout + done.stderr


def test_a_target_after_configfile_ends_in_a_sentence(folder):
    code, output = snakemake(folder, "-n", "--configfile", "mine.yaml", "tables")
    assert code != 0
    assert "idbias: --configfile takes all names" in output
    assert "--configfile mine.yaml -- tables" in output
    assert "Traceback" not in output


def test_an_installed_workflow_and_an_own_file_are_enough(folder):
    code, output = snakemake(folder, "-n", "--configfile", "mine.yaml", "--", "tables")
    assert code == 0, output
    assert "essential_mask_shard" in output
    (folder / "mine.yaml").rename(folder / "config.yaml")
    code, again = snakemake(folder, "-n", "tables", "--config", "correlation={shuffles: 100}")
    assert code == 0, again
    assert "essential_mask_shard" in again


def test_tables_of_another_configuration_are_put_aside(tmp_path, capsys):
    for name in (
        "correlations.md",
        "spectra.md",
        "spectra_details.csv",
        "table2.md",
        "accuracies.csv",
    ):
        (tmp_path / name).touch()
    moved = tables_aside.put_aside(["results/tables/correlations.md"], {}, {}, tmp_path)
    assert moved == ["spectra.md", "spectra_details.csv"]
    assert sorted(path.name for path in (tmp_path / "earlier").iterdir()) == moved
    assert "earlier: spectra.md" in capsys.readouterr().out
    assert (tmp_path / "table2.md").exists()


def test_a_table_of_other_settings_does_not_stay_beside_a_new_one(tmp_path):
    """Asked for one table alone, Snakemake leaves the others as they are, of the epsilon of before."""
    raw = yaml.safe_load((ROOT / "config.yaml").read_text())
    wanted = ["results/tables/attacks.md", "results/tables/correlations.md"]
    for name in ("attacks.md", "correlations.md", "table1.md"):
        (tmp_path / name).touch()
    asked = {"attacks": {"digits"}, "correlations": {"digits"}, "table1": {"spiral"}}
    assert tables_aside.put_aside(wanted, asked, check(raw), tmp_path) == []
    raw["masks"]["penalty"] = 0.02
    raw["execution"]["device"] = "cpu"  # decides no number
    of_attacks = {"attacks": {"digits"}}
    assert tables_aside.put_aside(wanted, of_attacks, check(raw), tmp_path) == ["correlations.md"]
