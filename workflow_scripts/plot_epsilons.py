"""Z, distance correlation and success of each attack against its epsilon."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.report import figures, figures_arms, table_rows

    rows = table_rows.join(list(snakemake.input.rows))
    numbers = figures_arms.against_epsilon(rows)
    figure = figures_arms.epsilons(numbers, snakemake.wildcards.experiment)
    figures.write(figure, numbers, *snakemake.output.epsilons)
