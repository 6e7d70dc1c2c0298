#!/usr/bin/env python3
"""A real Slurm on this machine, for tests: two CPU nodes, and a node with two make-believe GPUs.

    tests/slurm/cluster.py start DIR      install what is missing, start, wait for three idle nodes
    tests/slurm/cluster.py start DIR --accounting     the same with slurmdbd and MariaDB
    tests/slurm/cluster.py status DIR     say what runs
    tests/slurm/cluster.py stop DIR       end every process that start or a job began, nothing else

`eval "$(tests/slurm/cluster.py start DIR)"` lets sbatch, squeue and `snakemake --profile slurm` in
this shell speak to it.
Ports are chosen at start and munge gets a socket of its own, so that several such clusters, or a
real one, can share a machine. Only installing the Debian packages needs root.
"""

import argparse
import contextlib
import getpass
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from configuration import NODES, PATH, Unavailable, install, write_configuration

DAEMONS = ["munged", "slurmctld", "slurmd", "slurmdbd", "mariadbd"]
ACCOUNT = "idbias"
# A socket's path has at most 107 bytes, and slurmd's end in /state/slurmd.cpu1/cpu1_12345.4294967291: where they
# do not fit, the nodes are idle and no job ever begins.
LONGEST_FOLDER = 107 - len("/state/slurmd.cpu1/cpu1_12345.4294967291")


def environment(directory):
    """The environment in which Slurm's commands speak to the cluster in `directory`."""
    directory = Path(directory).resolve()
    env = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "SBATCH_"))}
    path = f"{directory}/bin:" + PATH.removeprefix(f"{directory}/bin:")
    return {**env, "PATH": path, "SLURM_CONF": f"{directory}/slurm.conf"}


def processes(directory, daemons=True, jobs=True, node=None):
    """{pid: name} of this cluster's living daemons and its jobs' processes, of one node or of all.

    Ours is what was started with our SLURM_CONF. Pid files are not asked: after an unclean end they
    are stale, and the number may be another program's by now.
    """
    conf = os.fsencode(environment(directory)["SLURM_CONF"])
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            name = (process / "comm").read_text().strip()
            pairs = (process / "environ").read_bytes().split(b"\0")
            env = dict(pair.split(b"=", 1) for pair in pairs if b"=" in pair)
            on_node = os.fsdecode(env.get(b"SLURMD_NODENAME", b""))
            in_job = name == "slurmstepd" or b"SLURM_JOB_ID" in env
            wanted = daemons if name in DAEMONS else jobs and in_job
            if wanted and env.get(b"SLURM_CONF") == conf and node in (None, on_node):
                found[int(process.name)] = name
    return found


def node_states(directory):
    """{node: state} as sinfo gives it; empty where the controller does not answer."""
    if "slurmctld" not in processes(directory, jobs=False).values():
        return {}  # sinfo would search the network for a controller, for up to a minute
    command = ["sinfo", "--noheader", "--Node", "--format=%N %t"]
    done = subprocess.run(command, env=environment(directory), capture_output=True, text=True)
    return dict(line.split() for line in done.stdout.splitlines()) if done.returncode == 0 else {}


def wait_until(condition, seconds):
    """Waits until `condition()` holds. Returns False if it does not within `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def end(pids, how):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)


def start_node(directory, node):
    """Starts a node's slurmd, the first time or after `kill_node`."""
    env = {**environment(directory), "SLURMD_NODENAME": node}
    subprocess.run(["slurmd", "-N", node], env=env, check=True)


def kill_node(directory, node):
    """Takes a node down in mid-job: its slurmd and all that runs there die by SIGKILL at once."""
    end(processes(directory, node=node), signal.SIGKILL)


