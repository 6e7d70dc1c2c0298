"""Intrinsic dimension of the joined sets with the second shuffled, for one shard of replicates."""

from idbias.stage import shard_rows, stage

with stage(snakemake):
    from idbias import files
    from idbias.correlation.id_test import shuffled_dimensions

    settings, seed = dict(snakemake.params.settings), snakemake.params.seed
    rows = shard_rows(snakemake.wildcards.shard)
    replicates = range(rows.start, rows.stop)
    labels = None
    if snakemake.params.within_class:
        labels = files.read(snakemake.input.pairs, ["label"])[0]["label"]
    opened = files.opened
    with opened(snakemake.input.first) as one, opened(snakemake.input.second) as other:
        dimensions = shuffled_dimensions(
            one["squared_distances"],
            other["squared_distances"],
            replicates,
            seed,
            **settings,
            labels=labels,
            threads=snakemake.threads,
        )
    files.write(
        snakemake.output[0],
        {"replicate": replicates, "intrinsic_dimension": dimensions},
        {**dict(snakemake.wildcards), **settings, "seed": seed},
    )
