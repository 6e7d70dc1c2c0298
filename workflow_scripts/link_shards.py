"""Show the shards of a stage as one file, without copying them."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.files import link_shards

    link_shards(snakemake.output[0], list(snakemake.input), dict(snakemake.wildcards))
