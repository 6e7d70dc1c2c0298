"""What the drills have in common: their command line, and a small workflow on the shipped profile."""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def arguments(description, drills):
    """The command line of a file of drills; `drills`: their names."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path, metavar="DIR")
    parser.add_argument("--accounting", action="store_true", help="with slurmdbd, and sacct asked")
    parser.add_argument("drills", nargs="*", metavar="DRILL", help=" ".join(drills))
    given = parser.parse_intermixed_args()
    if unknown := set(given.drills) - set(drills):
        parser.error(f"no drill: {', '.join(sorted(unknown))}")
    given.directory = given.directory.resolve()
    return given


def edit_site(profile, changes):
    """Put `changes` (variable -> YAML) into the site block of a copy of the profile."""
    text = profile.read_text()
    for name, value in changes.items():
        text, count = re.subn(
            rf"(?m)^  {name}: .*$", lambda _, n=name, v=value: f"  {n}: {v}", text
        )
        if count != 1:
            raise SystemExit(f"{profile} has {count} lines for {name}")
    profile.write_text(text)


def write_toy(folder, snakefile, changes=()):
    """Write a workflow with the shipped profile, `changes` in its site block, into a new folder."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "profiles/slurm", folder / "profiles/slurm")
    (folder / "slurm").symlink_to("profiles/slurm")
    (folder / "Snakefile").write_text(snakefile)
    edit_site(folder / "profiles/slurm/config.yaml", dict(changes))


def run_toy(folder, *options, path=None, **environment):
    """Start `snakemake --profile slurm` there; what it prints goes to the file `output`.

    `path`: folders of commands, in the place of idbias's own before Slurm's.
    """
    # As the Snakefile does.
    path = f"{folder}/profiles/slurm/bin" if path is None else path
    environment = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}", **environment}
    command = [sys.executable, "-m", "snakemake", "--profile", "slurm", *options]
    with open(folder / "output", "w", encoding="utf-8") as output:
        return subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, env=environment)
