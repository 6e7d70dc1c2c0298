#!/usr/bin/env python3
"""Drills: things after which Snakemake would wait for ever, on a real Slurm, with a job of seconds.

    .venv/bin/python tests/slurm/waits.py DIR [--accounting] [preempted] [requeued] [forgotten] [killed]
                                          [account] [partition] [inodes] [silent]

preempted: the partition cancels the job for one of higher priority (PreemptMode=CANCEL).
requeued: the same with REQUEUE: Slurm itself runs the job again.
forgotten: the job ended while Snakemake slept longer than MinJobAge (2 s), so Slurm knows it no more.
killed: likewise, and the job died by SIGKILL, without a word.
account: a slip in the account's name (needs --accounting). partition: in the partition's.
inodes: logs/slurm has no room for one more folder (needs root, for tmpfs).
silent: the controller does not answer for 90 s, while the job ends.

All at once but the last. Says how long after the event Snakemake said or did what it should, and how it
ended; fails where it did not.
"""

import os
import re
import signal
import subprocess
import threading
import time

import cluster
from toy import arguments, run_toy, say, write_toy

# cpu1 and cpu2 each have a partition whose jobs give way to those of "urgent".
SETTINGS = (
    "MinJobAge=2",
    "PreemptType=preempt/partition_prio",
    "PreemptMode=REQUEUE",
    "PartitionName=gives_way Nodes=cpu1 PriorityTier=1 PreemptMode=CANCEL GraceTime=0 State=UP",
    "PartitionName=comes_back Nodes=cpu2 PriorityTier=1 PreemptMode=REQUEUE State=UP",
    "PartitionName=urgent Nodes=cpu1,cpu2 PriorityTier=10 PreemptMode=OFF State=UP",
)
TOY = """
rule all:
    input: "made"

rule work:
    output: "made"
    resources: mem_mb=1000, runtime=5
    shell: "date +%s >> began; if [ $(wc -l < began) = 1 ]; then FIRST; fi; echo done > {output}"
"""
# What the job does at its first try, and where; what is in the site block; seconds until the first question.
LONG, SHORT = "sleep 300", "sleep 2"
DRILLS = {
    "preempted": (LONG, {"cpu_partition": "gives_way"}, 1),
    "requeued": (LONG, {"cpu_partition": "comes_back"}, 1),
    "forgotten": (SHORT, {"cpu_partition": "gpu"}, 100),
    "killed": (
        "scancel --full --signal=KILL $SLURM_JOB_ID; sleep 60",
        {"cpu_partition": "gpu"},
        100,
    ),
    "account": (SHORT, {"cpu_partition": "gpu", "account": "idbais"}, 1),
    "partition": (SHORT, {"cpu_partition": "gppu"}, 1),
    "inodes": (SHORT, {"cpu_partition": "gpu"}, 1),
    "silent": (SHORT, {"cpu_partition": "gpu"}, 1),
}

SENTENCES = r"(?i)SLURM status is: '\w+'|invalid partition[^\n']*|appears to be invalid|No space left on device"
# Snakemake's exit code, and how often the job began.
WANTED = {
    "preempted": (0, 2), "requeued": (0, 2), "forgotten": (0, 1), "killed": (0, 2), "account": (1, 0),
    "partition": (1, 0), "inodes": (1, 0), "silent": (0, 1),
}  # fmt: skip


