"""Train one classifier, load published weights, or fine-tune them; then classify the images."""

from idbias.machine import made_by
from idbias.stage import checkpoint_path, device, stage

with stage(snakemake, networks=True) as execution:
    import torch

    from idbias import files
    from idbias.classifiers import models, training, weights
    from idbias.classifiers.predictions import predict, tell_accuracy
    from idbias.classifiers.probe import probe
    from idbias.config.schema_entries import Recipe
    from idbias.datasets.images import class_names, image_counts, read_images
    from idbias.provenance import GIVEN, described

    settings, seed = dict(snakemake.params.settings), snakemake.params.seed
    dataset, output, where = snakemake.input.dataset, snakemake.output, device(execution)
    total, total_tests = image_counts(dataset)
    some, _ = read_images(dataset, "masked", slice(0, min(total, 3)))
    shape, classes = some.shape[1:], len(class_names(dataset))
    classifier, claimed = models.make(settings, shape, classes, seed), None
    if snakemake.params.of_another_seed and not settings["weights"]:
        models.tell_if_not_drawn(settings, shape, classes, seed)
    if settings["weights"]:
        if settings["weights"]["new_head"]:  # which is found by running the network
            probe(classifier.eval(), some, classes, settings["network"], trained=False)
        claimed = weights.load_weights(
            classifier.network,
            snakemake.input.weights[0],
            settings["weights"]["sha256"],
            new_head=settings["weights"]["new_head"],
            key=settings["weights"].get("key"),
            images=torch.as_tensor(some),
        )
    # Before hours of training; a head that has not been trained may give gradients of zero.
    probe(classifier.eval(), some, classes, settings["network"], trained=not settings["recipe"])
    history, checkpoint = [], checkpoint_path(execution, output.classifier)
    if settings["recipe"]:
        images, labels = read_images(dataset, "train", keep_bytes=True)
        test_images, test_labels = read_images(dataset, "test", keep_bytes=True)
        history = training.train(
            classifier,
            images,
            labels,
            Recipe(**settings["recipe"]),
            seed=seed,
            test_images=test_images,
            test_labels=test_labels,
            checkpoint=checkpoint,
            device=where,
        )
    of = dict(snakemake.wildcards)
    attributes = {**of, "settings": settings, "seed": seed, **made_by(where)}
    attributes[GIVEN] = described(snakemake.input.weights)
    models.save(output.classifier, classifier, settings, shape, classes, history, attributes)
    # As every later stage reads it: in eval mode, frozen.
    trained, classifier = classifier, models.load(output.classifier, where, some)
    models.check_loaded(trained.to(where).eval(), classifier, some, settings["network"])
    predictions, accuracy = predict(classifier, dataset, where)
    # What a checkpoint claims holds as long as it was not trained further.
    tell_accuracy(
        accuracy, total_tests, classes, snakemake.wildcards.classifier, None if history else claimed
    )
    files.write(
        output.predictions, predictions, {**of, "test_accuracy": accuracy, **made_by(where)}
    )
