"""What each attack did: success and size of its perturbations, beside the clean accuracy."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.report import tables

    table = tables.attacks(
        snakemake.params.names, snakemake.input.predictions, snakemake.input.attacks
    )
    tables.write(table, **dict(snakemake.output))
