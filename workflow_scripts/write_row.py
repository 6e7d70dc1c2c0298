"""The rows of the correlation table of two sets: one for each way to shuffle them."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.correlation.row import rows
    from idbias.report import tables

    table = rows(
        dict(snakemake.params.names),
        snakemake.input.pairs,
        snakemake.input.dimensions,
        list(snakemake.input.shuffles),
    )
    tables.write_csv(snakemake.output[0], table)
