"""Python imports this at its start: a rule's script may import only what its environment of envs/ has.

As with `--sdm conda`, where the packages of the Python that runs Snakemake are not there. IDBIAS_LIMITED names
a JSON file {script: [modules that its environment lacks]}, which tests/environments.py writes.
"""

import json
import os
import sys


class Absent:
    """Finds the modules that are not to be found."""

    def __init__(self, modules):
        self.modules = set(modules)

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.modules:
            raise ModuleNotFoundError(
                f"No module named {name!r} in the rule's environment", name=name
            )


def limit():
    # python [options] .snakemake/scripts/tmpabc.train_masks.py
    for argument in sys.orig_argv[1:]:
        if argument.endswith(".py") and "/.snakemake/scripts/" in argument:
            with open(os.environ["IDBIAS_LIMITED"], encoding="utf-8") as file:
                lacking = json.load(file)
            script = os.path.basename(argument).split(".", 1)[1]
            if script in lacking:
                sys.meta_path.insert(0, Absent(lacking[script]))
            return


if "IDBIAS_LIMITED" in os.environ:
    limit()
