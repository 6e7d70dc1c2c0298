"""Checkpoints that are cut, or of something else: a job fails with one sentence."""

from types import SimpleNamespace

import pytest
import torch
from bad_inputs import Job, cut, empty, threads_stay  # noqa: F401

from idbias.classifiers.models import make
from idbias.classifiers.weights import load_weights
from idbias.stage import stage

pytestmark = pytest.mark.usefixtures("threads_stay")


# Weights: what is saved, or what is done to the file.
WEIGHTS = {
    "cut weights": (cut, ["weights.pth", "get the file again"]),
    "empty weights": (empty, ["weights.pth", "get the file again"]),
    "weights of another network": (
        lambda path: torch.save({"conv1.weight": torch.ones(3)}, path),
        ["weights.pth does not fit", "choose the network it was saved from"],
    ),
    "weights with code": (
        lambda path: torch.save({"state_dict": SimpleNamespace()}, path),
        ["weights.pth", "save `network.state_dict()`", ".safetensors"],
    ),
}


@pytest.mark.parametrize(("harm", "words"), WEIGHTS.values(), ids=WEIGHTS)
def test_weights(tmp_path, harm, words):
    settings = {"network": "small_cnn", "arguments": {}, "normalisation": None}
    network = make(settings, (1, 8, 8), 10).network
    path = tmp_path / "weights.pth"
    torch.save(network.state_dict(), path)
    harm(path)

    def work():
        with stage(job.snakemake):
            load_weights(network, path)

    job = Job(tmp_path)
    job.fails(work, words)