def start_accounting(directory):
    """Starts MariaDB and slurmdbd, and gives this user an account. Raises RuntimeError."""
    env, data = environment(directory), directory / "state/mariadb"
    quiet = {"env": env, "check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    options = ["--no-defaults", f"--datadir={data}", f"--user={getpass.getuser()}"]
    subprocess.run(["mariadb-install-db", *options, "--skip-test-db"], **quiet)
    (directory / "state/user.sql").write_text(
        "CREATE USER slurm@localhost IDENTIFIED BY 'slurm';\nGRANT ALL ON *.* TO slurm@localhost;\n"
    )
    port = re.search(r"StoragePort=(\d+)", (directory / "slurmdbd.conf").read_text())[1]
    options += ["--bind-address=127.0.0.1", f"--port={port}", f"--socket={directory}/run/mariadb"]
    options += [
        f"--init-file={directory}/state/user.sql",
        f"--log-error={directory}/log/mariadb.log",
    ]
    options += [f"--pid-file={directory}/run/mariadb.pid", "--innodb-buffer-pool-size=64M"]
    subprocess.Popen(
        ["mariadbd", *options], start_new_session=True, env=env, stderr=subprocess.DEVNULL
    )
    if not wait_until(lambda: answers(port), 60):
        raise RuntimeError("MariaDB did not come up within 60 seconds")
    subprocess.run(["slurmdbd"], env=env, check=True)
    add = ["sacctmgr", "-i", "add"]
    cluster = [*add, "cluster", "idbias_test"]
    if not wait_until(
        lambda: subprocess.run(cluster, env=env, capture_output=True).returncode == 0, 60
    ):
        raise RuntimeError("slurmdbd did not come up within 60 seconds")
    subprocess.run([*add, "account", ACCOUNT], **quiet)
    subprocess.run([*add, "user", getpass.getuser(), f"account={ACCOUNT}"], **quiet)


def answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", int(port)), 1):
        return True
    return False


def start(directory, accounting=False, settings=()):
    """Starts the cluster in `directory` and returns once its three nodes are idle.

    A cluster that already answers there is left as it is, with its jobs; the remains of one that
    came to an unclean end are ended first. Raises Unavailable where this machine cannot have one,
    ValueError where the folder's path is too long for sockets in it, RuntimeError with the end of the
    logs if it does not come up within 60 seconds.
    """
    directory = Path(directory).resolve()
    if len(os.fsencode(directory)) > LONGEST_FOLDER:
        raise ValueError(
            f"The path of the test cluster's folder has more than {LONGEST_FOLDER} bytes, too long for sockets: "
            f"{directory}"
        )
    install(accounting)
    if node_states(directory):
        return
    stop(directory)
    write_configuration(directory, accounting, settings)
    env, run, log = environment(directory), directory / "run", directory / "log"
    munge = [f"--socket={run}/munge.socket", f"--key-file={run}/munge.key"]
    munge += [f"--pid-file={run}/munged.pid", f"--seed-file={run}/munge.seed"]
    munged = ["munged", "--force", *munge, f"--log-file={log}/munged.log"]
    subprocess.run(munged, env=env, check=True, stderr=subprocess.DEVNULL)
    if accounting:
        shutil.rmtree(directory / "state/mariadb", ignore_errors=True)
        start_accounting(directory)
    subprocess.run(["slurmctld", "-c"], env=env, check=True)  # -c: no jobs of an earlier life
    for node in NODES:
        start_node(directory, node)
    if not wait_until(lambda: node_states(directory) == dict.fromkeys(NODES, "idle"), 60):
        logs = [f"{f.name}: {line}" for f in log.glob("*.log") for line in tail(f)]
        stop(directory)
        raise RuntimeError("Slurm did not come up within 60 seconds:\n" + "\n".join(logs))


def tail(file, lines=5):
    return file.read_text(errors="replace").splitlines()[-lines:]


def stop(directory):
    """Ends this cluster's jobs and daemons, by scancel and SIGTERM, then by SIGKILL."""
    directory = Path(directory).resolve()
    if node_states(directory):
        scancel = ["scancel", "--quiet", "--user", getpass.getuser()]
        subprocess.run(scancel, env=environment(directory), stderr=subprocess.DEVNULL)
        wait_until(lambda: not processes(directory, daemons=False), 5)
    end(processes(directory, daemons=False), signal.SIGKILL)
    end(processes(directory), signal.SIGTERM)
    if not wait_until(lambda: not processes(directory), 10):
        end(processes(directory), signal.SIGKILL)
        wait_until(lambda: not processes(directory), 5)


@contextlib.contextmanager
def running(directory=None, accounting=False, settings=()):
    """A cluster for a `with` block; gives its folder. Without one, a temporary folder is used."""
    with tempfile.TemporaryDirectory(prefix="idbias-slurm-") as temporary:
        directory = Path(directory or temporary).resolve()
        start(directory, accounting, settings)
        try:
            yield directory
        finally:
            stop(directory)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["start", "status", "stop"])
    parser.add_argument("directory", type=Path, metavar="DIR")
    parser.add_argument("--accounting", action="store_true", help="with slurmdbd and MariaDB")
    arguments = parser.parse_args()
    directory = arguments.directory.resolve()
    if arguments.what == "start":
        try:
            start(directory, arguments.accounting)
        except (Unavailable, ValueError, RuntimeError) as error:
            sys.exit(f"No test cluster: {error}")
        print(f'export SLURM_CONF={directory}/slurm.conf PATH="{directory}/bin:$PATH"')
    elif arguments.what == "stop":
        stop(directory)
    else:
        states = " ".join(f"{node}:{state}" for node, state in node_states(directory).items())
        pids = " ".join(f"{name}:{pid}" for pid, name in processes(directory).items())
        print(f"nodes {states or '(no answer)'}\nprocesses {pids or '(none)'}")


if __name__ == "__main__":
    main()
