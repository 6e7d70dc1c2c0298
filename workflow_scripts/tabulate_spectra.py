"""Mean radial frequencies, or where kernels are given those of local minus those of full ones."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.report import tables
    from idbias.spectra import spectra_tables

    spectra = spectra_tables.read(snakemake.input.perturbations, snakemake.input.classifiers)
    kernels, seed = snakemake.params.get("kernels"), snakemake.params.seed
    if kernels is None:
        table = spectra_tables.frequencies(spectra, seed)
    else:
        trained = spectra_tables.read_trained(snakemake.input.trained)
        table = spectra_tables.local_against_full(spectra, kernels, seed, trained)
    tables.write(table, **dict(snakemake.output))
