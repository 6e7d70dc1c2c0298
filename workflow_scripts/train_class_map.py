"""Train the map of one class on its clean images and on those attacked into it."""

from idbias.machine import made_by
from idbias.stage import checkpoint_path, device, stage

with stage(snakemake, networks=True) as execution:
    import numpy as np
    import torch

    from idbias import files
    from idbias.class_maps import images, training
    from idbias.classifiers import models
    from idbias.config.schema import ClassMaps
    from idbias.datasets.images import image_counts
    from idbias.progress import progress

    torch.set_num_threads(snakemake.threads)
    given, params, where = snakemake.input, snakemake.params, device(execution)
    label, settings = int(snakemake.wildcards.label), ClassMaps(**params.settings)
    _, tests = image_counts(given.dataset)
    with files.opened(given.attack) as attack:
        trains = images.trained_on(attack["index"][()], tests, params.masked, params.seed)
        sets = images.sets_of(label, given.dataset, attack, trains)
    checkpoint = checkpoint_path(execution, snakemake.output[0])
    bar = progress(total=settings.max_steps, unit="epoch", label=f"map of class {label}")
    trained = training.train_class_map(
        models.load(given.classifier, where, sets[1][0]),
        sets,
        settings,
        device=where,
        engine=execution.engine,
        checkpoint=checkpoint,
        checkpoint_seconds=execution.checkpoint_seconds,
        progress=bar.update,
    )
    bar.close()
    files.write(
        snakemake.output[0],
        {
            "class": np.array([label]),
            "mask": trained["mask"][None],
            "epochs": np.array([trained["epochs"]]),
            "loss": np.array([trained["loss"]]),
            "converged": np.array([trained["converged"]]),
            "adversarial_images": np.array([len(sets[0][0])]),
            "clean_images": np.array([len(sets[1][0])]),
        },
        {
            **dict(snakemake.wildcards),
            "settings": dict(params.settings),
            "seed": params.seed,
            **made_by(where, trained["engine"]),
        },
    )
