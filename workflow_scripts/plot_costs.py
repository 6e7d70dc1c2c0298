"""Run time and memory of each stage of the chosen experiments, as a figure and a table."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.report import costs, figures

    table = costs.by_stage("results/benchmarks", list(snakemake.params.experiments))
    figures.write(figures.costs(table), table, *snakemake.output.costs)
