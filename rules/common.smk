# What only Snakemake can do: wildcards to experiments, and what the report is told of files.


def experiment(wildcards):
    """The experiment that a job belongs to."""
    return (
        comparison(wildcards).experiment
        if "comparison" in wildcards.keys()
        else EXPERIMENTS[wildcards.experiment]
    )


def comparison(wildcards):
    """The two sets that a job tests; {comparison} is a folder below results/."""
    return COMPARISONS[wildcards.comparison]


def crossing(wildcards):
    """The attack on a group of trainings that a job is about."""
    return next(
        one
        for one in experiment(wildcards).crossings
        if (one.trainings, one.attack) == (wildcards.trainings, wildcards.attack)
    )


def of_attack(kind):
    """An attack on all images, or its essential or adversarial masks."""
    return lambda wildcards: experiment(wildcards).files_of(wildcards.classifier, wildcards.attack)[
        kind
    ]


def names_of(wildcards):
    """What a figure is of: the first columns of its row."""
    return (
        comparison(wildcards).names
        if "comparison" in wildcards.keys()
        else (
            crossing(wildcards).names
            if "trainings" in wildcards.keys()
            else experiment(wildcards).names(
                wildcards.get("classifier", ""), wildcards.get("attack", "")
            )
        )
    )


def title(wildcards):
    """What a figure is of, for its title."""
    return list(within_experiment(names_of(wildcards)).values())


def set_code(made):
    """Give a rule the parameter `code` of its script, unless it names further modules (`network_code`).

    What is downloaded is known by its checksum; a workflow that uses this one has scripts elsewhere.
    """
    name = Path(made.script or "").name
    own = made.script == f"../workflow_scripts/{name}" and name != "download.py"
    if own and not hasattr(made.params, "code"):
        made.set_params(code=lambda wildcards: code(name))


def set_made_with(made):
    """Give a rule the parameter `made_with`, which tells what the files it reads must say of themselves."""
    if made.script and not made.script.endswith("download.py"):
        made.set_params(
            made_with=lambda wildcards, input: {
                path: expected for path in input if (expected := made_with(path, EXPERIMENTS))
            }
        )


def asks(megabytes, *names, gpu=False):
    """The memory that a job asks for by a function of config/memory.py; more with each attempt."""
    on_gpu = memory.CUDA if gpu and GPUS else 0
    return lambda wildcards, attempt: (
        attempt * (megabytes(experiment(wildcards), *(wildcards[name] for name in names)) + on_gpu)
    )


def grows(number):
    """Minutes or megabytes that a job asks for; more with each attempt."""
    return lambda wildcards, attempt: number * attempt


def network_code(script):
    """The parameter `code` of a rule whose script loads a classifier's network by name."""
    return lambda wildcards: code(
        script, experiment(wildcards).network_module(wildcards.classifier)
    )


def of_chosen(pattern, analysis=None):
    """`pattern` for every chosen experiment, classifier and attack; only of those with `analysis`."""
    return [
        path
        for chosen in CHOSEN
        if chosen.classifiers and (not analysis or chosen.analysed(analysis))
        for path in chosen.paths(pattern)
    ]


def published(name):
    """The paper's own numbers, which come with the code."""
    return os.path.relpath(SCRIPTS / "published" / name)


def table(path, name, caption, details=False):
    """A table's four forms below results/tables/; two of them in the report.

    With `details` its further columns have files of their own, PATH_details.
    """

    def forms(path, name, prefix=""):
        return {
            f"{prefix}markdown": report(
                f"{path}.md", category="Tables", labels={"table": name, "format": "Markdown"}
            ),
            f"{prefix}latex": f"{path}.tex",
            f"{prefix}html": report(
                f"{path}.html",
                category="Tables",
                caption=f"../workflow_scripts/captions/{caption}.rst",
                labels={"table": name, "format": "HTML"},
            ),
        }

    path = layout.TABLE.format(table=path)
    further = forms(f"{path}_details", f"{name}, details", "details_") if details else {}
    return {"csv": f"{path}.csv", **forms(path, name), **further}


# Name of a figure -> where it is in the report, and its title there; its caption is captions/NAME.rst.
FIGURES = {
    "shuffles": ("Intrinsic dimension", "shuffled and observed I_d"),
    "scale": ("Intrinsic dimension", "I_d against scale"),
    "class_curve": ("Intrinsic dimension", "dependence against classes"),
    "epsilons": ("Intrinsic dimension", "against epsilon"),
    "spiral": ("Intrinsic dimension", "points as they are and shuffled"),
    "joint": ("Intrinsic dimension", "joint density and margins"),
    "images": ("Images and masks", "images before and after filtering"),
    "essential_masks": ("Images and masks", "essential masks"),
    "adversarial_masks": ("Images and masks", "adversarial masks"),
    "perturbations": ("Images and masks", "perturbations, amplified, and their spectra"),
    "mask_sizes": ("Images and masks", "sizes of the masks"),
    "mean_masks": ("Frequencies", "mean masks"),
    "radial_profile": ("Frequencies", "radial profile of the masks"),
    "sensitivity": ("Frequencies", "error under noise of one frequency, and mean masks"),
    "bands": ("Frequencies", "accuracy against the band kept"),
    "spectra": ("Frequencies", "spectra of perturbations"),
    "profiles": ("Frequencies", "radial profiles of perturbations"),
    "frequencies": ("Frequencies", "mean radial frequencies"),
    "kernel_sizes": ("Frequencies", "size of the kernel"),
    "trainings": ("Crossed trainings", "own and other trainings"),
    "resolution": ("Crossed trainings", "rho against the ceiling and resolution"),
    "effects": ("Effects", "effects with intervals"),
    "contrasts": ("Effects", "contrasts with intervals"),
    "training": ("Stages", "training of the classifier"),
    "mask_steps": ("Stages", "steps of the masks"),
    "yields": ("Stages", "images left after each stage"),
    "classes": ("Stages", "results by class"),
    "costs": ("Stages", "run time and memory of each stage"),
}


def figure(path, category=None):
    """The PNG, PDF and CSV of one of FIGURES, in this order; path: below results/figures/, its name last.

    In the report it stands under `category`, its experiment if none is given, with what else it is
    of as labels.
    """
    name = path.rsplit("/", 1)[-1]
    subcategory, title = FIGURES[name]
    path = layout.FIGURE.format(figure=path)
    png = report(
        f"{path}.png",
        category=category or (lambda wildcards: names_of(wildcards)["experiment"]),
        subcategory=subcategory,
        caption=f"../workflow_scripts/captions/{name}.rst",
        labels=lambda wildcards: {
            "figure": title,
            **within_experiment({} if category else names_of(wildcards)),
        },
    )
    return [png, f"{path}.pdf", f"{path}.csv"]


def tidy_up():
    """Once no job runs: note which shards are finished, remove the checkpoints of what is."""
    for chosen in CHOSEN:
        if chosen.classifiers:
            keep(chosen)
    remove_checkpoints([chosen.execution for chosen in CHOSEN])
