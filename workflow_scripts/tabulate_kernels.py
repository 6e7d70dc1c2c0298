"""Paper 2's claim, measured: frequencies of local kernels minus those of full ones."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.report import tables
    from idbias.spectra import spectra_tables

    spectra = spectra_tables.read(snakemake.input.perturbations, snakemake.input.classifiers)
    differences = spectra_tables.local_against_full(
        spectra, snakemake.params.kernels, snakemake.params.seed
    )
    tables.write(differences, **dict(snakemake.output))
