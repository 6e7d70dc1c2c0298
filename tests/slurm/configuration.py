"""What the test cluster needs before it starts: Debian's packages, and its configuration files."""

import getpass
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

NODES = ["cpu1", "cpu2", "gpu1"]
PACKAGES = ["munge", "slurmctld", "slurmd", "slurm-client"]
PROGRAMS = ["munged", "slurmctld", "slurmd", "sbatch", "squeue", "sinfo", "scontrol", "scancel"]
CLIENTS = "sbatch srun squeue scancel scontrol sinfo sacct sacctmgr sshare".split()  # noqa: SIM905
# What accounting needs beside these.
ACCOUNTING_PACKAGES = ["slurmdbd", "mariadb-server"]
ACCOUNTING_PROGRAMS = ["slurmdbd", "mariadbd", "mariadb-install-db", "sacctmgr"]
# Another apt-get may be at work.
OPTIONS = ["-y", "-qq", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"]
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


class Unavailable(Exception):
    """This machine cannot have the test cluster; the message says why."""


def install(accounting=False):
    """Installs the Debian packages where they are missing. Raises Unavailable where it cannot."""
    wanted = PROGRAMS + (ACCOUNTING_PROGRAMS if accounting else [])
    if all(shutil.which(program, path=PATH) for program in wanted):
        return
    packages = " ".join(PACKAGES + (ACCOUNTING_PACKAGES if accounting else []))
    if os.geteuid() != 0:
        raise Unavailable(f"Slurm is missing and only root can apt-get install {packages}")
    if not shutil.which("apt-get"):
        raise Unavailable(f"Slurm is missing and there is no apt-get to install {packages}")
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", *OPTIONS, *packages.split()],
    ):
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        if done.returncode != 0:
            reason = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
            raise Unavailable(f"'{' '.join(command)}' failed: {reason}")


def with_setting(text, line):
    """`text` of slurm.conf with `line` in the place of the one of the same name, partition or node, or added."""
    named = line.startswith(("PartitionName", "NodeName"))
    name = line.split()[0] if named else line.split("=")[0] + "="
    if f"\n{name}" not in text:
        return f"{text}\n{line}\n"
    return re.sub(rf"\n{re.escape(name)}.*", lambda _: f"\n{line}", text)


def write_configuration(directory, accounting=False, settings=()):
    """Writes slurm.conf, gres.conf and slurmdbd.conf, a munge key, and the folders that they name.

    `settings`: further lines of slurm.conf, "Name=value ...", with the same @NAMES@.
    """
    for folder in ("run", "log", "bin", "state/ctld", *(f"state/slurmd.{node}" for node in NODES)):
        (directory / folder).mkdir(parents=True, exist_ok=True)
    (directory / "run").chmod(0o755)  # munged refuses a socket in a folder that others can write
    key = directory / "run/munge.key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(1024))
    sockets = [socket.socket() for _ in range(6)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [str(s.getsockname()[1]) for s in sockets]
    for s in sockets:
        s.close()
    names = ["CTLD_PORT", "CPU1_PORT", "CPU2_PORT", "GPU1_PORT", "DBD_PORT", "MARIADB_PORT"]
    known = dict(zip(names, ports, strict=True))
    known |= {"DIR": str(directory), "USER": getpass.getuser()}
    for file in ("slurm.conf", "slurmdbd.conf"):
        text = Path(__file__).with_name(file).read_text()
        if not accounting:
            text = re.sub("# With accounting:.*", "", text, flags=re.S)
        for line in settings if file == "slurm.conf" else ():
            text = with_setting(text, line)
        for name, value in known.items():
            text = text.replace(f"@{name}@", value)
        (directory / file).touch(mode=0o600)
        (directory / file).write_text(text)
    (directory / "gres.conf").write_text(
        "NodeName=gpu1 Name=gpu Type=a100 File=/dev/null,/dev/zero\n"
    )
    # The executor plugins forget SLURM_CONF, in a job's step and where Snakemake itself is a job, as
    # if slurm.conf were in /etc.
    for client in CLIENTS:
        program = shutil.which(client, path="/usr/bin:" + PATH)
        if program:
            script = directory / "bin" / client
            script.write_text(f'#!/bin/sh\nSLURM_CONF={directory}/slurm.conf exec {program} "$@"\n')
            script.chmod(0o755)
