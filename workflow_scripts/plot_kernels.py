"""Side of the kernel against the frequency of perturbations, for one attack."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.report import figures
    from idbias.report import figures_spectra as drawing
    from idbias.spectra import spectra_tables

    read = spectra_tables.read(snakemake.input.perturbations, snakemake.input.classifiers)
    frequencies = spectra_tables.frequencies(read, snakemake.params.seed)
    side = min(read[0]["perturbation"]["amplitude"].shape[-2:])
    kernels = {
        name: (family, kernel or side)
        for name, (family, kernel, _) in snakemake.params.kernels.items()
    }
    table = drawing.kernel_table(frequencies, kernels)
    figures.write(drawing.kernel_sizes(table), table, *snakemake.output.kernels)
