"""The table of mean radial frequencies: perturbations beside gradients, weights and masks."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.report import tables
    from idbias.spectra import spectra_tables

    spectra = spectra_tables.read(snakemake.input.perturbations, snakemake.input.classifiers)
    tables.write(
        spectra_tables.frequencies(spectra, snakemake.params.seed), **dict(snakemake.output)
    )
