"""The 16 models of paper 2, supplementary Table 1: what a layer may see, and what it shares.

Each is 1 or 3 hidden layers, linear or ReLU, then one fully connected readout. Hidden layers keep
the image's size; images wrap around at their edges, so that the convolutions are the circular ones
of the paper's theory (section 2). Layers compute correlations, as torch.nn.Conv2d does:
y[p] = sum over offsets q of w[q] x[p + q].

The supplement gives hidden layers, nonlinearity and channels. Kernel size 3 by 3, the wrapped edges,
biases, and the first weights (torch's default, uniform within 1/sqrt(fan in)) are our choice where
it is silent; see docs/classifiers.md.
"""

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn

from idbias.errors import InputError

WIDTH = {
    "fully_connected": 3072, "local_convolution": 32, "full_convolution": 32,
    "locally_connected": 32,
}  # fmt: skip
ARCHITECTURES = tuple(WIDTH)


def zoo(architecture, hidden_layers, nonlinearity, shape, classes, width=None, kernel=3):
    """Return an untrained model of the zoo, a torch.nn.Sequential.

    architecture: one of ARCHITECTURES. hidden_layers: 1 or more (paper 2: 1 or 3).
    nonlinearity: "linear" or "relu". shape: (C, H, W) of the images, any size. classes: K.
    width: channels of a hidden layer, or units if fully connected; None is Table 1's.
    kernel: odd side, in pixels, of a local or locally connected kernel; the others ignore it.
    The model takes float (N, C, H, W) to logits (N, K). Raises InputError if an argument is not one
    of the above or the kernel is larger than the image.
    """
    check(architecture, hidden_layers, nonlinearity, shape, kernel)
    channels, height, width_of_image = shape
    width = width or WIDTH[architecture]
    connected = architecture == "fully_connected"
    layers = OrderedDict(flatten=nn.Flatten()) if connected else OrderedDict()
    size = channels * height * width_of_image if connected else channels
    for number in range(1, hidden_layers + 1):
        layers[f"hidden{number}"] = layer(architecture, size, width, shape[1:], kernel)
        size = width
        if nonlinearity == "relu":
            layers[f"relu{number}"] = nn.ReLU()
    if not connected:
        layers["flatten"] = nn.Flatten()
        size = width * height * width_of_image
    layers["readout"] = nn.Linear(size, classes)
    return nn.Sequential(layers)


def layer(architecture, inputs, outputs, image, kernel):
    """Return one hidden layer; `image` is (H, W)."""
    if architecture == "fully_connected":
        return nn.Linear(inputs, outputs)
    if architecture == "local_convolution":
        return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, padding_mode="circular")
    if architecture == "full_convolution":
        return FullConvolution(inputs, outputs, image)
    return LocallyConnected(inputs, outputs, image, kernel)


def check(architecture, hidden_layers, nonlinearity, shape, kernel):
    """Raise InputError if zoo's arguments name no model."""
    if architecture not in ARCHITECTURES:
        raise InputError(
            f"The zoo has no architecture {architecture!r}; it has {', '.join(ARCHITECTURES)}."
        )
    if nonlinearity not in ("linear", "relu"):
        raise InputError(f"A zoo model's nonlinearity is linear or relu, not {nonlinearity!r}.")
    if hidden_layers < 1:
        raise InputError(f"A zoo model has 1 or more hidden layers, not {hidden_layers}.")
    if architecture in ("local_convolution", "locally_connected") and (
        kernel % 2 == 0 or not 1 <= kernel <= min(shape[1:])
    ):
        raise InputError(
            f"A kernel of {architecture} has an odd side of at most the image's, "
            f"{min(shape[1:])} pixels, not {kernel}."
        )


class FullConvolution(nn.Module):
    """A convolution whose kernel is as large as the image, circular, by the convolution theorem.

    (N, I, H, W) to (N, O, H, W). weight: (O, I, H, W), its element [0, 0] at offset zero, so that
    y_o = sum_i F^-1(conj(F w_oi) * F x_i) + bias_o, the product with a circulant matrix.
    """

    def __init__(self, inputs, outputs, image):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, *image))
        self.bias = nn.Parameter(torch.empty(outputs))
        uniform_by_fan_in(self, inputs * image[0] * image[1])

    def forward(self, x):
        kernels, images = torch.fft.rfft2(self.weight), torch.fft.rfft2(x)
        product = torch.einsum("oihw,nihw->nohw", kernels.conj(), images)
        return torch.fft.irfft2(product, s=x.shape[-2:]) + self.bias[:, None, None]


class LocallyConnected(nn.Module):
    """A convolution whose kernel is another one at each pixel (no weight is shared), circular.

    (N, I, H, W) to (N, O, H, W). weight: (H * W, kernel * kernel * I, O), pixels and offsets row by
    row, offsets from -(kernel // 2). bias: (O, H, W).
    """

    def __init__(self, inputs, outputs, image, kernel):
        super().__init__()
        self.kernel = kernel
        self.weight = nn.Parameter(
            torch.empty(image[0] * image[1], kernel * kernel * inputs, outputs)
        )
        self.bias = nn.Parameter(torch.empty(outputs, *image))
        uniform_by_fan_in(self, kernel * kernel * inputs)

    def forward(self, x):
        outputs, height, width = self.bias.shape
        # Pixels first: as one matrix product a pixel on adjacent memory this trains 4 times faster
        # than on what torch's unfold gives, in the same memory.
        padded = F.pad(x, (self.kernel // 2,) * 4, mode="circular").permute(2, 3, 0, 1).contiguous()
        patches = torch.cat(
            [
                padded[row : row + height, column : column + width]
                for row in range(self.kernel)
                for column in range(self.kernel)
            ],
            dim=-1,
        )
        out = torch.bmm(patches.flatten(0, 1), self.weight)
        return out.reshape(height, width, len(x), outputs).permute(2, 3, 0, 1) + self.bias


def uniform_by_fan_in(module, fan_in):
    """Draw weight and bias as torch's own layers do: uniform within 1/sqrt(fan in)."""
    for parameter in module.parameters():
        nn.init.uniform_(parameter, -(fan_in**-0.5), fan_in**-0.5)
