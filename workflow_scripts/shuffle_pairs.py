"""Statistics of the joined sets with the second shuffled, for one shard of replicates."""

from idbias.config.counts import shard_rows
from idbias.stage import stage

with stage(snakemake) as execution:
    from idbias import files
    from idbias.correlation.dependence import shuffle, shuffled_statistics
    from idbias.correlation.estimators import Estimator
    from idbias.correlation.strata import of_pairs, paired

    params, seed = snakemake.params, snakemake.params.seed
    estimator = Estimator(**params.estimator)
    rows = shard_rows(snakemake.wildcards.shard)
    replicates = range(rows.start, rows.stop)
    labels = of_pairs(params.within, snakemake.input.pairs, snakemake.input.dataset, params.stratum)
    opened = files.opened
    with opened(snakemake.input.first) as first, opened(snakemake.input.second) as second:
        statistics = shuffled_statistics(
            first["squared_distances"],
            second["squared_distances"],
            replicates,
            seed,
            estimator,
            labels,
            params.baselines,
            threads=snakemake.threads,
        )
    by_reference = execution.engine == "reference" and estimator.algorithm == "base"
    if by_reference:
        from idbias.correlation.reference import dimensions_of_pairs

        statistics["intrinsic_dimension"] = dimensions_of_pairs(
            snakemake.input.pairs,
            lambda count: [shuffle(count, seed, replicate, labels) for replicate in replicates],
            estimator.mu_fraction,
            dict(params.preprocessing),
        )
    files.write(
        snakemake.output[0],
        {"replicate": replicates, **statistics},
        {
            **dict(snakemake.wildcards),
            **estimator.settings,
            "seed": seed,
            "within": params.within,
            **paired(labels),
            "by_reference": by_reference,
        },
    )
