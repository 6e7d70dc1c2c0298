"""Squared distances within each of the two sets."""

from idbias.stage import device, stage

with stage(snakemake) as execution:
    from idbias import files
    from idbias.correlation.distances import write_squared_distances

    with files.opened(snakemake.input.pairs) as pairs:
        for name in ("first", "second"):
            write_squared_distances(
                pairs[name],
                snakemake.output[name],
                snakemake.params.dtype,
                attributes={**dict(snakemake.wildcards), "first_or_second": name},
                threads=snakemake.threads,
                device=device(execution),
            )
