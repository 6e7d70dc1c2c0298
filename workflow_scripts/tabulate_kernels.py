"""Mean radial frequency of perturbations by the side of the kernel."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.report import tables
    from idbias.spectra import spectra_tables

    settings = snakemake.params
    spectra = spectra_tables.read(snakemake.input.perturbations, [])
    trained = spectra_tables.read_trained(snakemake.input.trained)
    table = spectra_tables.kernel_sizes(
        spectra, settings.kernels, settings.datasets, settings.seed, trained
    )
    tables.write(table, **dict(snakemake.output))
