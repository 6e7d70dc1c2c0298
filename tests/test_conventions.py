"""What the ecosystem expects of a project: a schema, the workflow catalogue, releases, CI."""

import json
import re
import subprocess
import sys
import tomllib

import jsonschema
import pytest
import yaml
from conftest import ROOT

from idbias.config.json_schema import json_schema


def read(name):
    return yaml.safe_load((ROOT / name).read_text())


def config_with(path, value):
    config = read("config.yaml")
    *sections, key = path.split(".")
    place = config
    for section in sections:
        place = place[section]
    place[key] = value
    return config


@pytest.fixture(scope="module")
def validator():
    schema = json.loads((ROOT / "config.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_json_schema_is_what_the_models_say():
    assert json.loads((ROOT / "config.schema.json").read_text()) == json_schema(), (
        "idbias/config/schema.py changed; run: make reference"
    )


def test_editors_find_the_schema_in_the_first_line_of_config_yaml():
    first = (ROOT / "config.yaml").read_text().split("\n", 1)[0]
    assert first == "# yaml-language-server: $schema=config.schema.json"


def test_config_yaml_fits_the_schema(validator):
    assert list(validator.iter_errors(read("config.yaml"))) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("masks.penatly", 0.1),
        ("masks.penalty", -1),
        ("masks.penalty", "much"),
        ("masks.spectrum", "third"),
        ("correlation.shuffles", 1),
        ("correlation.mu_fraction", 1.0),
        ("experiments", []),
        ("datasets.digits.source", "didgits"),
        ("datasets.my set", {"source": "digits"}),
        ("attacks.fmn", {"epsilon": 1}),
        ("attacks.fmn.attack", "L2 FMN"),
        ("execution.device", "tpu"),
        ("experiment_blocks.digits.analyses", ["mask"]),
    ],
)
def test_what_the_models_refuse_the_schema_refuses(validator, path, value):
    errors = list(validator.iter_errors(config_with(path, value)))
    assert errors
    where = path.split(".")[:-1]
    assert any(list(map(str, error.absolute_path))[: len(where)] == where for error in errors)


def test_versions_of_a_release_agree():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    citation = read("CITATION.cff")
    assert citation["version"] == version
    entries = re.findall(
        r"^## \[?([\w.]+)\]?(?:, (\d{4}-\d\d-\d\d))?$", (ROOT / "CHANGELOG.md").read_text(), re.M
    )
    assert entries[0] == ("Unreleased", "")
    assert entries[1] == (version, str(citation["date-released"]))


def test_the_workflow_catalogue_finds_what_it_reads():
    """The catalogue's rules for standardised workflows."""
    assert (ROOT / "config/README.md").exists()
    assert list((ROOT / "rules").glob("*.smk"))
    readme = (ROOT / "README.md").read_text().lower()
    assert "snakemake" in readme
    assert "workflow" in readme
    usage = read(".snakemake-workflow-catalog.yml")["usage"]
    assert set(usage) <= {"mandatory-flags", "software-stack-deployment"}
    assert set(usage["mandatory-flags"]) == {"desc", "flags"}
    deployment = usage["software-stack-deployment"]
    assert set(deployment) <= {"conda", "apptainer", "apptainer+conda", "report"}
    assert all(isinstance(value, bool) for value in deployment.values())
    assert deployment["report"]


def test_the_catalogues_snakefile_plans_what_the_other_does(tmp_path):
    """As a deployed copy is used, from another folder."""
    command = [sys.executable, "-m", "snakemake", "-n", "table1", "-s"]
    plans = [
        subprocess.run([*command, ROOT / file], cwd=tmp_path, capture_output=True, text=True).stdout
        for file in ("Snakefile", "workflow/Snakefile")
    ]
    counts = [re.findall(r"^(\w+) +(\d+)$", plan, re.M) for plan in plans]
    assert len(counts[0]) > 8
    assert counts[0] == counts[1]


def test_a_release_is_published_by_a_tag():
    (job,) = read(".github/workflows/release.yml")["jobs"].values()
    script = "\n".join(step.get("run", "") for step in job["steps"])
    assert 'gh release create "$GITHUB_REF_NAME"' in script
    # What its first step asks for, for the version of today.
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f'version = "{version}"' in (ROOT / "pyproject.toml").read_text().splitlines()
    assert f"version: {version}" in (ROOT / "CITATION.cff").read_text().splitlines()


def test_ci_runs_what_must_hold_before_anything_lands():
    workflow = read(".github/workflows/ci.yml")
    # YAML 1.1 reads the key `on` as true.
    assert {"push", "pull_request"} <= set(workflow[True])
    (job,) = workflow["jobs"].values()
    assert job["runs-on"].startswith("ubuntu")
    assert job["timeout-minutes"] <= 90
    assert job["steps"][0]["uses"].startswith("actions/checkout@")
    versions = job["strategy"]["matrix"]["python"]
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert required == f">={versions[0]},<3.{int(versions[-1][2:]) + 1}"
    # The image has a Python of Debian's as well.
    assert (job["container"], job["env"]["PYTHON"]) == (
        "python:${{ matrix.python }}-bookworm",
        "python${{ matrix.python }}",
    )
    assert "bash .ci/run" in [step.get("run") for step in job["steps"]]
