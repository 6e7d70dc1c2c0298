"""The rows of the correlation table of two sets: one for each way to shuffle them."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.report import table_rows, tables

    row = table_rows.row(
        dict(snakemake.params.names),
        snakemake.input.pairs,
        snakemake.input.dimensions,
        list(snakemake.input.shuffles),
    )
    tables.write_csv(snakemake.output[0], row)
