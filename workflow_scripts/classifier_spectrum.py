"""Where a classifier's input gradients, and a linear one's weights, have their energy."""

from idbias.stage import device, stage

with stage(snakemake) as execution:
    import json

    import pandas as pd

    from idbias import files
    from idbias.classifiers import models
    from idbias.classifiers.paper2 import ZOO
    from idbias.datasets.images import read_images
    from idbias.spectra import measured_spectra

    where, dataset = device(execution), snakemake.input.dataset
    classifier = models.load(snakemake.input.classifier, where)
    predictions, _ = files.read(snakemake.input.predictions, ["index", "label", "correct"])
    chosen = predictions["correct"] & (predictions["index"] < snakemake.params.images)
    index, labels = predictions["index"][chosen], predictions["label"][chosen]
    arrays = {"gradient": measured_spectra.of_gradients(classifier, dataset, index, labels, where)}
    made_of = json.loads(files.read(snakemake.input.classifier, [])[1]["made_of"])
    model, rows = ZOO.get(made_of["network"]["network"], {}), []
    if model.get("nonlinearity") == "linear":
        shape = read_images(dataset, "test", slice(0, 1))[0].shape[1:]
        # An eighth and a quarter of the image's side: half and all of the way to its finest stripes.
        radii = [max(1, shape[1] // 8), max(2, shape[1] // 4)]
        convolutional = model["architecture"].endswith("_convolution")
        arrays["weights"], rows = measured_spectra.of_linear(
            classifier, shape, radii if convolutional else ()
        )
    datasets = {
        f"{of}/{name}": values for of, part in arrays.items() for name, values in part.items()
    }
    files.write(
        snakemake.output.spectrum,
        datasets,
        {**dict(snakemake.wildcards), "radii": measured_spectra.RADII},
    )
    with files.replacing(snakemake.output.inequalities) as temporary:
        columns = ["experiment", "classifier", "inequality", "radius", "holds"]
        table = pd.DataFrame([{**dict(snakemake.wildcards), **row} for row in rows])
        table.reindex(columns=[*columns, *table.columns.difference(columns, sort=False)]).to_csv(
            temporary, index=False
        )
