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


def network_code(script):
    """The parameter `code` of a rule whose script loads a classifier's network by name."""
    return lambda wildcards: code(
        script, experiment(wildcards).network_module(wildcards.classifier)
    )


def of_chosen(pattern, analysis=None):
    """`pattern` for every chosen experiment, classifier and attack; of those with `analysis` alone."""
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


def figure(path, title, subcategory, caption, category=None):
    """The PNG, PDF and CSV of one figure, in this order, below results/figures/.

    In the report it stands under `category`, its experiment if none is given, with what else it is
    of as labels.
    """
    path = layout.FIGURE.format(figure=path)
    png = report(
        f"{path}.png",
        category=category or (lambda wildcards: names_of(wildcards)["experiment"]),
        subcategory=subcategory,
        caption=f"../workflow_scripts/captions/{caption}.rst",
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