class Drill:
    """A run of Snakemake in a folder of its own, on the shipped profile."""

    def __init__(self, name, base, status):
        first, site, self.pause = DRILLS[name]
        self.name, self.folder, self.status = name, base / name, status
        self.event = self.over = None
        write_toy(self.folder, TOY.replace("FIRST", first), site)

    def start(self):
        retries = "1" if self.name in {"preempted", "killed"} else "0"
        self.run = run_toy(
            self.folder,
            *("--slurm-init-seconds-before-status-checks", str(self.pause)),
            *("--slurm-status-command", self.status, "--latency-wait", "5", "--retries", retries),
        )
        self.event = time.time()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        self.run.wait()
        self.over = time.time()

    def began(self):
        """When each try of the job began."""
        file = self.folder / "began"
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    def happens(self):
        """Bring about what is to be tried, once the job runs."""
        if self.name not in {"preempted", "requeued", "forgotten", "killed"}:
            return
        cluster.wait_until(lambda: self.began() or self.over, 300)
        if node := {"preempted": "cpu1", "requeued": "cpu2"}.get(self.name):
            urgent = f"sbatch -p urgent -w {node} --exclusive --mem=0 -o /dev/null --wrap"
            subprocess.run([*urgent.split(), "sleep 1"], check=True, stdout=subprocess.DEVNULL)
            self.event = time.time()
        elif began := self.began():
            self.event = began[0]

    def judged(self):
        """(how it ended, in words, whether as it should), once it has."""
        text = (self.folder / "output").read_text()
        said = re.findall(SENTENCES, text)
        tries = len(self.began())
        good = (self.run.returncode, tries) == WANTED[self.name] and (
            self.run.returncode == 0 or bool(said)
        )
        words = f"; it said: {said[0]}" if said else ""
        took = f"{self.over - self.event:.0f} s after"
        return f"ended with {self.run.returncode}, {took}; {tries} tries of the job{words}", good


def all_ended(drills, seconds=600):
    """Say how each drill ended, as it does; kill what waits still after `seconds`. Gives names of the bad."""
    bad, left, end = [], list(drills), time.time() + seconds
    while left:
        time.sleep(0.5)
        for drill in list(left):
            if drill.over is None and time.time() < end:
                continue
            left.remove(drill)
            if drill.over is None:
                drill.run.kill()
                say(f"{drill.name}: waits still, {time.time() - drill.event:.0f} s after")
                bad.append(drill.name)
                continue
            words, good = drill.judged()
            say(f"{drill.name}: {words}")
            bad += [] if good else [drill.name]
    return bad


def no_inodes(folder):
    """logs/slurm on a disk that has no inode left; gives a function that takes it away."""
    logs = folder / "logs/slurm"
    logs.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "nr_inodes=1", "tmpfs", str(logs)], check=True)
    return lambda: subprocess.run(["umount", "-l", str(logs)], check=False)


def silent(directory, drill):
    """Halt the controller once the job runs; let it go on 90 s later."""
    drill.start()
    cluster.wait_until(drill.began, 120)
    controller = [
        p for p, n in cluster.processes(directory, jobs=False).items() if n == "slurmctld"
    ]
    cluster.end(controller, signal.SIGSTOP)
    time.sleep(90)
    cluster.end(controller, signal.SIGCONT)
    drill.event = time.time()


def main():
    given = arguments(__doc__, DRILLS)
    base = given.directory
    chosen = given.drills or [name for name in DRILLS if name != "account" or given.accounting]
    take_away = None
    with cluster.running(base / "cluster", given.accounting, SETTINGS) as directory:
        os.environ.update(cluster.environment(directory))
        status = "sacct" if given.accounting else "squeue"
        drills = {name: Drill(name, base, status) for name in chosen}
        at_once = [drill for name, drill in drills.items() if name != "silent"]
        try:
            for drill in at_once:
                if drill.name == "inodes":
                    take_away = no_inodes(drill.folder)
                drill.start()
            for drill in sorted(at_once, key=lambda drill: drill.name == "forgotten"):
                drill.happens()
            bad = all_ended(at_once)
        finally:
            if take_away:
                take_away()
        if "silent" in drills:
            silent(directory, drills["silent"])
            bad += all_ended([drills["silent"]])
    if bad:
        raise SystemExit(f"Failed: {', '.join(bad)}; see output in the folders of {base}")


if __name__ == "__main__":
    main()
