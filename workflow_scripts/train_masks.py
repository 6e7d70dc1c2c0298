"""Train the essential or the adversarial masks of one shard of images."""

from idbias.config.counts import shard_rows
from idbias.machine import made_by
from idbias.stage import checkpoint_path, device, stage

with stage(snakemake, networks=True) as execution:
    import torch

    from idbias import files
    from idbias.classifiers import models
    from idbias.config.schema import Masks
    from idbias.datasets.images import read_images
    from idbias.masks import training
    from idbias.progress import progress
    from idbias.shards import MADE_ON

    torch.set_num_threads(snakemake.threads)
    where, rows = device(execution), shard_rows(snakemake.wildcards.shard)
    if "attack" in dict(snakemake.wildcards):
        # Only images the attack succeeded on, towards the class it brought them to.
        names = ["success", "index", "label", "adversarial_class", "adversarial"]
        shard, _ = files.read(snakemake.input.targets, names)
        wanted, index, labels, targets, images = (shard.pop(name) for name in names)
        index, labels, targets = index[wanted], labels[wanted], targets[wanted]
        images = images[wanted]
    else:
        images, labels = read_images(snakemake.input.dataset, "masked", rows)
        shard, _ = files.read(snakemake.input.targets, ["index", "correct"])
        wanted = shard["correct"][rows]
        index, labels = shard["index"][rows][wanted], labels[wanted]
        images, targets = images[wanted], labels
    settings = Masks(**snakemake.params.settings)
    checkpoint = checkpoint_path(execution, snakemake.output[0])
    bar = progress(total=len(images), unit="mask", label=f"masks {snakemake.wildcards.shard}")
    trained = training.train_masks(
        models.load(snakemake.input.classifier, where, images),
        images,
        targets,
        settings,
        batch_size=None if execution.mask_batch == "auto" else execution.mask_batch,
        device=where,
        engine=execution.engine,
        checkpoint=checkpoint,
        checkpoint_seconds=execution.checkpoint_seconds,
        progress=bar.update,
        compressed=True,
    )
    bar.close()
    files.write(
        snakemake.output[0],
        {
            "index": index,
            "label": labels,
            "target": targets,
            "mask": trained.masks,
            "steps": trained.steps,
            "loss": trained.loss,
            "converged": trained.converged,
            "kept": trained.kept,
            "predicted": trained.predicted,
            "finite": trained.finite,
        },
        {
            **dict(snakemake.wildcards),
            "settings": dict(snakemake.params.settings),
            **made_by(where, trained.engine),
            **({MADE_ON: trained.makers} if len(trained.makers) > 1 else {}),
        },
    )
