"""What every rule's script shares: its log, its threads, its GPU, and how it ends on bad input."""

import errno
import fcntl
import hashlib
import json
import os
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from glob import glob
from itertools import count
from pathlib import Path

from idbias.config.checking import check
from idbias.config.comparisons import by_folder
from idbias.errors import CONFIGURATION, SAID_BY_CONSOLE, InputError
from idbias.machine import in_the_way, keep_freed_memory, private_folders

# Seconds by which the clocks of a node and of a file server may differ.
CLOCKS_DIFFER = 30
HELD = []  # lock files, open until the process ends
GIVEN = ("SLURM_JOB_GPUS", "SLURM_STEP_GPUS")  # environment of a job that Slurm gave GPUs
ELSEWHERE = "outside"  # folder of checkpoints of outputs outside the working directory


@contextmanager
def stage(snakemake, networks=False):
    """Run a rule's script: standard error goes to the rule's log, bad input ends in one sentence.

    Yields the experiment's execution settings (`idbias.config.schema.Execution`), or None for a rule
    without an experiment. Thread counts follow the rule's `threads`; they are set before numerical
    libraries load. An InputError is printed to the log and, by the run's console or here, to the terminal,
    without traceback, and the process exits with 1. Where the log cannot be written the work goes on without.
    networks: whether the script runs networks, for which freed memory is kept; of distances that would hold more.
    """
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(snakemake.threads)
    if networks:
        keep_freed_memory()
    terminal = sys.stderr
    sys.stderr = log = Log(snakemake.log[0])
    try:
        if warning := in_the_way():
            print(warning, file=log)
        _check_times(snakemake.input)
        _check_made_with(getattr(getattr(snakemake, "params", None), "made_with", {}))
        yield _execution(snakemake)
    except InputError as error:
        configuration = os.environ.get(CONFIGURATION) or "config.yaml"
        sentence = f"idbias, rule {snakemake.rule}: {error}".replace("config.yaml", configuration)
        print(sentence, file=log)
        # The console of the run says it, once for all tries, if the log has it.
        if log.cut or not os.environ.get(SAID_BY_CONSOLE):
            print(sentence, file=terminal)
        sys.exit(1)
    except Exception:
        import traceback

        traceback.print_exc(file=log)
        raise
    finally:
        sys.stderr = terminal
        log.close()


def _check_times(paths):
    """Raise InputError if a file that is read is dated in the future, by more than clocks differ."""
    for path in paths:
        try:
            ahead = os.stat(path).st_mtime - time.time()
        except OSError:
            continue  # who reads it says what is wrong
        if ahead > CLOCKS_DIFFER:
            raise InputError(
                f"{path} is dated {ahead:.0f} s in the future: Snakemake would take what is made of it for "
                f"older, and throw the work away; set this machine's clock right, or: touch {path}"
            )


def _check_made_with(expected):
    """Raise InputError if a file was made otherwise than is expected, path -> attributes (config/made_with.py)."""
    if not expected:
        return
    from idbias import files, hdf5

    for path, attributes in expected.items():
        with hdf5.open_to_read(path) as file:
            said = {name: file.attrs.get(name) for name in attributes}
        for name, value in attributes.items():
            wanted = None if value is None else files.attribute(value)
            # An earlier idbias wrote fewer attributes; but what is of an attack always said so.
            unsaid = said[name] is None and name not in ("attack", "control")
            if said[name] != wanted and not unsaid:
                raise InputError(
                    f"{path} is not what config.yaml asks for: {_difference(name, said[name], wanted)}. Snakemake "
                    "took it for up to date, as it does with results that were copied, made by hand or "
                    "touched; delete it and run again, or set config.yaml back."
                )


def _difference(name, said, wanted):
    """Return how an attribute, as files keep it, differs from what is wanted."""
    if name == "settings" and said:
        said, wanted = json.loads(said), json.loads(wanted)
        keys = [key for key in {**wanted, **said} if said.get(key) != wanted.get(key)]
        return ", ".join(f"its {key} is {said.get(key)}, not {wanted.get(key)}" for key in keys)
    return f"its {name} is {said}, not {wanted}"


class Log:
    """A text file to print to, line by line. Where the disk has no room for a line, it is left out.

    `cut`: whether something was left out.
    """

    def __init__(self, path):
        self.cut = False
        try:
            self.file = open(path, "w", encoding="utf-8", buffering=1)  # noqa: SIM115
        except OSError:
            self.file = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
            self.cut = True

    def write(self, text):
        try:
            return self.file.write(text)
        except OSError:
            self.cut = True
            return len(text)

    def flush(self):
        with suppress(OSError):
            self.file.flush()

    def close(self):
        with suppress(OSError):
            self.file.close()

    def __getattr__(self, name):
        return getattr(self.file, name)


