"""Side of the kernel against the frequency of perturbations."""

from idbias.stage import stage

with stage(snakemake):
    import pandas as pd

    from idbias.report import figures, figures_spectra

    table = pd.read_csv(snakemake.input[0])
    figures.write(figures_spectra.kernel_sizes(table), table, *snakemake.output.kernels)
