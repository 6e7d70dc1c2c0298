"""Squared distances within each of the two sets, pooled and standardised if the settings say so."""

from idbias.stage import device, stage

with stage(snakemake) as execution:
    from idbias import files
    from idbias.correlation.distances import write_squared_distances
    from idbias.correlation.preprocessing import preprocessed

    settings = dict(snakemake.params.preprocessing)
    with files.opened(snakemake.input.pairs) as pairs:
        for name in ("first", "second"):
            write_squared_distances(
                preprocessed(pairs[name], **settings),
                snakemake.output[name],
                snakemake.params.dtype,
                attributes={**dict(snakemake.wildcards), "first_or_second": name, **settings},
                threads=snakemake.threads,
                device=device(execution),
            )
