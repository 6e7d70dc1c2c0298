"""Intrinsic dimension of each set and of both joined, and the baselines, as the sets are."""

from idbias.stage import stage

with stage(snakemake) as execution:
    import numpy as np

    from idbias import files
    from idbias.correlation.estimators import Estimator
    from idbias.correlation.observed_statistics import observed_statistics

    params = snakemake.params
    estimator = Estimator(**params.estimator)
    opened = files.opened
    with (
        opened(snakemake.input.pairs) as pairs,
        opened(snakemake.input.first) as first,
        opened(snakemake.input.second) as second,
    ):
        statistics, reasons = observed_statistics(
            first["squared_distances"],
            second["squared_distances"],
            (pairs["first"], pairs["second"]) if params.baselines else None,
            estimator,
            dict(params.preprocessing),
            threads=snakemake.threads,
            seed=params.seed,
            with_svcca=params.svcca,
            labels=pairs["label"][()] if "label" in pairs else None,
        )
    by_reference = execution.engine == "reference" and estimator.algorithm == "base"
    if by_reference and "joined" in statistics:
        from idbias.correlation.reference import dimensions_of_pairs

        [statistics["joined"]] = dimensions_of_pairs(
            snakemake.input.pairs,
            lambda count: [np.arange(count)],
            estimator.mu_fraction,
            dict(params.preprocessing),
        )
    reasons = {f"reason_{name}": reason for name, reason in reasons.items()}
    made_by = {**dict(snakemake.wildcards), **estimator.settings, "by_reference": by_reference}
    files.write(snakemake.output[0], statistics, {**made_by, **reasons})
