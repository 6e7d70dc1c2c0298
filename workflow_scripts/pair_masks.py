"""Pair the essential and the adversarial masks of the images that have both."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.correlation import pairs

    pairs.write_mask_pairs(
        snakemake.output[0],
        snakemake.input.essential,
        snakemake.input.adversarial,
        attack=snakemake.input.attack,
        predictions=snakemake.input.predictions,
        images=snakemake.params.images,
        attributes=dict(snakemake.wildcards),
    )
