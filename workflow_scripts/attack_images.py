"""Attack the correctly classified images of one shard."""

from idbias.stage import device, shard_rows, stage

with stage(snakemake) as execution:
    from idbias import files
    from idbias.attacks import batched, brendel_bethge
    from idbias.classifiers import models
    from idbias.config.schema import Attack
    from idbias.datasets.images import read_images

    where, rows = device(execution), shard_rows(snakemake.wildcards.shard)
    settings = dict(snakemake.params.settings)
    classifier = models.load(snakemake.input.classifier, where)
    images, labels = read_images(snakemake.input.dataset, "masked", rows)
    predictions, _ = files.read(snakemake.input.predictions, ["index", "correct"])
    correct = predictions["correct"][rows]
    index = predictions["index"][rows][correct]
    options = {
        "seed": snakemake.params.seed,
        "device": where,
        "label": f"{snakemake.wildcards.attack} {snakemake.wildcards.shard}",
    }
    if Attack(**settings).one_at_a_time:
        run = brendel_bethge.run
        # The same images for all shards, so that where an attack starts depends on no shard.
        options["candidates"], _ = read_images(snakemake.input.dataset, "test", slice(0, 1000))
    else:
        run = batched.run
        options["batch_size"] = execution.attack_batch
    attacked = run(classifier, images[correct], labels[correct], index, settings, **options)
    files.write(
        snakemake.output[0],
        {"index": index, "label": labels[correct], **attacked},
        {**dict(snakemake.wildcards), "settings": settings, "seed": snakemake.params.seed},
    )
