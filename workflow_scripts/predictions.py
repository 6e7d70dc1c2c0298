"""Classify the images that may get masks: logits, predicted class, and which are right."""

from idbias.stage import device, stage

with stage(snakemake) as execution:
    import numpy as np

    from idbias import files
    from idbias.classifiers import models
    from idbias.datasets.images import image_counts, read_images
    from idbias.progress import progress

    where, path = device(execution), snakemake.input.dataset
    classifier = models.load(snakemake.input.classifier, where)
    total, tests = image_counts(path)
    labels, logits = [], []
    for first in progress(range(0, total, 2048), unit="block", label="predictions"):
        images, block = read_images(path, "masked", slice(first, min(first + 2048, total)))
        labels.append(block)
        logits.append(models.logits_of(classifier, images, device=where))
    labels, logits = np.concatenate(labels), np.concatenate(logits)
    predicted = logits.argmax(1)
    correct = predicted == labels
    files.write(
        snakemake.output[0],
        {
            "index": range(total),
            "label": labels,
            "logits": logits,
            "predicted": predicted,
            "correct": correct,
        },
        {"experiment": snakemake.wildcards.experiment, "test_accuracy": correct[:tests].mean()},
    )
