"""Paper 2's architectures: what they count, what they see, what they compute."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from idbias.classifiers.networks.zoo import (
    ARCHITECTURES,
    FullConvolution,
    LocallyConnected,
    zoo,
)
from idbias.classifiers.paper2 import ZOO
from idbias.errors import InputError

# Weights and biases of Table 1's models on CIFAR-10, added up by hand.
READOUT = 32 * 32 * 32 * 10 + 10
PARAMETERS = {
    ("fully_connected", 1): 3072 * 3072 + 3072 + 3072 * 10 + 10,
    ("fully_connected", 3): 3 * (3072 * 3072 + 3072) + 3072 * 10 + 10,
    ("local_convolution", 1): 3 * 9 * 32 + 32 + READOUT,
    ("local_convolution", 3): 3 * 9 * 32 + 32 + 2 * (32 * 9 * 32 + 32) + READOUT,
    ("full_convolution", 1): 3 * 1024 * 32 + 32 + READOUT,
    ("full_convolution", 3): 3 * 1024 * 32 + 32 + 2 * (32 * 1024 * 32 + 32) + READOUT,
    ("locally_connected", 1): 1024 * (3 * 9 * 32 + 32) + READOUT,
    ("locally_connected", 3): 1024 * (3 * 9 * 32 + 32 + 2 * (32 * 9 * 32 + 32)) + READOUT,
}


@pytest.mark.parametrize("name", ZOO)
def test_parameter_count_is_table_1s(name):
    with torch.device("meta"):
        network = zoo(**ZOO[name], shape=(3, 32, 32), classes=10)
    count = sum(parameter.numel() for parameter in network.parameters())
    assert count == PARAMETERS[ZOO[name]["architecture"], ZOO[name]["hidden_layers"]]


@pytest.mark.parametrize("name", ZOO)
def test_models_follow_the_images_size_and_their_nonlinearity(name):
    torch.manual_seed(0)
    for shape in ((1, 8, 8), (3, 7, 5)):
        network = zoo(**ZOO[name], shape=shape, classes=4, width=6).double()
        x, y = torch.rand(2, 3, *shape, dtype=torch.float64)
        assert network(x).shape == (3, 4)
        affine = network(x + y) + network(torch.zeros_like(x)) - network(x) - network(y)
        assert (affine.abs().max() < 1e-12) == (ZOO[name]["nonlinearity"] == "linear")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("layers", [1, 3])
def test_receptive_field_is_what_gradients_reach(architecture, layers):
    shape = (2, 11, 5)
    torch.manual_seed(0)
    network = zoo(architecture, layers, "linear", shape, classes=3, width=2)
    hidden = network[: list(network).index(network.readout)]
    image = torch.rand(1, *shape, requires_grad=True)
    out = hidden(image)
    unit = out[0, 0] if out.ndim == 2 else out[0, 0, 4, 2]
    reached = torch.autograd.grad(unit, image)[0][0].abs().sum(0) > 0
    found = (reached.any(1).sum().item(), reached.any(0).sum().item())
    local = architecture in ("local_convolution", "locally_connected")
    assert found == ({1: (3, 3), 3: (7, 5)}[layers] if local else shape[1:])


def test_full_kernel_convolution_is_a_circulant_matrix_product():
    torch.manual_seed(0)
    height, width = 3, 4
    layer = FullConvolution(2, 5, (height, width)).double()
    images = torch.rand(6, 2, height, width, dtype=torch.float64)
    kernel, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    circulant = np.zeros((5, height, width, 2, height, width))
    for y, x, row, column in np.ndindex(height, width, height, width):
        offset = ((row - y) % height, (column - x) % width)
        circulant[:, y, x, :, row, column] = kernel[:, :, offset[0], offset[1]]
    expected = np.einsum("oyxirc,nirc->noyx", circulant, images.numpy()) + bias[:, None, None]
    np.testing.assert_allclose(layer(images).detach().numpy(), expected, atol=1e-13)


def test_a_small_kernel_in_a_full_one_is_the_local_convolution():
    torch.manual_seed(0)
    local = torch.nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular")
    full = FullConvolution(2, 3, (6, 7))
    embedded = torch.zeros_like(full.weight)
    embedded[..., :3, :3] = local.weight.detach()
    full.weight.data = embedded.roll((-1, -1), dims=(2, 3))
    full.bias.data = local.bias.detach()
    images = torch.rand(4, 2, 6, 7)
    torch.testing.assert_close(full(images), local(images), atol=1e-5, rtol=0)


def test_locally_connected_with_one_kernel_everywhere_is_the_convolution():
    torch.manual_seed(0)
    local = torch.nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular")
    layer = LocallyConnected(2, 3, (5, 4), 3)
    tied = local.weight.detach().permute(2, 3, 1, 0).reshape(1, 18, 3)
    layer.weight.data = tied.repeat(20, 1, 1)
    layer.bias.data = local.bias.detach()[:, None, None].expand(3, 5, 4).clone()
    images = torch.rand(4, 2, 5, 4)
    torch.testing.assert_close(layer(images), local(images), atol=1e-5, rtol=0)


def test_locally_connected_weights_belong_to_one_pixel():
    torch.manual_seed(0)
    layer = LocallyConnected(1, 2, (4, 5), 3)
    images = torch.rand(3, 1, 4, 5)
    before = layer(images)
    with torch.no_grad():
        layer.weight[7] += 1  # row 1, column 2
    changed = (layer(images) - before).abs().amax((0, 1)) > 1e-6
    assert changed.nonzero().tolist() == [[1, 2]]
    # All 9 weights of one input channel grew by one: the sum of the patch is added.
    patch = F.pad(images, (1,) * 4, mode="circular")[:, 0, 1:4, 2:5].sum((1, 2))
    torch.testing.assert_close((layer(images) - before)[:, 0, 1, 2], patch)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"architecture": "cnn"}, "no architecture 'cnn'"),
        ({"nonlinearity": "tanh"}, "linear or relu"),
        ({"hidden_layers": 0}, "1 or more"),
        ({"kernel": 4}, "odd side"),
        ({"kernel": 9}, "not 9"),
    ],
)
def test_bad_arguments_are_named(change, said):
    arguments = {"architecture": "local_convolution", "hidden_layers": 1, "nonlinearity": "relu"}
    with pytest.raises(InputError, match=said):
        zoo(**{**arguments, **change}, shape=(1, 8, 8), classes=10)
