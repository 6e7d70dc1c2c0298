"""Intrinsic dimension of each set and of both joined, as they are."""

from idbias.stage import stage

with stage(snakemake):
    from idbias import files
    from idbias.correlation.id_test import intrinsic_dimension

    settings = dict(snakemake.params.settings)
    opened = files.opened
    with opened(snakemake.input.first) as one, opened(snakemake.input.second) as other:
        first, second = one["squared_distances"], other["squared_distances"]
        dimensions = {
            "first": intrinsic_dimension(first, **settings),
            "second": intrinsic_dimension(second, **settings),
            "joined": intrinsic_dimension(first, second, **settings, threads=snakemake.threads),
        }
    files.write(snakemake.output[0], dimensions, {**dict(snakemake.wildcards), **settings})
