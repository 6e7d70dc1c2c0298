"""Spectra of one classifier: its input gradients and, of a linear one, its weights."""

import json

import pandas as pd

from idbias import files
from idbias.classifiers import models
from idbias.classifiers.paper2 import zoo_model
from idbias.datasets.images import image_counts, read_images
from idbias.spectra.measured_spectra import of_gradients, of_linear


def measure(path, dataset, predictions, images, device="cpu"):
    """Measure a classifier: gradients of its correctly classified images, weights if it is linear.

    path, dataset, predictions: files of those stages; images: how many, from the first, are
    attacked. Returns (datasets, rows): `of_gradients` under gradient/ and `of_linear` under
    weights/, name -> array, and rows of `linear_models.inequalities`, empty if it is no linear
    convolutional model of paper 2.
    """
    total, _ = image_counts(dataset)
    some, _ = read_images(dataset, "masked", slice(0, min(total, 3)))
    classifier = models.load(path, device, some)
    predicted, _ = files.read(predictions, ["index", "label", "correct"])
    chosen = predicted["correct"] & (predicted["index"] < images)
    index, labels = predicted["index"][chosen], predicted["label"][chosen]
    arrays = {"gradient": of_gradients(classifier, dataset, index, labels, device)}
    network = json.loads(files.read(path, [])[1]["made_of"])["network"]
    model, rows = zoo_model(network["network"], network.get("arguments")), []
    if model.get("nonlinearity") == "linear":
        shape = read_images(dataset, "test", slice(0, 1))[0].shape[1:]
        # An eighth and a quarter of the image's side: half and all of the way to its finest stripes.
        radii = [max(1, shape[1] // 8), max(2, shape[1] // 4)]
        convolutional = model["architecture"].endswith("_convolution")
        arrays["weights"], rows = of_linear(classifier, shape, radii if convolutional else ())
    datasets = {
        f"{of}/{name}": values for of, part in arrays.items() for name, values in part.items()
    }
    return datasets, rows


def table(names, rows):
    """Return the inequalities' rows as a DataFrame, behind the columns `names`; empty with its header."""
    columns = ["experiment", "classifier", "inequality", "radius", "holds"]
    inequalities = pd.DataFrame([{**names, **row} for row in rows])
    return inequalities.reindex(
        columns=[*columns, *inequalities.columns.difference(columns, sort=False)]
    )
