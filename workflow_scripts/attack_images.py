"""Attack the correctly classified images of one shard."""

from idbias.config.counts import shard_rows
from idbias.machine import made_by
from idbias.stage import device, stage

with stage(snakemake, networks=True) as execution:
    from idbias import files
    from idbias.attacks import adversarial_images, batched, brendel_bethge
    from idbias.classifiers import models
    from idbias.config.schema_attacks import Attack
    from idbias.datasets.images import image_counts, read_images

    settings, rows = dict(snakemake.params.settings), shard_rows(snakemake.wildcards.shard)
    attack = Attack(**settings)
    # Brendel-Bethge asks for no GPU (attack_shard_on_cpu), and so takes none.
    where = "cpu" if attack.brendel_bethge else device(execution)
    images, labels = read_images(snakemake.input.dataset, "masked", rows)
    classifier = models.load(snakemake.input.classifier, where, images)
    predictions, _ = files.read(snakemake.input.predictions, ["index", "correct"])
    correct = predictions["correct"][rows]
    index = predictions["index"][rows][correct]
    batch, seed = {"batch_size": execution.attack_batch}, {"seed": snakemake.params.seed}
    if attack.brendel_bethge:
        # The same images for all shards, so that where an attack starts depends on no shard.
        _, tests = image_counts(snakemake.input.dataset)
        candidates, _ = read_images(snakemake.input.dataset, "test", slice(0, min(tests, 1000)))
        options = {"candidates": candidates, "time_limit": attack.time_limit, **seed}
        run, what = brendel_bethge.run, settings
    elif attack.attack == "file":
        run, what, options = adversarial_images.run, snakemake.input.made_elsewhere[0], batch
    else:
        run, what, options = batched.run, settings, {**batch, **seed}
    label = f"{snakemake.wildcards.attack} {snakemake.wildcards.shard}"
    attacked = run(
        classifier, images[correct], labels[correct], index, what,
        device=where, label=label, **options,
    )  # fmt: skip
    files.write(
        snakemake.output[0],
        {"index": index, "label": labels[correct], **attacked},
        {
            **dict(snakemake.wildcards),
            "settings": settings,
            "seed": snakemake.params.seed,
            **made_by(where),
        },
    )
