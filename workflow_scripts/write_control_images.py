"""What takes the place of the adversarial images of one shard, in the form of an attack's file."""

from idbias.config.counts import shard_rows
from idbias.stage import stage

with stage(snakemake):
    from idbias import files
    from idbias.controls.images import control_images
    from idbias.datasets.images import read_images

    rows = shard_rows(snakemake.wildcards.shard)
    attacked, _ = files.read(snakemake.input.attack)
    clean, _ = read_images(snakemake.input.dataset, "masked", rows)
    images, targets = control_images(
        snakemake.wildcards.control,
        clean[attacked["index"] - rows.start],
        attacked,
        snakemake.params.norm,
        snakemake.params.seed,
    )
    files.write(
        snakemake.output[0],
        {
            "index": attacked["index"],
            "label": attacked["label"],
            # Masks are trained of the images that the attack succeeded on, as the attack's are.
            "success": attacked["success"],
            "adversarial": images,
            "adversarial_class": targets,
        },
        {**dict(snakemake.wildcards), "seed": snakemake.params.seed, "norm": snakemake.params.norm},
    )
