"""Trained classifiers with real images, fixtures of the tests of masks."""

import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch.nn import functional

from idbias.classifiers.models import Normalised
from idbias.classifiers.networks.by_name import build

DATA = Path(os.environ.get("IDBIAS_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))


def same(first, second, rows=slice(None)):
    """Whether every field of two MaskResults is the same bit for bit, the first one's arrays at `rows`."""
    return first.engine == second.engine and all(
        np.array_equal(value[rows], getattr(second, name))
        for name, value in vars(first).items()
        if name not in ("engine", "makers")
    )


@pytest.fixture(scope="module")
def one_thread():
    """Threads within an operation crawl where tests share a machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def digits(one_thread):
    """The small network trained for a moment on real digits; images and classes it gets right."""
    data = load_digits()
    images = torch.tensor(data.images[:, None] / 16, dtype=torch.float32)
    targets = torch.tensor(data.target)
    torch.manual_seed(0)
    network = build("small_cnn", (1, 8, 8), 10)
    optimizer = torch.optim.Adam(network.parameters(), 0.003)
    for _ in range(6):
        for some in torch.randperm(1000).split(64):
            optimizer.zero_grad()
            functional.cross_entropy(network(images[some]), targets[some]).backward()
            optimizer.step()
    network.eval().requires_grad_(False)
    right = network(images).argmax(1) == targets
    assert right.float().mean() > 0.9
    return network, images[right], targets[right]


@pytest.fixture(scope="module")
def cifar(one_thread):
    """The public ResNet-20 and the first CIFAR-10 test images."""
    weights, archive = DATA / "resnet20-12fca82f.th", DATA / "cifar10-first1017.tar.gz"
    if not weights.exists() or not archive.exists():
        pytest.skip(f"needs {weights.name} and {archive.name} in {DATA}")
    network = build("resnet20", (3, 32, 32), 10)
    state = torch.load(weights, map_location="cpu", weights_only=True)["state_dict"]
    network.load_state_dict({key.removeprefix("module."): value for key, value in state.items()})
    classifier = Normalised(network, 3, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    with tarfile.open(archive) as tar:
        raw = tar.extractfile("cifar-10-batches-bin/test_batch.bin").read(3073 * 64)
    records = torch.frombuffer(bytearray(raw), dtype=torch.uint8).view(-1, 3073)
    images = records[:, 1:].reshape(-1, 3, 32, 32).float() / 255
    return classifier.eval().requires_grad_(False), images, records[:, 0].long()
