"""Squared distances within one of the two sets."""

from idbias.stage import device, stage

with stage(snakemake) as execution:
    from idbias import files
    from idbias.correlation.distances import write_squared_distances

    with files.opened(snakemake.input.pairs) as pairs:
        write_squared_distances(
            pairs[snakemake.wildcards.first_or_second],
            snakemake.output[0],
            snakemake.params.dtype,
            attributes=dict(snakemake.wildcards),
            threads=snakemake.threads,
            device=device(execution),
        )
