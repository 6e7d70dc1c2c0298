"""Train one classifier."""

from pathlib import Path

from idbias.stage import checkpoint_path, device, stage

with stage(snakemake) as execution:
    from idbias import classifiers, training
    from idbias.images import read_images
    from idbias.progress import progress

    settings, seed = dict(snakemake.params.settings), snakemake.params.seed
    images, labels = read_images(snakemake.input.dataset, "train")
    test_images, test_labels = read_images(snakemake.input.dataset, "test")
    shape, classes = images.shape[1:], int(labels.max()) + 1
    classifier = classifiers.make(settings, shape, classes, seed)
    checkpoint = checkpoint_path(execution, snakemake.output[0])
    history = training.train(
        classifier,
        images,
        labels,
        training.Recipe(**settings["recipe"]),
        seed=seed,
        test_images=test_images,
        test_labels=test_labels,
        checkpoint=checkpoint,
        device=device(execution),
        progress=progress,
    )
    attributes = {"experiment": snakemake.wildcards.experiment, "settings": settings, "seed": seed}
    classifiers.save(snakemake.output[0], classifier, settings, shape, classes, history, attributes)
    Path(checkpoint).unlink(missing_ok=True)
