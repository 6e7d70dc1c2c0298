"""The networks are the published ones: same names, shapes, sizes, and the same answers."""

import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

from idbias.errors import InputError
from idbias.networks.resnet import resnet

DATA = Path(os.environ.get("IDBIAS_TEST_DATA", Path(__file__).parents[2] / "shared/data"))
CHECKPOINT = DATA / "resnet20-12fca82f.th"
CIFAR = DATA / "cifar10-first1017.tar.gz"


@pytest.mark.skipif(not CHECKPOINT.exists() or not CIFAR.exists(), reason=f"no {DATA}")
def test_resnet20_classifies_932_of_1017_images_with_the_public_weights():
    state = torch.load(CHECKPOINT, map_location="cpu", weights_only=True)["state_dict"]
    network = resnet(20).eval()
    network.load_state_dict({key.removeprefix("module."): value for key, value in state.items()})
    with tarfile.open(CIFAR) as archive:
        raw = archive.extractfile("cifar-10-batches-bin/test_batch.bin").read()
    records = np.frombuffer(raw, np.uint8).reshape(-1, 3073)
    images = torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32) / np.float32(255))
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
    with torch.no_grad():
        found = torch.cat([network((batch - mean) / std).argmax(1) for batch in images.split(128)])
    assert (found.numpy() == records[:, 0]).sum() == 932


# Table 6 of He et al. 2016, in millions.
@pytest.mark.parametrize(("depth", "millions"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85)])
def test_resnets_have_the_papers_number_of_parameters(depth, millions):
    parameters = sum(parameter.numel() for parameter in resnet(depth).parameters())
    assert round(parameters / 1e6, 2) == millions


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (3, 33, 47), (2, 5, 5)])
def test_resnet_takes_any_channels_and_image_size(shape):
    network = resnet(20, shape, classes=7).eval()
    assert network(torch.rand(2, *shape)).shape == (2, 7)


def test_unknown_depth_is_refused_by_name():
    with pytest.raises(InputError, match=r"ResNet-18.*20, 32, 44, 56"):
        resnet(18)
