"""What every rule's script shares: its log, its threads, and how it ends on bad input."""

import os
import sys
from contextlib import contextmanager

from idbias.config.checking import check
from idbias.config.experiments import by_folder
from idbias.errors import InputError


@contextmanager
def stage(snakemake):
    """Run a rule's script: standard error goes to the rule's log, bad input ends in one sentence.

    Yields the experiment's execution settings (`idbias.config.schema.Execution`), or None for a rule
    without an experiment. Thread counts follow the rule's `threads`; they are set before numerical
    libraries load. An InputError is printed to the log and the terminal, without traceback, and
    the process exits with 1.
    """
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(snakemake.threads)
    terminal = sys.stderr
    with open(snakemake.log[0], "w", buffering=1) as log:
        sys.stderr = log
        try:
            yield _execution(snakemake)
        except InputError as error:
            print(f"idbias, rule {snakemake.rule}: {error}", file=log)
            print(f"idbias, rule {snakemake.rule}: {error}", file=terminal)
            sys.exit(1)
        except Exception:
            import traceback

            traceback.print_exc(file=log)
            raise
        finally:
            sys.stderr = terminal


def device(execution):
    """Return "cuda" or "cpu" as the configuration says; "auto" takes a GPU if there is one."""
    if execution.device != "auto":
        return execution.device
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def shard_rows(name):
    """Return the slice that a shard's name stands for: "00512-01023" is slice(512, 1024)."""
    first, last = name.split("-")
    return slice(int(first), int(last) + 1)


def checkpoint_path(execution, output):
    """Return where the checkpoint of the job that makes `output` lies, outside of its outputs."""
    path = os.path.join(execution.scratch, "checkpoints", output)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def _execution(snakemake):
    wildcards = snakemake.wildcards
    comparison, experiment = wildcards.get("comparison"), wildcards.get("experiment")
    if comparison:
        return by_folder(check(snakemake.config).values())[comparison].experiment.execution
    return check(snakemake.config)[experiment].execution if experiment else None
