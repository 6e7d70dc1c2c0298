"""A classifier's error under noise of single frequencies, and its accuracy against a band kept."""

from idbias.stage import device, stage

with stage(snakemake, networks=True) as execution:
    from idbias import files
    from idbias.classifiers import models, sensitivity
    from idbias.datasets.images import images_at, read_images
    from idbias.errors import InputError

    dataset, on = snakemake.input.dataset, device(execution)
    predicted, _ = files.read(snakemake.input.predictions, ["index", "label", "correct"])
    right = predicted["correct"] & (predicted["index"] < snakemake.params.images)
    if not right.any():
        raise InputError(
            f"{snakemake.input.classifier} classifies no image correctly; look at its training."
        )
    shape = read_images(dataset, "masked", slice(0, 1))[0].shape[1:]
    index = sensitivity.chosen(predicted["index"][right], shape)
    images = images_at(dataset, index)
    labels = predicted["label"][index]
    classifier = models.load(snakemake.input.classifier, on, images)
    level = sensitivity.noise_level(classifier, images, labels, on)
    vertical, horizontal, error = sensitivity.heat_map(classifier, images, labels, level, on)
    bands = sensitivity.bands(classifier, images, labels, on)
    files.write(
        snakemake.output[0],
        {
            "index": index,
            "noise/vertical": vertical,
            "noise/horizontal": horizontal,
            "noise/error": error,
            **{f"bands/{name}": values for name, values in bands.items()},
        },
        {**dict(snakemake.wildcards), "noise": level},
    )
