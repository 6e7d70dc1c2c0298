"""Test accuracies of paper 2's models, measured and published."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.report import tables
    from idbias.spectra import spectra_tables

    table = spectra_tables.accuracies(
        snakemake.params.classifiers, snakemake.input.predictions, snakemake.input.published
    )
    tables.write(table, **dict(snakemake.output))
