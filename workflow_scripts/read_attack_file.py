"""Check adversarial images that were made elsewhere, before anything else runs."""

from idbias.stage import stage

with stage(snakemake):
    from idbias.attacks import attack_files

    attack_files.write(
        snakemake.output[0],
        snakemake.input.dataset,
        snakemake.params.images,
        **snakemake.params.files,
    )
