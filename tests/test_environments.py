"""The environments of envs/, one a kind of stage, against the lock and the rules that name them."""

import re

import pytest
import yaml
from conftest import ROOT

ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))
# A build for processors alone adds "+cpu".
LOCKED = {
    name.lower().replace("_", "-"): version.removesuffix("+cpu")
    for name, version in re.findall(
        r"^([\w.-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.M
    )
}


def packages(path):
    """{package: version} that pip installs in an environment."""
    (pip,) = (
        d["pip"] for d in yaml.safe_load(path.read_text())["dependencies"] if isinstance(d, dict)
    )
    return dict(re.fullmatch(r"([\w.-]+)==(\S+)", line).groups() for line in pip)


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_an_environment_has_the_pins_of_the_lock(path):
    pins = {name.lower().replace("_", "-"): version for name, version in packages(path).items()}
    assert pins.items() <= LOCKED.items()
    assert "snakemake" in pins, "a script's preamble loads it"


@pytest.mark.parametrize("stage", ["correlation", "report"])
def test_tables_and_correlations_need_no_torch(stage):
    assert not {"torch", "foolbox"} & packages(ROOT / f"envs/{stage}.yaml").keys()


def test_every_rule_with_a_script_names_an_environment_and_each_is_used():
    named = set()
    for file in (ROOT / "rules").glob("*.smk"):
        for rule in re.split(r"^(?=(?:use )?rule )", file.read_text(), flags=re.M):
            if "    script:" in rule:
                named.add(re.search(r'conda:\s+"../envs/(\w+\.yaml)"', rule)[1])
    assert named == {path.name for path in ENVIRONMENTS}
