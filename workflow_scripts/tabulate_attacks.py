"""What each attack did: success and size of its perturbations, beside the clean accuracy."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.report import table_rows, tables

    table = table_rows.attacks(
        snakemake.params.names, snakemake.input.predictions, snakemake.input.attacks
    )
    tables.write(table, **dict(snakemake.output))
