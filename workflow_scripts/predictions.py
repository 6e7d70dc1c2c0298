"""Classify the test images: logits, predicted class, and which are right."""

from idbias.stage import device, stage

with stage(snakemake) as execution:
    from idbias import classifiers, files
    from idbias.images import read_images

    where = device(execution)
    classifier = classifiers.load(snakemake.input.classifier, where)
    images, labels = read_images(snakemake.input.dataset, "test")
    logits = classifiers.logits_of(classifier, images, device=where)
    predicted = logits.argmax(1)
    files.write(
        snakemake.output[0],
        {
            "index": range(len(labels)),
            "label": labels,
            "logits": logits,
            "predicted": predicted,
            "correct": predicted == labels,
        },
        {"experiment": snakemake.wildcards.experiment, "accuracy": (predicted == labels).mean()},
    )
