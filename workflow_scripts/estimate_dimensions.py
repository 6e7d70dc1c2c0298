"""Intrinsic dimension of each set and of both joined, and the baselines, as the sets are."""

from idbias.stage import stage

with stage(snakemake):
    from idbias import files
    from idbias.correlation.observed_statistics import observed_statistics

    params = snakemake.params
    opened = files.opened
    with (
        opened(snakemake.input.pairs) as pairs,
        opened(snakemake.input.first) as one,
        opened(snakemake.input.second) as other,
    ):
        found = observed_statistics(
            one["squared_distances"],
            other["squared_distances"],
            (pairs["first"], pairs["second"]) if params.baselines else None,
            dict(params.settings),
            dict(params.preprocessing),
            threads=snakemake.threads,
            seed=params.seed,
            with_svcca=params.svcca,
        )
    files.write(snakemake.output[0], found, {**dict(snakemake.wildcards), **dict(params.settings)})
