"""Two sets that are no masks, as pairs: the spiral's scalars (Table 1), or arrays of the user's own."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.correlation import arrays
    from idbias.provenance import GIVEN, described

    named = dict(snakemake.params.arrays)
    attributes = {**dict(snakemake.wildcards), GIVEN: described(named.values())}
    arrays.write_pairs(snakemake.output[0], **named, attributes=attributes)
