"""The published files that experiments read: where each comes from, and its name in resources/."""

import hashlib

from idbias.datasets.published import PUBLISHED
from idbias.errors import InputError


def local_path(path):
    """Return the path of what may be a file:// address."""
    return path.removeprefix("file://")


def downloads(dataset):
    """Return the files of a published dataset, name -> (urls, sha256)."""
    known = PUBLISHED.get(dataset.source)
    return known.files if known else {}


def weights_name(weights):
    """Return a file's name for weights: many checkpoints are called model.safetensors where they lie."""
    first = weights.addresses[0]
    return f"{hashlib.sha256(first.encode()).hexdigest()[:8]}-{first.rsplit('/', 1)[1]}"


def download_of(experiments, folder, file):
    """Return (urls, sha256) of resources/`folder`/`file`, which one of `experiments` reads.

    Raises InputError if none does.
    """
    known = {}
    for experiment in experiments:
        if experiment.dataset.source == folder:
            known |= downloads(experiment.dataset)
        if folder == "weights":
            weights = [classifier.weights for classifier in experiment.trained.values()]
            known |= {
                weights_name(checkpoint): (checkpoint.addresses, checkpoint.sha256)
                for checkpoint in weights
                if checkpoint and not checkpoint.path
            }
    if file not in known:
        raise InputError(f"nothing is known to download as resources/{folder}/{file}.")
    return known[file]
