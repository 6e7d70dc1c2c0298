"""The table of trainings by trainings, and rho against the ceiling and against resolution, of one attack."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.crossed import crossed_tables
    from idbias.report import figures, figures_crossed

    (path, output, given) = (snakemake.input.products, snakemake.output, snakemake.params)
    name = ", ".join(given.names[key] for key in ("experiment", "classifier", "attack"))
    table = crossed_tables.own_and_others(path, given.labels)
    figures.write(figures_crossed.trainings(table, name), table, *output.trainings)
    curve = crossed_tables.curve(path, given.seed)
    figures.write(figures_crossed.resolution(curve, name), curve, *output.resolution)
