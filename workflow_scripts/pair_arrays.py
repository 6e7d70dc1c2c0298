"""Two sets that are no masks, as pairs: the spiral's scalars (Table 1), or arrays of the user's own."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.correlation import arrays

    arrays.write_pairs(
        snakemake.output[0], **snakemake.params.arrays, attributes=dict(snakemake.wildcards)
    )
