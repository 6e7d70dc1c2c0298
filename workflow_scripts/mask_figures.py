"""Figures of the pairs of one attack: images before and after filtering, masks, means, profiles."""

from idbias.stage import stage

with stage(snakemake):
    import json

    import numpy as np
    import pandas as pd

    from idbias import files
    from idbias.datasets.images import read_images
    from idbias.report import figures
    from idbias.report import figures_masks as drawing

    source, pairs = snakemake.input.dataset, snakemake.input.pairs
    name = ", ".join(snakemake.params.names)
    with files.opened(source) as file:
        classes = json.loads(file.attrs["classes"])

    with files.opened(pairs) as file:
        rows = np.sort(drawing.examples(file["label"][()], 20))
        rows = rows[np.argsort(file["label"][rows], kind="stable")]
        read = {key: np.stack([file[key][row] for row in rows]) for key in file}
        mean, profile = zip(
            *(drawing.averages(file[key]) for key in ("first", "second")), strict=True
        )

    def at(path, wanted):
        """Datasets of an earlier stage's file, at the images shown."""
        with files.opened(path) as file:
            position = {index: row for row, index in enumerate(file["index"][()])}
            chosen = [position[index] for index in read["index"]]
            return {key: np.stack([file[key][row] for row in chosen]) for key in wanted}

    attacked = at(snakemake.input.attack, ["adversarial", "adversarial_class", "linf", "l2"])
    about = {"index": read["index"], "label": read["label"], "cosine": read["cosine"]}
    about |= {key: attacked[key] for key in ("adversarial_class", "linf", "l2")}
    for kind, masks in (("essential", "first"), ("adversarial", "second")):
        trained = at(snakemake.input[kind], ["steps", "loss", "predicted"])
        about |= {f"{kind}_{key}": value for key, value in trained.items()}
        flat = read[masks].reshape(len(rows), -1)
        about |= {f"{kind}_sum": flat.sum(axis=1), f"{kind}_zeros": (flat == 0).mean(axis=1)}
    about = pd.DataFrame(about)

    few = np.sort(drawing.examples(read["label"], 10))
    clean = [read_images(source, "masked", slice(i, i + 1))[0][0] for i in about["index"][few]]
    figure = drawing.before_and_after(
        np.stack(clean),
        attacked["adversarial"][few],
        read["first"][few],
        read["second"][few],
        about.iloc[few],
        classes,
    )
    figures.write(figure, about.iloc[few], *snakemake.output.images)

    titles = [classes[label] for label in about["label"]]
    for masks, paths in (
        ("first", snakemake.output.essential_masks),
        ("second", snakemake.output.adversarial_masks),
    ):
        figures.write(drawing.gallery(read[masks], titles), about, *paths)

    figure = drawing.mean_masks(*mean, name)
    figures.write(figure, drawing.mean_table(*mean), *snakemake.output.mean_masks)
    profiles = pd.concat(
        [
            one.assign(set=kind)
            for kind, one in zip(("essential", "adversarial"), profile, strict=True)
        ]
    )
    figures.write(
        drawing.radial_profiles(profiles, name), profiles, *snakemake.output.radial_profile
    )
