"""Accuracy before the attack, after it, and after the maps undid it, on images held out."""

from idbias.stage import device, stage

with stage(snakemake, networks=True) as execution:
    import numpy as np
    import pandas as pd

    from idbias import files
    from idbias.class_maps.images import trained_on
    from idbias.class_maps.outcome import outcome
    from idbias.classifiers import models
    from idbias.datasets.images import image_counts, images_at
    from idbias.report.tables import write_csv

    given, params, where = snakemake.input, snakemake.params, device(execution)
    maps = [files.read(path)[0] for path in given.maps]
    _, tests = image_counts(given.dataset)
    trains = trained_on(np.arange(params.images), tests, params.masked, params.seed)
    with files.opened(given.attack) as attack:
        outcomes = outcome(
            models.load(given.classifier, where, images_at(given.dataset, attack["index"][:3])),
            np.concatenate([trained["mask"] for trained in maps]),
            given.dataset,
            attack,
            ~trains[attack["index"][()]],
            int((~trains).sum()),
            where,
        )
    about = {
        "training_images": int(trains.sum()),
        "maps": len(maps),
        "converged": sum(int(trained["converged"][0]) for trained in maps),
    }
    write_csv(snakemake.output[0], pd.DataFrame([{**dict(params.names), **about, **outcomes}]))
