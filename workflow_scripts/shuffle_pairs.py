"""Statistics of the joined sets with the second shuffled, for one shard of replicates."""

from idbias.stage import shard_rows, stage

with stage(snakemake):
    from idbias import files
    from idbias.correlation.dependence import shuffled_statistics
    from idbias.correlation.strata import of_pairs

    params = snakemake.params
    settings, seed = dict(params.settings), params.seed
    rows = shard_rows(snakemake.wildcards.shard)
    replicates = range(rows.start, rows.stop)
    labels = of_pairs(params.within, snakemake.input.pairs, snakemake.input.dataset, params.stratum)
    opened = files.opened
    with opened(snakemake.input.first) as one, opened(snakemake.input.second) as other:
        found = shuffled_statistics(
            one["squared_distances"],
            other["squared_distances"],
            replicates,
            seed,
            **settings,
            baselines=params.baselines,
            labels=labels,
            threads=snakemake.threads,
        )
    files.write(
        snakemake.output[0],
        {"replicate": replicates, **found},
        {**dict(snakemake.wildcards), **settings, "seed": seed, "within": params.within},
    )
