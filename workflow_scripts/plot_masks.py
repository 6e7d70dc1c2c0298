"""Figures of the pairs of one attack: images before and after filtering, masks, means, profiles."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.report import figures, figures_classes
    from idbias.report import figures_masks as drawing
    from idbias.report.mask_examples import read_examples

    files_of, output = snakemake.input, snakemake.output
    name = ", ".join(snakemake.params.names)
    shown = read_examples(
        files_of.dataset, files_of.pairs, files_of.attack, files_of.essential, files_of.adversarial
    )
    few = shown.few
    figure = drawing.before_and_after(
        shown.clean,
        shown.attacked,
        shown.essential[few],
        shown.adversarial[few],
        shown.about.iloc[few],
        shown.classes,
    )
    figures.write(figure, shown.about.iloc[few], *output.images)
    names = [shown.classes[label] for label in shown.about["label"].iloc[few]]
    figure = drawing.perturbations(shown.clean, shown.attacked, names)
    figures.write(figure, shown.about.iloc[few], *output.perturbations)
    titles = [shown.classes[label] for label in shown.about["label"]]
    for masks, paths in (
        (shown.essential, output.essential_masks),
        (shown.adversarial, output.adversarial_masks),
    ):
        figures.write(drawing.gallery(masks, titles), shown.about, *paths)
    essential, adversarial, profiles = drawing.averages_of_pairs(files_of.pairs)
    figure = drawing.mean_masks(essential, adversarial, name)
    figures.write(figure, drawing.mean_table(essential, adversarial), *output.mean_masks)
    figures.write(drawing.radial_profiles(profiles, name), profiles, *output.radial_profile)
    entries = figures_classes.entries_of(files_of.pairs)
    figures.write(figures_classes.sizes(entries, name), entries, *output.sizes)
