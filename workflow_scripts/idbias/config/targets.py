"""The tables and figures that chosen experiments ask for, as paths below results/."""


def tables(chosen):
    """Return the tables of the `chosen` experiments, the Markdown form of each."""
    wanted = {
        "crossed": any(experiment.crossings for experiment in chosen),
        "correlations": any(experiment.comparisons for experiment in chosen),
        "table1": any(experiment.name == "spiral" for experiment in chosen),
        "controls": any(experiment.controlled for experiment in chosen),
        "seeds": any(experiment.comparisons and experiment.has_seeds for experiment in chosen),
        "class_maps": any(experiment.analysed("class_maps") for experiment in chosen),
    }
    return _paths(wanted) + spectra_tables(chosen)


def spectra_tables(chosen):
    """Return the tables of attacks and of paper 2, the Markdown form of each."""
    with_spectra = [experiment for experiment in chosen if experiment.analysed("spectra")]
    both_kernels = any(experiment.has_both_kernels for experiment in with_spectra)
    wanted = {
        "attacks": any(experiment.attacked for experiment in chosen),
        "spectra": bool(with_spectra),
        "inequalities": both_kernels,
        "local_against_full": both_kernels,
    }
    return _paths(wanted)


def figures(chosen):
    """Return one figure of each job that draws some."""
    paths = ["results/figures/costs.png"]
    for experiment in chosen:
        folders = [f"results/figures/{pair.folder}" for pair in experiment.comparisons]
        paths += [f"{folder}/shuffles.png" for folder in folders]
        paths += [f"results/figures/{one.folder}/trainings.png" for one in experiment.crossings]
        if experiment.with_epsilons:
            paths += [f"results/figures/{experiment.name}/epsilons.png"]
        if experiment.analysed("masks"):
            paths += [f"{folder}/images.png" for folder in folders]
            paths += experiment.paths("results/figures/{experiment}/{classifier}/yields.png")
        elif folders and experiment.writes_dataset:
            paths += [f"{folder}/spiral.png" for folder in folders]
    return paths + spectra_figures(chosen)


def spectra_figures(chosen):
    """Return one figure of each job that draws spectra."""
    paths = []
    for experiment in chosen:
        if experiment.analysed("spectra"):
            folder = "results/figures/{experiment}/spectra/{attack}"
            paths += experiment.paths(f"{folder}/frequencies.png")
            if experiment.has_both_kernels:
                paths += experiment.paths(f"{folder}/kernels.png")
    return paths


def _paths(wanted):
    return [f"results/tables/{name}.md" for name in wanted if wanted[name]]
