"""Figures of one classifier: its training, the steps its masks took, and how many images are left."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.report import figures
    from idbias.report.classifier_stages import images_left, masks_trained, training_history

    name, output = ", ".join(snakemake.params.names), snakemake.output
    history = training_history(snakemake.input.classifier)
    figures.write(figures.training_curves(history, name), history, *output.training)
    attacks = list(snakemake.params.attacks)
    masks = masks_trained(dict(zip(["essential", *attacks], snakemake.input.masks, strict=True)))
    figures.write(figures.mask_steps(masks, name), masks, *output.mask_steps)
    attacked = dict(zip(attacks, snakemake.input.attacks, strict=True))
    counts = images_left(snakemake.input.predictions, snakemake.params.images, attacked, masks)
    figures.write(figures.yields(counts, name), counts, *output.yields)
