import os
import re
import sys
from glob import glob
from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")


HERE = Path(workflow.current_basedir.get_path_or_uri(secret_free=False))
sys.path.insert(0, str(HERE / "workflow_scripts"))
from idbias import console, tables_aside
from idbias.config import layout, memory, targets
from idbias.config.arms import CONTROLS
from idbias.config.checking import check, selected
from idbias.config.code import SCRIPTS, code
from idbias.config.command_line import numbers
from idbias.config.commands import commands_first
from idbias.config.comparisons import by_folder
from idbias.config.counts import SHARD
from idbias.config.downloads import download_of
from idbias.config.kept_shards import keep
from idbias.config.made_with import made_with
from idbias.config.experiments import files_named, within_experiment
from idbias.config.origins import Origins, shown
from idbias.errors import CONFIGURATION, InputError
from idbias.machine import in_the_way
from idbias.report.summary import summary
from idbias.stage import remove_checkpoints

# An sbatch that waits where Slurm refuses a job, an sacct that the executor plugin understands.
commands_first(HERE / "profiles/slurm/bin")
console.for_people(workflow, lambda: console.expected_accuracies(CHOSEN))
# The shipped configuration, over it that of the working directory, over it those of --configfile.
OWN = [] if Path("config.yaml").resolve() == HERE / "config.yaml" else glob("config.yaml")
MINE = [*OWN, *workflow.config_settings.configfiles]
if workflow.is_main_process:
    os.environ[CONFIGURATION] = ", ".join(map(shown, MINE))
try:
    # Files are looked at where jobs are planned, not again in each job.
    ORIGINS = (
        Origins.of_files(
            [HERE / "config.yaml", *MINE],
            workflow.config_settings.config,
        )
        if workflow.is_main_process
        else Origins.of("config.yaml")
    )
except InputError as error:
    # A sentence, not the traceback that Snakemake prints for an exception.
    sys.exit(f"idbias: {error}")


configfile: str(HERE / "config.yaml")


if OWN:

    configfile: OWN[0]


numbers(config, workflow.config_settings.config)
try:
    EXPERIMENTS = check(config, ORIGINS, with_files=workflow.is_main_process)
except InputError as error:
    sys.exit(f"idbias: {error}")
CHOSEN = selected(config, EXPERIMENTS)
COMPARISONS = by_folder(EXPERIMENTS.values())
# Rules that gain from a GPU ask for one unless the configuration says cpu. On a workstation
# profiles/local sets how many there are.
GPUS = 0 if all(chosen.execution.device == "cpu" for chosen in CHOSEN) else 1


wildcard_constraints:
    experiment=r"[^/]+",
    folder=r"[^/]+",
    file=r"[^/]+",
    classifier=r"[^/]+",
    attack=r"[^/]+",
    shard=SHARD,
    trainings=r"[^/]+",


include: "rules/common.smk"
include: "rules/datasets.smk"
include: "rules/classifiers.smk"
include: "rules/attacks.smk"
include: "rules/masks.smk"
include: "rules/shards.smk"
include: "rules/correlation.smk"
include: "rules/tables.smk"
include: "rules/controls.smk"
include: "rules/crossed.smk"
include: "rules/class_maps.smk"
include: "rules/spectra.smk"
include: "rules/report.smk"
include: "rules/targets.smk"


# Here and not among the targets: a file that is included cannot name the default one.
rule all:
    """Tables and figures of the chosen experiments."""
    default_target: True
    input:
        rules.tables.input,
        rules.figures.input,


# What a job computes with is a parameter of it.
for each in workflow.rules:
    set_code(each)
    set_made_with(each)


onstart:
    if warning := in_the_way():
        print(warning, file=sys.stderr)
    tables_aside.put_aside(
        targets.tables(CHOSEN),
        tables_aside.tables_of(workflow.dag.jobs, EXPERIMENTS),
        EXPERIMENTS,
    )


onsuccess:
    tidy_up()
    held = {str(path) for job in workflow.dag.jobs for path in job.output}
    if ended := summary(CHOSEN, held, sys.argv[1:]):
        print(ended)


onerror:
    tidy_up()
