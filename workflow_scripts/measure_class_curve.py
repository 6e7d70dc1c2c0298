"""Dependence of two sets of masks against the number of classes."""

from idbias.stage import stage

with stage(snakemake):
    import numpy as np

    from idbias import files
    from idbias.controls.contrast import read_distances
    from idbias.correlation.class_curve import class_curve
    from idbias.correlation.estimators import Estimator
    from idbias.report.tables import write_csv

    labels = files.read(snakemake.input.pairs, ["label"])[0]["label"]
    everything = np.arange(len(labels))
    curve = class_curve(
        *(read_distances(snakemake.input[name], everything) for name in ("first", "second")),
        labels,
        snakemake.params.seed,
        Estimator(**snakemake.params.estimator),
        snakemake.threads,
    )
    write_csv(snakemake.output[0], curve)
