"""Where a classifier's input gradients, and a linear one's weights, have their energy."""

from idbias.stage import device, stage

with stage(snakemake, networks=True) as execution:
    from idbias import files
    from idbias.report.tables import write_csv
    from idbias.spectra import classifier_spectrum
    from idbias.spectra.measured_spectra import RADII

    names = dict(snakemake.wildcards)
    datasets, inequalities = classifier_spectrum.measure(
        snakemake.input.classifier,
        snakemake.input.dataset,
        snakemake.input.predictions,
        snakemake.params.images,
        device(execution),
    )
    files.write(snakemake.output.spectrum, datasets, {**names, "radii": RADII})
    write_csv(snakemake.output.inequalities, classifier_spectrum.table(names, inequalities))
