"""The mask jobs of a drill, watched from outside: their checkpoints, their processes, their shards."""

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import cluster
import torch

NAMES = ("00000-00023", "00024-00047")
# What a checkpoint holds when a job is halted, of 24,000 steps that a shard takes.
ENOUGH = 3000


def recorded():
    """{job id: what Slurm noted} of the jobs that it remembers."""
    command = ["scontrol", "show", "job", "-d", "-o"]
    lines = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
    jobs = [dict(re.findall(r"(\S+?)=(\S*)", line)) for line in lines if line.startswith("JobId=")]
    return {int(job["JobId"]): job for job in jobs}


class Masks:
    """Watches the project in `folder` for a `with` block.

    `before`: {shard: steps in its checkpoint when it was halted}, shard as in
    "essential/00000-00023"; `fewest`: the fewest that its checkpoint held since, while there was one;
    `noted`: {job id: (time limit that was asked for, what Slurm noted last)}.
    """

    names = NAMES

    def __init__(self, folder, directory):
        self.folder, self.cluster = folder, directory
        self.before, self.fewest, self.noted = {}, {}, {}
        self.inodes, self.changed = {}, set()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self._look()

    def steps(self, shard):
        """Optimisation steps, summed over the images, that a shard's checkpoint holds."""
        path = self.folder / "scratch/checkpoints/results/digits/small_cnn/masks" / f"{shard}.h5"
        try:
            state = torch.load(path, weights_only=True)["state"]
        except (FileNotFoundError, NotADirectoryError):
            return 0
        finished = state["done"]["step"][state["done"]["finished"]]
        return int(finished.sum()) + sum(int(image["step"]) for image in state["parked"].values())

    @contextlib.contextmanager
    def halted(self, *shards):
        """Halt the Python of the first of `shards` that is at work; gives (shard, job id, pids)."""
        end = time.monotonic() + 1200
        while not (at_work := self._at_work(shards)):
            if time.monotonic() > end:
                raise SystemExit(
                    f"None of {', '.join(shards)} was at work within 20 minutes, see {self.folder}/output"
                )
            time.sleep(0.2)
        shard, _, pids = at_work
        cluster.end(pids, signal.SIGSTOP)
        time.sleep(0.5)
        self.keep(shard)
        try:
            yield at_work
        finally:
            cluster.end(pids, signal.SIGCONT)

    def _at_work(self, shards):
        """(shard, job id, pids) of the first of `shards` that runs and has ENOUGH steps, or None."""
        for shard in shards:
            if self.steps(shard) > ENOUGH and (running := self._running(shard)):
                return shard, *running
        return None

    def keep(self, shard):
        """Remember what the checkpoint of a shard holds now."""
        self.before[shard] = self.fewest[shard] = self.steps(shard)

    def made_anew(self):
        """Shards that changed after they were first seen."""
        return sorted(self.changed)

    def _running(self, shard):
        """(job id, pids) of the running job of a shard, or None."""
        command = ["squeue", "-h", "-t", "RUNNING", "-o", "%i|%k|%Z"]
        output = subprocess.run(command, capture_output=True, text=True).stdout
        kind, name = shard.split("/")[0], shard.split("/")[-1]
        for line in output.splitlines():
            job, comment, workdir = line.split("|")
            if workdir == str(self.folder) and f"{kind}_mask" in comment and name in comment:
                pids = self._python(job)
                return (job, pids) if pids else None
        return None

    def _python(self, job):
        """Pids of the mask scripts of Slurm job `job`."""
        found = []
        for pid in cluster.processes(self.cluster, daemons=False):
            with contextlib.suppress(OSError):
                environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
                if b"train_masks.py" in command and f"SLURM_JOB_ID={job}".encode() in environment:
                    found.append(pid)
        return found

    def _watch(self):
        while not self.over.wait(1):
            self._look()

    def _look(self):
        for number, job in recorded().items():
            limit, _ = self.noted.get(number, (job["TimeLimit"], None))
            self.noted[number] = (limit, job)
        for file in self.folder.glob("results/**/*[0-9]-[0-9]*.h5"):
            with contextlib.suppress(FileNotFoundError):
                # Snakemake touches what a job made; a file made anew takes the old one's place.
                inode = file.stat().st_ino
                if self.inodes.setdefault(file, inode) != inode:
                    self.changed.add(os.path.relpath(file, self.folder))
        for shard in list(self.fewest):
            if steps := self.steps(shard):
                self.fewest[shard] = min(self.fewest[shard], steps)
