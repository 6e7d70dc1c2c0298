# What the chosen experiments ask for: their comparisons, attacks, spectra and tables.


def block_of(experiment):
    return SETTINGS[experiment].experiment_blocks[experiment]


def analysed(experiment, analysis):
    """Whether an experiment has images and asks for this of its `analyses`."""
    return bool(block_of(experiment).classifiers) and analysis in block_of(experiment).analyses


def has_dataset(experiment):
    """Whether an experiment's dataset file is made: the user's arrays are read where they lie."""
    return SETTINGS[experiment].datasets[block_of(experiment).dataset].source != "arrays"


def comparisons(experiment):
    """Folders below results/ of one experiment, in each of which two sets are tested."""
    block = block_of(experiment)
    if not block.classifiers:
        return [f"{experiment}/correlations"]
    if not analysed(experiment, "masks"):
        return []
    return [
        f"{experiment}/{classifier}/correlations/{attack}"
        for classifier in block.classifiers
        for attack in block.attacks
    ]


def arrays_of(wildcards):
    """The two sets of an experiment without classifiers, named as idbias.arrays.read_array does."""
    dataset = dataset_settings(wildcards)
    if dataset.source == "spiral":
        file = f"results/{wildcards.experiment}/dataset.h5"
        return {"first": f"{file}:/first", "second": f"{file}:/second"}
    return {"first": dataset.first, "second": dataset.second, "labels": dataset.labels}


def array_files(wildcards):
    """The files of `arrays_of`, without what names an array inside them."""
    named = filter(None, arrays_of(wildcards).values())
    return sorted({name if Path(name).exists() else name.partition(":")[0] for name in named})


def over_experiments(pattern, analysis=None):
    """`pattern` with every chosen experiment, its classifiers and attacks filled in.

    Only those experiments that ask for `analysis`, if one is given.
    """
    paths = []
    for experiment in EXPERIMENTS:
        if analysis and not analysed(experiment, analysis):
            continue
        block = block_of(experiment)
        keys = {"classifier": block.classifiers, "attack": block.attacks}
        used = {key: values for key, values in keys.items() if f"{{{key}}}" in pattern}
        paths += expand(pattern, experiment=experiment, **used)
    return paths


def masks_if_trained(wildcards):
    """Both kinds of masks of an attack, by name, where the experiment has masks."""
    if not analysed(wildcards.experiment, "masks"):
        return {}
    folder = f"results/{wildcards.experiment}/{wildcards.classifier}/masks"
    return {
        "essential": f"{folder}/essential.h5",
        "adversarial": f"{folder}/adversarial/{wildcards.attack}.h5",
    }


# Each attack of the chosen experiments, as experiment, classifier, attack.
ATTACKED = [
    (experiment, classifier, attack)
    for experiment in EXPERIMENTS
    for classifier in block_of(experiment).classifiers
    for attack in block_of(experiment).attacks
]


def attack_names(experiment, classifier, attack):
    """The first columns of an attack's row."""
    chosen = SETTINGS[experiment]
    dataset = block_of(experiment).dataset
    return {
        "experiment": experiment,
        "dataset": dataset,
        "classifier": classifier,
        "attack": attack,
        "epsilon": chosen.attacks[attack].epsilon,
        "images": image_count(chosen.datasets[dataset]),
    }


# Models of paper 2's experiments as experiment, classifier; ImageNet's only where the user has put
# its archive.
PAPER2_MODELS = [
    (experiment, classifier)
    for experiment in SETTINGS
    if experiment.startswith("paper2_")
    for classifier in block_of(experiment).classifiers
    if all(
        Path(path).exists()
        for path in [SETTINGS[experiment].datasets[block_of(experiment).dataset].path]
        if path
    )
]


def model_names(experiment, classifier):
    """The first columns of a model's row; the dataset by its published name."""
    source = SETTINGS[experiment].datasets[block_of(experiment).dataset].source
    return {"experiment": experiment, "dataset": source, "classifier": classifier}


def has_both_kernels(experiment):
    """Whether an experiment has a local and a full convolution that differ in the kernel alone."""
    names = block_of(experiment).classifiers
    return any(f"full_{name.removeprefix('local_')}" in names for name in names if "local_" in name)


def all_tables():
    """The tables of the chosen experiments."""
    with_spectra = [name for name in EXPERIMENTS if analysed(name, "spectra")]
    wanted = {
        "correlations": any(comparisons(name) for name in EXPERIMENTS),
        "table1": "spiral" in EXPERIMENTS,
        "attacks": bool(ATTACKED),
        "spectra": bool(with_spectra),
        "inequalities": any(has_both_kernels(name) for name in with_spectra),
        "local_against_full": any(has_both_kernels(name) for name in with_spectra),
    }
    return [f"results/tables/{name}.md" for name in wanted if wanted[name]]


def table(path, name, caption):
    """A table's four forms below results/tables/; two of them in the report."""
    path = f"results/tables/{path}"
    return {
        "csv": f"{path}.csv",
        "markdown": report(
            f"{path}.md", category="Tables", labels={"table": name, "format": "Markdown"}
        ),
        "latex": f"{path}.tex",
        "html": report(
            f"{path}.html",
            category="Tables",
            caption=f"../workflow_scripts/captions/{caption}.rst",
            labels={"table": name, "format": "HTML"},
        ),
    }
