"""requirements.lock: complete, without contradictions but the one that is meant, installed, and importable."""

import re
import subprocess
import sys
from importlib import metadata

import pytest
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKED = {
    canonicalize_name(name): version
    for name, version in re.findall(
        r"^([\w.-]+)==([^\s;]+)", (ROOT / "requirements.lock").read_text(), re.M
    )
}
# What pyproject.toml leaves out of the plugin's requirements, and why, is said there.
MEANT = {("snakemake-executor-plugin-slurm", "numpy")}
# Asks for an extra of black that nothing here uses.
NOT_HERE = {"blackd"}


def of_cuda(name):
    """Packages that a build of torch for CUDA brings along."""
    return name.startswith(("nvidia-", "cuda-")) or name == "triton"


def contradictions(python):
    """[(package, requirement)] that the lock does not meet on Linux with this version of Python."""
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.2",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "extra": "",
    }
    found = []
    for package in LOCKED:
        for text in metadata.distribution(package).requires or []:
            wanted = Requirement(text)
            name = canonicalize_name(wanted.name)
            if (wanted.marker and not wanted.marker.evaluate(environment)) or of_cuda(name):
                continue
            if name not in LOCKED or not wanted.specifier.contains(LOCKED[name], prereleases=True):
                found.append((package, name))
    return found


@pytest.mark.parametrize("python", ["3.11", "3.12"])
def test_the_lock_has_what_each_package_asks_for(python):
    assert set(contradictions(python)) == MEANT


def test_what_is_installed_is_what_the_lock_says():
    installed = {name: metadata.version(name).split("+")[0] for name in LOCKED}
    assert installed == LOCKED, "install it: make demo does, and so does docs/installation.md"


IMPORT = """
import importlib, sys
failed = []
for module in sys.argv[1:]:
    try:
        importlib.import_module(module)
    except BaseException as error:
        failed.append(f"{module}: {type(error).__name__}: {error}")
print("\\n".join(failed))
"""


@pytest.mark.long
def test_everything_can_be_imported():
    """Also what needs numpy's ABI, and the plugin beside the numpy that it does not ask for."""
    modules = sorted(
        module
        for module, packages in metadata.packages_distributions().items()
        if module.isidentifier()
        and not module.startswith("_")
        and module not in NOT_HERE
        and any(canonicalize_name(package) in LOCKED for package in packages)
    )
    assert {"torch", "dadapy", "foolbox", "snakemake_executor_plugin_slurm"} <= set(modules)
    modules.append("snakemake_executor_plugin_slurm.efficiency_report")
    done = subprocess.run([sys.executable, "-c", IMPORT, *modules], capture_output=True, text=True)
    assert done.stdout.strip() == "", done.stdout
    assert done.returncode == 0, done.stderr


def test_every_package_is_offered_for_both_versions_of_python():
    """The lock is one for both; a package that asks for a newer Python would end the installation."""
    for package in LOCKED:
        asked = metadata.metadata(package)["Requires-Python"]
        if asked:
            allowed = Requirement(f"python{asked}").specifier
            assert allowed.contains("3.11.2"), (package, asked)
            assert allowed.contains("3.12.0"), (package, asked)
