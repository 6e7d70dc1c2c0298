"""Write the file that names the shards of a stage as one, without copying them."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.files import join_shards

    join_shards(snakemake.output[0], list(snakemake.input), dict(snakemake.wildcards))
