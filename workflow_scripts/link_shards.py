"""Show the shards of a stage as one file, without copying them."""

from idbias.stage import stage

with stage(snakemake):
    from idbias import files

    files.link_shards(snakemake.output[0], list(snakemake.input), dict(snakemake.wildcards))
