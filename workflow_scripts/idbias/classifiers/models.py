"""A trained classifier: a network with its normalisation, kept in an HDF5 file."""

import json
import sys
import traceback

import numpy as np
import torch
from torch import nn

from idbias import files
from idbias.classifiers.networks.by_name import build
from idbias.classifiers.probe import probe, three_of, warn
from idbias.config.batches import CLASSIFIED, at_once
from idbias.errors import InputError, said
from idbias.seeding import seeded


class Normalised(nn.Module):
    """A network that takes images in [0, 1]: float32 (N, C, H, W) to logits (N, K).

    `mean`, `std`: one number a channel, or None for 0 and 1. Raises InputError if their length is
    not C.
    """

    def __init__(self, network, channels, mean=None, std=None):
        super().__init__()
        self.network = network
        for name, values, default in (("mean", mean, 0.0), ("std", std, 1.0)):
            values = [default] * channels if values is None else values
            if len(values) != channels:
                raise InputError(
                    f"the classifier's {name} has {len(values)} numbers, the images have {channels} "
                    f"channels; give {channels}."
                )
            self.register_buffer(name, torch.tensor(values).view(-1, 1, 1))

    def forward(self, images):
        return self.network((images - self.mean) / self.std)


def make(settings, shape, classes, seed=0):
    """Return an untrained `Normalised` network; its weights are drawn from `seed`.

    `settings`: dict with network, arguments and normalisation (a dict of mean and std, or None);
    `shape`: (C, H, W). Raises InputError if it cannot be built.
    """
    name = settings["network"]
    try:
        with seeded("initial weights", seed):
            network = build(name, shape, classes, settings["arguments"])
    except InputError:
        raise
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        raise InputError(
            f"config.yaml, classifiers: network {name} cannot be built for images of shape {tuple(shape)} "
            f"and {classes} classes ({said(error)}); change its arguments, its constructor, or the "
            "dataset's size."
        ) from error
    if not isinstance(network, nn.Module):
        raise InputError(
            f"config.yaml, classifiers: network {name} builds a {type(network).__name__}; its "
            "constructor must return one torch.nn.Module."
        )
    return Normalised(network, shape[0], **(settings["normalisation"] or {}))


def tell_if_not_drawn(settings, shape, classes, seed):
    """Say on both streams if a network that is trained from several seeds has the same first weights for each.

    The arguments are those of `make`. It may be meant so, as where its function loads weights.
    """
    first, other = (make(settings, shape, classes, number).network for number in (seed, seed + 1))
    if all(map(torch.equal, first.parameters(), other.parameters())):
        for stream in (sys.stderr, sys.stdout):
            print(
                f"warning: network {settings['network']} has the same first weights for every seed, so that its "
                "trainings begin alike and differ less than new ones would; torch.manual_seed in its function?",
                file=stream,
            )


def save(path, classifier, settings, shape, classes, history, attributes):
    """Write a classifier and its training history (list of dicts of numbers, one an epoch).

    attributes: of the file; their `seed`, if any, is that which `make` was given.
    """
    weights = {f"weights/{name}": value.cpu() for name, value in classifier.state_dict().items()}
    columns = history[0] if history else {}
    training = {f"history/{name}": np.array([row[name] for row in history]) for name in columns}
    made_of = {"network": settings, "shape": list(shape), "classes": classes}
    files.write(path, {**weights, **training}, {"made_of": made_of, **attributes})


def load(path, device="cpu", images=None):
    """Read a classifier that `save` wrote: in eval mode, its parameters frozen, on `device`.

    images: float32 (N, C, H, W) that it is about to get, or None. With some, the network is probed on
    three of them (idbias.classifiers.probe), which raises InputError, or prints a warning to standard error.
    """
    with files.opened(path) as file:
        names = [f"weights/{name}" for name in file["weights"]]
    # Buffers may hold infinity, as masks of attention do.
    datasets, attributes = files.read(path, names, nan=names)
    made_of, seed = json.loads(attributes["made_of"]), int(attributes.get("seed", 0))
    classifier = make(made_of["network"], made_of["shape"], made_of["classes"], seed)
    weights = {
        name.removeprefix("weights/"): torch.as_tensor(value)
        for name, value in datasets.items()
        if name.startswith("weights/")
    }
    classifier.load_state_dict(weights)
    for name, parameter in classifier.named_parameters():
        if not parameter.isfinite().all():
            raise InputError(
                f"{path}: weights/{name} holds numbers that are not finite; delete the file, find in its stage's "
                "log what diverged, and run again."
            )
    classifier = classifier.requires_grad_(False).eval().to(device)
    if images is not None and len(images):
        name = made_of["network"]["network"]
        warn(probe(classifier, three_of(images), made_of["classes"], name))
    return classifier


@torch.no_grad()
def check_loaded(classifier, loaded, images, name):
    """Raise InputError unless a classifier answers as it did before it was saved and loaded.

    classifier, loaded: the same one, both in eval mode on one device; images: float32 (N, C, H, W).
    """
    device = next(loaded.parameters()).device
    before, after = (each(torch.as_tensor(images).to(device)) for each in (classifier, loaded))
    # The order of sums may differ, where training laid its channels last.
    if (before - after).abs().max() > 1e-3 * max(1, before.abs().max().item()):
        raise InputError(
            f"config.yaml, classifiers: network {name} answers otherwise once it was saved and loaded: something "
            "that it answers by is not in its state_dict; make it a parameter, or register_buffer it."
        )


def classes_of(logits):
    """Return the class of each row of logits (N, K), int64 (N,); -1 where a logit is not finite."""
    return torch.where(logits.isfinite().all(dim=1), logits.argmax(dim=1), -1)


def in_fixed_batches(function, *arrays, batch_size, last=None):
    """Apply `function` to batches of `batch_size` rows; return its results joined, as arrays.

    `arrays`: numpy arrays (N, ...) of one length, the first of images. `function` gets tensors of exactly
    `batch_size` rows, or fewer of large images (idbias.config.batches.at_once): the last batch is filled up
    with its own rows and the surplus is dropped. The shape of a batch chooses the arithmetic's order in
    torch, so a fixed shape makes an image's result the same whatever stands beside it.
    last: how many rows the last batch is filled up to, if not `batch_size`.
    """
    batch_size = at_once(arrays[0].shape[1:], batch_size)
    results = []
    for first in range(0, len(arrays[0]), batch_size):
        rows = np.arange(first, min(first + batch_size, len(arrays[0])))
        filled = np.resize(rows, last if last and len(rows) < batch_size else batch_size)
        result = function(*(torch.as_tensor(array[filled]) for array in arrays))
        results.append([part[: len(rows)] for part in result])
    return [np.concatenate(parts) for parts in zip(*results, strict=True)]


def logits_of(classifier, images, batch_size=CLASSIFIED, device="cpu"):
    """Return the logits (N, K) float32 of images float32 (N, C, H, W) in [0, 1]."""
    if not len(images):
        raise InputError("there are no images to classify.")

    @torch.no_grad()
    def forward(batch):
        return [classifier(batch.to(device)).cpu().numpy()]

    return in_fixed_batches(forward, images, batch_size=batch_size)[0]
