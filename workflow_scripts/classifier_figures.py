"""Figures of one classifier: its training, the steps its masks took, and how many images are left."""

from idbias.stage import stage

with stage(snakemake):
    import numpy as np
    import pandas as pd

    from idbias import files
    from idbias.report import figures

    name = ", ".join(snakemake.params.names)
    with files.opened(snakemake.input.classifier) as file:
        columns = {key: values[()] for key, values in file.get("history", {}).items()}
    history = pd.DataFrame(columns)
    figures.write(figures.training_curves(history, name), history, *snakemake.output.training)

    correct = files.read(snakemake.input.predictions, ["correct"])[0]["correct"]
    images = snakemake.params.images
    rows = [("", "images", images), ("", "classified correctly", correct[:images].sum())]
    masks, kept = [], {}
    attacks = list(snakemake.params.attacks)
    wanted = ["index", "label", "target", "steps", "loss", "converged", "kept"]
    for one, path in zip(["essential", *attacks], snakemake.input.masks, strict=True):
        table = pd.DataFrame(files.read(path, wanted)[0])
        masks.append(table.assign(set=one))
        kept[one] = table.loc[table["kept"], "index"]
    rows += [("", "essential masks kept", len(kept["essential"]))]
    for attack, path in zip(attacks, snakemake.input.attacks, strict=True):
        success = files.read(path, ["success"])[0]["success"]
        rows += [
            (attack, "attack succeeded", success.sum()),
            (attack, "adversarial masks kept", len(kept[attack])),
            (attack, "pairs", len(np.intersect1d(kept["essential"], kept[attack]))),
        ]
    masks = pd.concat(masks)
    figures.write(figures.mask_steps(masks, name), masks, *snakemake.output.mask_steps)
    counts = pd.DataFrame(rows, columns=["set", "stage", "images"])
    figures.write(figures.yields(counts, name), counts, *snakemake.output.yields)
