"""The environments of envs/, one a kind of stage: against the lock, their rules, and the rules' scripts."""

import re
import subprocess
import sys

import environments
import pytest
from conftest import ROOT

ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))
LOCKED = {
    name.lower().replace("_", "-"): version
    for name, version in re.findall(
        r"^([\w.-]+)==([^\s;]+)", (ROOT / "requirements.lock").read_text(), re.M
    )
}


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_an_environment_has_the_pins_of_the_lock(path):
    pins = {
        name.lower().replace("_", "-"): version
        for name, version in environments.packages(path).items()
    }
    assert pins.items() <= LOCKED.items()
    assert "snakemake" in pins, "a script's preamble loads it"


@pytest.mark.parametrize("stage", ["correlation", "report"])
def test_tables_and_correlations_need_no_torch(stage):
    assert not {"torch", "foolbox"} & environments.closure(
        environments.packages(ROOT / f"envs/{stage}.yaml")
    )


def test_every_rule_with_a_script_names_an_environment_and_each_is_used():
    named = set(environments.environment_of_scripts().values())
    assert named == {path.stem for path in ENVIRONMENTS}


def limited(tmp_path, script, code, *arguments):
    """Run `code` as the script of a rule, with only what the rule's environment has."""
    folder = tmp_path / ".snakemake/scripts"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"tmp1.{script}").write_text(code)
    command = [sys.executable, "-W", "ignore", folder / f"tmp1.{script}", *arguments]
    return subprocess.run(command, env={**environments.limits()}, capture_output=True, text=True)


def test_a_script_has_only_what_its_environment_has(tmp_path):
    """All workflows of tests run so: conftest.py. Here, that it is true."""
    assert "torch" in environments.lacking()["correlation"]
    for script, code in (("pair_masks.py", 1), ("train_masks.py", 0)):
        done = limited(tmp_path, script, "import torch")
        assert done.returncode == code, done.stderr
        assert ("No module named 'torch' in the rule's environment" in done.stderr) == (code == 1)


IMPORTS = """
import sys, traceback
sys.path.insert(0, sys.argv[1])
for script in sys.argv[2:]:
    try:
        exec(script)
    except ImportError:
        traceback.print_exc()
"""


@pytest.mark.parametrize("environment", sorted(set(environments.environment_of_scripts().values())))
def test_what_scripts_import_is_in_their_environment(tmp_path, environment):
    """Their imports, those within functions and the `with` of a stage too, and what these import in turn."""
    scripts = [
        s for s, name in environments.environment_of_scripts().items() if name == environment
    ]
    imports = []
    for script in scripts:
        text = (ROOT / "workflow_scripts" / script).read_text()
        found = re.findall(r"^ *((?:from [\w.]+ )?import (?:\([^)]*\)|[^\n(]+))", text, re.M)
        imports.append("\n".join(" ".join(line.split()) for line in found))
        assert imports[-1], script
    done = limited(tmp_path, scripts[0], IMPORTS, str(ROOT / "workflow_scripts"), *imports)
    assert done.returncode == 0
    assert done.stderr == ""
