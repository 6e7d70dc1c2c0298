"""What each environment of envs/ holds, and which rules' scripts it is for."""

import json
import os
import re
import sys
import tempfile
from functools import cache
from importlib import metadata
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent


def packages(path):
    """{package: version} that pip installs in an environment."""
    (pip,) = (
        d["pip"] for d in yaml.safe_load(path.read_text())["dependencies"] if isinstance(d, dict)
    )
    return dict(re.fullmatch(r"([\w.-]+)==(\S+)", line).groups() for line in pip)


def environment_of_scripts():
    """{script: environment} as the rules say."""
    found = {}
    for file in sorted((ROOT / "rules").glob("*.smk")):
        for rule in re.split(r"^(?=(?:use )?rule )", file.read_text(), flags=re.M):
            if script := re.search(r'script:\s+"../workflow_scripts/(\w+\.py)"', rule):
                environment = re.search(r'conda:\s+"../envs/(\w+)\.yaml"', rule)[1]
                assert found.setdefault(script[1], environment) == environment, script[1]
    return found


def closure(names):
    """Distributions that installing `names` brings, themselves among them."""
    found, left = set(), [canonicalize_name(name) for name in names]
    while left:
        name = left.pop()
        if name in found:
            continue
        found.add(name)
        try:
            wanted = [Requirement(text) for text in metadata.requires(name) or []]
        except metadata.PackageNotFoundError:  # of another system, or of CUDA
            continue
        left += [
            canonicalize_name(w.name)
            for w in wanted
            if not w.marker or w.marker.evaluate({"extra": ""})
        ]
    return found


@cache
def lacking():
    """{environment: modules that it lacks and this Python has}."""
    modules = metadata.packages_distributions()
    found = {}
    for path in sorted((ROOT / "envs").glob("*.yaml")):
        has = closure(packages(path))
        found[path.stem] = sorted(
            module
            for module, owners in modules.items()
            # Scripts bring the library with them, installed as a package or not.
            if module != "idbias" and not any(canonicalize_name(owner) in has for owner in owners)
        )
    return found


@cache
def limits():
    """Variables under which a rule's script has only its environment's packages (limited/sitecustomize.py)."""
    content = {script: lacking()[name] for script, name in environment_of_scripts().items()}
    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False, encoding="utf-8") as file:
        json.dump(content, file)
    path = os.pathsep.join(
        filter(None, [str(ROOT / "tests/limited"), os.environ.get("PYTHONPATH", "")])
    )
    return {"IDBIAS_LIMITED": file.name, "PYTHONPATH": path}


if __name__ == "__main__":
    json.dump(lacking(), sys.stdout, indent=1)
