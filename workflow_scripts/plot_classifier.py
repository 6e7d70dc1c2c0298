"""Figures of one classifier: its training, the steps its masks took, and how many images are left."""

from idbias.stage import stage

with stage(snakemake):
    import numpy as np

    from idbias.datasets.images import class_names
    from idbias.report import figures, figures_classes, figures_sensitivity
    from idbias.report.classifier_stages import images_left, masks_trained, training_history
    from idbias.report.figures_masks import averages_of_pairs

    name, output = ", ".join(snakemake.params.names), snakemake.output
    history = training_history(snakemake.input.classifier)
    figures.write(figures.training_curves(history, name), history, *output.training)
    attacks = list(snakemake.params.attacks)
    masks = masks_trained(dict(zip(["essential", *attacks], snakemake.input.masks, strict=True)))
    figures.write(figures.mask_steps(masks, name), masks, *output.mask_steps)
    attacked = dict(zip(attacks, snakemake.input.attacks, strict=True))
    counts = images_left(snakemake.input.predictions, snakemake.params.images, attacked, masks)
    figures.write(figures.yields(counts, name), counts, *output.yields)

    pairs = dict(zip(attacks, snakemake.input.pairs, strict=True))
    entries = {attack: figures_classes.entries_of(path) for attack, path in pairs.items()}
    results = figures_classes.by_class(
        snakemake.input.predictions,
        snakemake.params.images,
        attacked,
        entries,
        class_names(snakemake.input.dataset),
    )
    figures.write(figures_classes.results_by_class(results, name), results, *output.classes)

    heat, bands = figures_sensitivity.read(snakemake.input.sensitivity)
    averages = {attack: averages_of_pairs(path) for attack, path in pairs.items()}
    # Of an attack without success there are no pairs, and so no means of its essential masks.
    paired = [average for average in averages.values() if np.isfinite(average[0]).all()]
    essential, _, radial = (paired or list(averages.values()))[0]
    means = {"essential masks: mean": essential}
    profiles = {"essential": radial[radial["set"] == "essential"]}
    for attack, (_, adversarial, radial) in averages.items():
        means[f"adversarial masks: {attack}"] = adversarial
        profiles[attack] = radial[radial["set"] == "adversarial"]
    figures.write(figures_sensitivity.heat_maps(heat, means, name), heat, *output.sensitivity)
    figures.write(figures_sensitivity.bands(bands, profiles, name), bands, *output.bands)
