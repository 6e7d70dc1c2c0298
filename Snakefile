import os
import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")


configfile: "config.yaml"


sys.path.insert(0, str(Path(workflow.basedir) / "workflow_scripts"))
from idbias.config import check, image_count
from idbias.errors import InputError
from idbias.networks import NETWORKS
from idbias.paper2 import ZOO
from idbias.sources import KNOWN

try:
    SETTINGS = check(config)
except InputError as error:
    # A sentence, not the traceback that Snakemake prints for an exception.
    sys.exit(f"idbias: {error}")
EXPERIMENTS = config["experiments"]


wildcard_constraints:
    experiment=r"[^/]+",
    folder=r"[^/]+",
    file=r"[^/]+",
    classifier=r"[^/]+",
    attack=r"[^/]+",
    shard=r"[0-9]+-[0-9]+",


include: "rules/common.smk"
include: "rules/experiments.smk"
include: "rules/datasets.smk"
include: "rules/classifiers.smk"
include: "rules/attacks.smk"
include: "rules/masks.smk"
include: "rules/correlations.smk"
include: "rules/tables.smk"
include: "rules/spectra.smk"
include: "rules/report.smk"


# The default target, then one target to stop after each stage, for the chosen experiments.


rule all:
    default_target: True
    input:
        rules.tables.input,
        rules.figures.input,


rule datasets:
    input:
        [f"results/{name}/dataset.h5" for name in EXPERIMENTS if has_dataset(name)],


rule classifiers:
    input:
        over_experiments("results/{experiment}/{classifier}/predictions.h5"),


rule attacks:
    input:
        over_experiments("results/{experiment}/{classifier}/attacks/{attack}.h5"),


rule masks:
    input:
        over_experiments("results/{experiment}/{classifier}/masks/essential.h5", "masks"),
        over_experiments("results/{experiment}/{classifier}/masks/adversarial/{attack}.h5", "masks"),


rule correlations:
    input:
        [f"results/{folder}/row.csv" for name in EXPERIMENTS for folder in comparisons(name)],


rule spectra:
    input:
        [path for path in rules.tables.input if "correlations" not in path and "table1" not in path],
        spectra_figures(),


onsuccess:
    summarise(log)
