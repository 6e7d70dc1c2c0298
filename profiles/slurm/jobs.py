"""What the commands in bin/ share: Slurm's own commands, and a memory of what was submitted.

A folder for each run of Snakemake, .snakemake/slurm/NAME (NAME is the name of all its jobs), holds
jobs: a line of JSON for each job, written when it was submitted;
ID.exit: "code start end" (seconds since 1970), written by the job itself when it ends;
doubts: {id: since when nobody knows of it};
now: how many jobs run and wait, and why they wait, at the last question; how those that are over ended.
Python 3.6 and later, standard library: this may be run by the system's Python.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Seconds that Slurm may take to answer. The executor plugin forgets its jobs if nothing comes within 60.
PATIENCE = float(os.environ.get("IDBIAS_SLURM_PATIENCE", "25"))
# Days until what is remembered of a run is removed.
REMEMBERED_DAYS = 30


def next_on_path(command):
    """Path of Slurm's own `command`, which one of ours hides; None where there is none."""
    ours = Path(__file__).resolve().parent / "bin" / command
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        found = shutil.which(command, path=folder)
        if found and Path(found).resolve() != ours:
            return found
    return None


def own(command):
    """The same, for a command that there must be. Ends the program where there is none."""
    return next_on_path(command) or sys.exit(
        f"{command}: not found on the PATH: is this a machine that submits to Slurm?"
    )


def ask(command, *arguments):
    """The lines that one of Slurm's own commands prints; None if it fails, hangs or is not there."""
    path = next_on_path(command)
    if path is None:
        return None
    try:
        done = subprocess.run(
            [path, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            universal_newlines=True,
            timeout=PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.splitlines() if done.returncode == 0 else None


def option(arguments, *names):
    """Value of an option, written "--name value" or "--name=value"; None without."""
    for before, argument in zip(["", *arguments], arguments):
        if before in names:
            return argument
        for name in names:
            if argument.startswith(name + "="):
                return argument[len(name) + 1 :]
    return None


def folder_of(name, make=False):
    """Folder that remembers the run whose jobs are called `name`; None if there is, or can be, none."""
    if not re.match(r"[\w-]+$", name or ""):
        return None
    # Where results have no room, a folder that nodes do not see is better than none.
    for base in (Path(".snakemake/slurm"), Path(tempfile.gettempdir(), f"idbias-{os.getuid()}")):
        folder = base.absolute() / name
        try:
            if make and not folder.is_dir():
                folder.mkdir(parents=True, exist_ok=True)
                _forget_old(base)
            if make:
                (folder / "jobs").open("a").close()
            if folder.is_dir():
                return folder
        except OSError:
            continue
    return None


def _forget_old(base):
    for folder in base.iterdir():
        if time.time() - folder.stat().st_mtime > REMEMBERED_DAYS * 86400:
            shutil.rmtree(str(folder), ignore_errors=True)


def remember(folder, **job):
    """Note a job that was submitted: its id and what was asked for."""
    try:
        with (folder / "jobs").open("a", encoding="utf-8") as file:
            file.write(json.dumps(job) + "\n")
    except OSError as error:
        say(f"what was submitted cannot be noted in {folder} ({error.strerror})")


def submitted(folder):
    """{id: what was asked for} of the jobs of a run, in the order of submission."""
    found = {}
    try:
        for line in (folder / "jobs").read_text().splitlines():
            try:
                job = json.loads(line)
            except ValueError:  # cut off by a full disk
                continue
            found[job["id"]] = job
    except OSError:
        pass
    return found


def ending(folder, job):
    """(exit code, start, end) as the job itself noted; None if it did not."""
    try:
        code, start, end = (folder / (job + ".exit")).read_text().split()
        return int(code), int(start), int(end)
    except (OSError, ValueError):
        return None


def read(file):
    """What a JSON file of the memory holds; {} if there is none."""
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError):
        return {}


def write(file, content):
    """Write a JSON file of the memory, if that can be."""
    try:
        new = file.with_name(file.name + ".new")
        new.write_text(json.dumps(content))
        new.replace(file)
    except OSError:
        pass


def say(text, log="logs/slurm/waits.log"):
    """Tell the user: on the terminal, where there is one, and in a log."""
    for file in (log, "/dev/tty"):
        try:
            with open(file, "a", encoding="utf-8") as out:
                print(f"{time.strftime('%H:%M:%S')}  {text}", file=out)
        except OSError:
            continue
