# Where figures lie, and under which names the report shows them.


def figure(path, title, subcategory, caption, names):
    """The PNG, PDF and CSV of one figure, in this order, below results/figures/.

    In the report it stands under its experiment, with the rest of `names(wildcards)` as labels.
    """
    path = f"results/figures/{path}"

    def labels(wildcards):
        used = {key: value for key, value in names(wildcards).items() if value}
        used.pop("experiment")
        return {"figure": title, **used}

    png = report(
        f"{path}.png",
        category=lambda wildcards: names(wildcards)["experiment"],
        subcategory=subcategory,
        caption=f"../workflow_scripts/captions/{caption}.rst",
        labels=labels,
    )
    return [png, f"{path}.pdf", f"{path}.csv"]


def names_of_comparison(wildcards):
    return comparison_names(wildcards.comparison)


def names_of_attack(wildcards):
    return comparison_names(
        f"{wildcards.experiment}/{wildcards.classifier}/correlations/{wildcards.attack}"
    )


def names_of_classifier(wildcards):
    names = comparison_names(f"{wildcards.experiment}/{wildcards.classifier}/correlations/")
    return {key: value for key, value in names.items() if key != "attack"}


def names_of_experiment(wildcards):
    return comparison_names(f"{wildcards.experiment}/correlations")


def names_of_attacked_experiment(wildcards):
    names = comparison_names(f"{wildcards.experiment}//correlations/{wildcards.attack}")
    return {key: value for key, value in names.items() if key != "classifier"}


def kernels_of(wildcards):
    """Classifier -> (its family, the side of its kernel; 0 for one as large as the image)."""
    found = {}
    for name in block_of(wildcards.experiment).classifiers:
        chosen = settings(wildcards).classifiers[name]
        model = ZOO.get(chosen.network, {"architecture": ""})
        if model["architecture"].endswith("_convolution"):
            local = model["architecture"] == "local_convolution"
            family = f"{model['hidden_layers']} {model['nonlinearity']}"
            found[name] = (family, chosen.arguments.get("kernel", 3) if local else 0)
    return found


def spectra_figures():
    """One figure of each job that draws spectra, for the chosen experiments."""
    paths = []
    for experiment in EXPERIMENTS:
        if analysed(experiment, "spectra"):
            kinds = ["frequencies", "kernels"] if has_both_kernels(experiment) else ["frequencies"]
            paths += [
                f"results/figures/{experiment}/spectra/{attack}/{kind}.png"
                for attack in block_of(experiment).attacks
                for kind in kinds
            ]
    return paths


def title(names):
    """Names for a figure's title: those that are not empty, without the experiment."""
    return [value for key, value in names.items() if value and key != "experiment"]


def attacks_of(wildcards):
    return block_of(wildcards.experiment).attacks


def all_figures():
    """One figure of each job that draws some, for the chosen experiments."""
    paths = ["results/figures/costs.png", *spectra_figures()]
    for experiment in EXPERIMENTS:
        compared = comparisons(experiment)
        paths += [f"results/figures/{folder}/shuffles.png" for folder in compared]
        if compared == [f"{experiment}/correlations"]:
            if has_dataset(experiment):
                paths.append(f"results/figures/{experiment}/correlations/spiral.png")
            continue
        paths += [f"results/figures/{folder}/images.png" for folder in compared]
        for classifier in block_of(experiment).classifiers if compared else ():
            paths.append(f"results/figures/{experiment}/{classifier}/yields.png")
    return paths