def device(execution):
    """Return "cuda" or "cpu" as the configuration says; "auto" takes a GPU if there is one.

    Of several GPUs this process then sees one, which no other job has while one is free.
    """
    if execution.device == "cpu":
        return "cpu"
    there = bool(glob("/dev/nvidia[0-9]*"))
    given = _given_gpus(there)
    take_one_gpu()
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if given or execution.device == "cuda":
        raise InputError(
            f"{given or 'execution.device in config.yaml is cuda'}, but torch {torch.__version__} can use no "
            "GPU here: install the torch that fits its driver (docs/installation.md), or let execution.device "
            "be cpu."
        )
    if there:
        print(
            "warning: torch cannot use this machine's GPU; the processor does it.", file=sys.stderr
        )
    return "cpu"


def _given_gpus(there):
    """Return how this job was given a GPU, as the beginning of a sentence, or None; there: a GPU is seen."""
    for name in (*GIVEN, *(["CUDA_VISIBLE_DEVICES"] if there else [])):
        value = os.environ.get(name)
        if value and value not in ("-1", "NoDevFiles"):
            return f"this job was given a GPU ({name}={value})"
    return None


def take_one_gpu():
    """Hide all GPUs of this machine but one from CUDA, which must not have started yet.

    A job holds a lock file in the folder of temporary files until it ends, however it ends; where there
    are more jobs than GPUs, they share them evenly. Where Slurm gave the job one GPU, nothing happens.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    gpus = range(len(glob("/dev/nvidia[0-9]*"))) if visible is None else visible.split(",")
    gpus = [str(gpu) for gpu in gpus]
    if len(gpus) < 2:
        return
    bases = (tempfile.gettempdir(), "/var/tmp", "/dev/shm")
    folder = next(private_folders(*(Path(base, f"idbias-{os.getuid()}") for base in bases)))
    for turn in count():
        for gpu in gpus:
            path = folder / f"gpu-{gpu.replace('/', '-')}.{turn}"
            lock = path.open("w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                continue
            HELD.append(lock)
            os.environ["CUDA_VISIBLE_DEVICES"] = gpu
            return


def checkpoint_path(execution, output):
    """Return where the checkpoint of the job that makes `output` lies, outside of its outputs.

    The job leaves it there: that Snakemake takes the output for finished is known only later, and then
    `remove_checkpoints` removes it.
    Raises InputError where nothing can be written there; a full disk is no reason.
    """
    output = os.path.normpath(output)
    if os.path.isabs(output) or output.startswith(os.pardir):
        output = ELSEWHERE + os.path.abspath(output)
    path = os.path.join(_checkpoints(execution), output)
    folder = os.path.dirname(path)
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        # Of a full disk the checkpoint itself will tell.
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise _no_scratch(folder, error.strerror) from None
    if os.path.isdir(folder) and not os.access(folder, os.W_OK):
        raise _no_scratch(folder, "it is read-only")
    return path


def _checkpoints(execution):
    """Return the folder of this working folder's checkpoints, which no clone with the same scratch looks into."""
    folder = os.path.join(execution.scratch, "checkpoints")
    here, scratch = os.path.realpath(os.getcwd()), os.path.realpath(execution.scratch)
    if scratch.startswith(here + os.sep):
        return folder  # moves with the working folder, which then finds them again
    return os.path.join(folder, hashlib.sha256(here.encode()).hexdigest()[:8])


def remove_checkpoints(executions):
    """Remove the checkpoints of outputs that are finished, once no job runs. executions: schema.Execution."""
    for root in {_checkpoints(execution) for execution in executions}:
        for folder, _, names in os.walk(root, topdown=False):
            for path in (os.path.join(folder, name) for name in names):
                output = os.path.relpath(path, root)
                if output.startswith(ELSEWHERE + os.sep):
                    output = output.removeprefix(ELSEWHERE)
                with suppress(OSError):
                    # A job that was started by hand may have a younger one here, still at work.
                    if os.stat(output).st_mtime >= os.stat(path).st_mtime:
                        os.unlink(path)
            with suppress(OSError):
                os.rmdir(folder)


def _no_scratch(folder, reason):
    return InputError(
        f"no checkpoints can be kept in {folder} ({reason}): make it writable, or let "
        "execution.scratch in config.yaml name a folder that is."
    )


def _execution(snakemake):
    """Return the job's settings; of a rule that asks for no GPU `device` is cpu, whatever config.yaml says."""
    execution = _settings(snakemake)
    if execution and getattr(snakemake, "resources", {}).get("gpu") is None:
        return execution.model_copy(update={"device": "cpu"})
    return execution


def _settings(snakemake):
    wildcards = snakemake.wildcards
    comparison, experiment = wildcards.get("comparison"), wildcards.get("experiment")
    if comparison:
        return by_folder(check(snakemake.config).values())[comparison].experiment.execution
    return check(snakemake.config)[experiment].execution if experiment else None
