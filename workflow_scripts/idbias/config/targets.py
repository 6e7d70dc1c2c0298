"""The tables and figures that chosen experiments ask for, as paths below results/."""

from idbias.config import layout


def tables(chosen):
    """Return the tables of the `chosen` experiments, the Markdown form of each."""
    wanted = {
        "crossed": any(experiment.crossings for experiment in chosen),
        "correlations": any(experiment.comparisons for experiment in chosen),
        "table1": any(experiment.name == "spiral" for experiment in chosen),
        "controls": any(experiment.control_comparisons for experiment in chosen),
        "seeds": any(experiment.comparisons and experiment.has_seeds for experiment in chosen),
        "class_maps": any(experiment.analysed("class_maps") for experiment in chosen),
    }
    return table(*filter(wanted.get, wanted)) + spectra_tables(chosen)


def spectra_tables(chosen):
    """Return the tables of attacks and of paper 2, the Markdown form of each."""
    with_spectra = [experiment for experiment in chosen if experiment.analysed("spectra")]
    both_kernels = with_both_kernels(chosen)
    wanted = {
        "attacks": any(experiment.attack_comparisons for experiment in chosen),
        "spectra": bool(with_spectra),
        "inequalities": both_kernels,
        "local_against_full": both_kernels,
        "kernel_sizes": both_kernels,
    }
    return table(*filter(wanted.get, wanted))


def figures(chosen):
    """Return one figure of each job that draws some."""
    paths = figure("costs")
    for experiment in chosen:
        folders = [comparison.folder for comparison in experiment.comparisons]
        paths += figure(*(f"{folder}/shuffles" for folder in folders))
        paths += figure(*(f"{crossing.folder}/trainings" for crossing in experiment.crossings))
        if len(folders) > 1:
            below = "controls/effects" if experiment.control_comparisons else "effects"
            paths += figure(f"{experiment.name}/{below}")
        if experiment.analysed("class_curve"):
            paths += figure(*(f"{folder}/class_curve" for folder in folders))
        if experiment.with_epsilons:
            paths += figure(f"{experiment.name}/epsilons")
        if experiment.analysed("masks"):
            paths += figure(*(f"{folder}/images" for folder in folders))
            paths += experiment.paths(*figure("{experiment}/{classifier}/yields"))
        elif folders and experiment.writes_dataset:
            paths += figure(*(f"{folder}/spiral" for folder in folders))
    return paths + spectra_figures(chosen)


def spectra_figures(chosen):
    """Return one figure of each job that draws spectra."""
    paths = []
    for experiment in chosen:
        if experiment.analysed("spectra"):
            folder = "{experiment}/spectra/{attack}"
            paths += experiment.paths(*figure(f"{folder}/frequencies"))
    if with_both_kernels(chosen):
        paths += figure("kernel_sizes")
    return paths


def with_both_kernels(chosen):
    """Return whether an experiment of spectra has local and full convolutions alike but for the kernel."""
    return any(
        experiment.analysed("spectra") and experiment.has_both_kernels for experiment in chosen
    )


def table(*names):
    """Return the Markdown form of each of the tables `names`."""
    return [f"{layout.TABLE.format(table=name)}.md" for name in names]


def figure(*names):
    """Return the PNG of each of the figures `names`, which may hold wildcards."""
    return [f"{layout.FIGURE.replace('{figure}', name)}.png" for name in names]
