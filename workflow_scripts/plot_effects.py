"""Forest plots of an experiment's effects and, where it has controls, of their contrasts."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.controls.control_tables import controls
    from idbias.report import figures, figures_effects, table_rows

    given, output, name = snakemake.input, snakemake.output, snakemake.wildcards.experiment
    rows = table_rows.join(list(given.rows))
    if given.controls:
        alone = [path for path in given.rows if path not in set(given.controlled)]
        rows = controls(*map(list, (given.controlled, given.controls, given.contrasts)), alone)
    effects = figures_effects.effects(rows)
    label = "distance correlation [95 % interval over images]"
    figures.write(figures_effects.forest(effects, name, label), effects, *output.effects)
    if given.controls:
        contrasts = figures_effects.contrasts(rows)
        label = "attack - control, distance correlation [95 % interval]"
        figures.write(figures_effects.forest(contrasts, name, label), contrasts, *output.contrasts)
