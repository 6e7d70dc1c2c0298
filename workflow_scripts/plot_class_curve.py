"""Dependence of two sets of masks against the number of classes, drawn."""

from idbias.stage import stage

with stage(snakemake):
    import pandas as pd

    from idbias.report import figures, figures_arms

    numbers = figures_arms.over_orders(pd.read_csv(snakemake.input[0]))
    figure = figures_arms.class_curve(numbers, ", ".join(snakemake.params.names))
    figures.write(figure, numbers, *snakemake.output)
