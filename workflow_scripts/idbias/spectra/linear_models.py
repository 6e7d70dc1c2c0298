"""End-to-end weights of linear models, and the inequalities of paper 2, section 2.

A linear model computes logits = beta x + constant. Regions of space and frequency are boolean
(H, W) grids with the origin at [0, 0], offsets and frequencies both wrapping around, as in
torch.fft.fft2's order. Norms: ||.|| is the l2 norm; of an array (..., H, W) it runs over all axes,
so several channels count as one long vector (Frobenius). docs/spectra.md proves what is used here.
"""

import numpy as np
import torch
from torch import nn

from idbias.classifiers.conversion import copied
from idbias.classifiers.networks.zoo import FullConvolution, LocallyConnected
from idbias.errors import InputError
from idbias.streams import generator

# An inequality that holds in exact arithmetic may miss by rounding: float64 over 1e6 terms.
ROUNDING = 1e-9


def end_to_end(classifier, shape):
    """Return beta, float64 (K, C, H, W), of a linear model of the zoo, in closed form.

    classifier: a zoo model, or idbias.classifiers.models.Normalised around one (beta is then divided by its
    std: it is per unit of the image in [0, 1]). shape: (C, H, W). Starts from the readout and goes
    back through each layer's transpose: of circular convolutions by the convolution theorem,
    F beta_k,i = sum_o F beta_k,o * F w_oi (section 2, with channels), of the others by their matrix.
    Raises InputError if a layer is not linear or not of the zoo.
    """
    network, scale = unwrapped(classifier)
    beta, size = None, tuple(shape[1:])
    for layer in reversed(list(network)):
        if isinstance(layer, nn.Linear):
            weight = layer.weight.detach().double().cpu()
            beta = weight if beta is None else beta @ weight
        elif isinstance(layer, nn.Flatten):
            beta = beta.reshape(len(beta), -1, *size)
        elif isinstance(layer, LocallyConnected):
            beta = transposed(layer, beta)
        else:
            kernel = torch.fft.fft2(torch.as_tensor(full_kernel(layer, size)))
            beta = torch.fft.ifft2(
                torch.einsum("kohw,oihw->kihw", torch.fft.fft2(beta), kernel)
            ).real
    return (beta / scale).numpy()


def unwrapped(classifier):
    """Return the Sequential inside a classifier, and its std as float64 (C, 1, 1), or 1."""
    if isinstance(classifier, nn.Sequential):
        return classifier, 1.0
    if not isinstance(getattr(classifier, "network", None), nn.Sequential):
        raise InputError(
            f"{type(classifier).__name__} is not a model of the zoo: it has no layers."
        )
    return classifier.network, classifier.std.detach().double().cpu()


def full_kernel(layer, size):
    """Return a circular convolution's kernel on the whole grid, offset zero at [0, 0].

    float64 (O, I, H, W). size: (H, W). Raises InputError if the layer is not one.
    """
    weight = getattr(layer, "weight", None)
    if isinstance(layer, FullConvolution):
        return weight.detach().double().cpu().numpy()
    if not (isinstance(layer, nn.Conv2d) and layer.padding_mode == "circular"):
        raise InputError(
            f"{type(layer).__name__} is no circular convolution; end-to-end weights and kernels "
            "exist for the zoo's linear models only."
        )
    weight = weight.detach().double().cpu().numpy()
    side = weight.shape[-1]
    kernel = np.zeros((*weight.shape[:2], *size))
    kernel[..., :side, :side] = weight
    return np.roll(kernel, (-(side // 2), -(side // 2)), axis=(-2, -1))


def transposed(layer, beta):
    """Return the transpose of a LocallyConnected layer applied to beta (K, O, H, W): (K, I, H, W)."""
    outputs, height, width = layer.bias.shape
    side = layer.kernel
    weight = layer.weight.detach().double().cpu().reshape(height, width, side, side, -1, outputs)
    result = torch.zeros(len(beta), weight.shape[4], height, width, dtype=torch.float64)
    for row in range(side):
        for column in range(side):
            sent = torch.einsum("kohw,hwio->kihw", beta, weight[:, :, row, column])
            offset = (row - side // 2, column - side // 2)
            result += sent.roll(offset, dims=(2, 3))
    return result


def jacobian(classifier, shape):
    """Return d logits / d image at the grey image, float64 (K, C, H, W), by automatic differentiation.

    Computed in a float64 copy of the classifier. For a linear model this is beta.
    """
    double = copied(classifier, "cpu", torch.float64)
    grey = torch.full((1, *shape), 0.5, dtype=torch.float64)
    return torch.autograd.functional.jacobian(lambda x: double(x)[0], grey)[:, 0].numpy()


def kernels(classifier, shape):
    """Return the kernels of a convolutional zoo model's hidden layers, first layer first.

    A list of float64 (O, I, H, W), offset zero at [0, 0]. Raises InputError for other models.
    """
    network, _ = unwrapped(classifier)
    layers = [
        layer
        for layer in network[: list(network).index(network.readout)]
        if not isinstance(layer, nn.Flatten | nn.ReLU)
    ]
    return [full_kernel(layer, tuple(shape[1:])) for layer in layers]


def square(size, radius):
    """Return the region of offsets, or frequencies, from -radius to +radius along both axes.

    bool (H, W) of size (H, W), origin at [0, 0]: S and Omega of paper 2, section 2, in two
    dimensions. Frequencies are in cycles per image along their axis.
    """
    inside = [np.abs(np.fft.fftfreq(side) * side) <= radius + 1e-9 for side in size]
    return inside[0][:, None] & inside[1][None, :]


def concentration(values, region):
    """Return kappa(region) = ||values||_region / ||values||, a float (paper 2, section 2).

    values: real or complex (..., H, W), e.g. a kernel or its DFT. A ratio of norms, not of energies,
    and so the same for any scaling of the DFT. Raises InputError if values are all zero.
    """
    whole = np.linalg.norm(values)
    if whole == 0:
        raise InputError("The concentration of a kernel that is all zero has no meaning.")
    return float(np.linalg.norm(values[..., region]) / whole)


def uncertainty_constant(space, frequency):
    """Return the best C with ||w||_{S^c} + ||F w||_{Omega^c} >= C ||w|| for all w; and its w.

    space, frequency: S and Omega, bool (H, W). F is the unitary DFT. C is the smallest singular
    value of the block of F that takes S to Omega^c, and 0 if |S| + |Omega| exceeds H W, when some w
    lives in both (docs/spectra.md). It is the reciprocal of Ghobber & Jaming's constant
    (Linear Algebra Appl. 435, 2011, eq. 1.2) at its best. The second value is a w in S, complex
    (H, W) of norm 1, with equality; None if C is 0 (too few dimensions) or S is empty.
    """
    pixels = space.size
    if not space.any():
        return 1.0, None
    if space.sum() + frequency.sum() > pixels:
        return 0.0, None
    height, width = space.shape
    y, x = np.nonzero(space)
    fy, fx = np.nonzero(~frequency)
    phase = np.outer(fy, y) / height + np.outer(fx, x) / width
    block = np.exp(-2j * np.pi * phase) / np.sqrt(pixels)
    _, values, vectors = np.linalg.svd(block, full_matrices=False)
    tight = np.zeros(space.shape, complex)
    tight[space] = vectors[-1].conj()
    return float(values[-1]), tight


def uncertainty(kernel, space, frequency, constant=None):
    """Evaluate paper 2's inequality (1) for kernels (..., H, W), all of them as one vector.

    constant: C(S, Omega), computed if None. Returns a dict: outside_space = kappa(S^c),
    outside_frequency = kappa-hat(Omega^c), constant, holds = whether their sum reaches it.
    """
    if constant is None:
        constant, _ = uncertainty_constant(space, frequency)
    outside_space = concentration(kernel, ~space)
    outside_frequency = concentration(np.fft.fft2(kernel), ~frequency)
    return {
        "outside_space": outside_space,
        "outside_frequency": outside_frequency,
        "constant": constant,
        "holds": outside_space + outside_frequency >= constant - ROUNDING,
    }


def product_inequality(transforms, frequency):
    """Evaluate kappa(Omega, beta) <= prod_l kappa(Omega, w_l) (paper 2, section 2), and a theorem.

    transforms: the DFTs of layers w_1 ... w_L, complex (O, I, H, W) each, I being the O before; any
    scaling, the same for all. Their product at each frequency, matrix by matrix, is beta's.
    As stated the inequality is no theorem: ||a * b|| <= ||a|| ||b|| bounds the numerator from above,
    but the denominator ||beta|| too. True is, with misalignment A = prod_l ||w_l|| / ||beta|| >= 1,
        kappa(Omega, beta) <= A * prod_l kappa(Omega, w_l).
    Returns a dict: beta, product, misalignment, stated_holds, holds (the theorem).
    """
    beta = transforms[0]
    for transform in transforms[1:]:
        beta = np.einsum("oihw,ijhw->ojhw", transform, beta)
    product = np.prod([concentration(transform, frequency) for transform in transforms])
    misalignment = np.prod([np.linalg.norm(transform) for transform in transforms])
    misalignment /= np.linalg.norm(beta)
    kappa = concentration(beta, frequency)
    return {
        "beta": kappa,
        "product": float(product),
        "misalignment": float(misalignment),
        "stated_holds": bool(kappa <= product * (1 + ROUNDING)),
        "holds": bool(kappa <= misalignment * product * (1 + ROUNDING)),
    }


def chains(transforms, frequency, count, seed):
    """Evaluate `product_inequality` on single filters: paths of one channel a layer, drawn at random.

    Paper 2 states it for one filter w_l a layer; this model has O times I of them. transforms: as
    for `product_inequality`. Returns name -> array (count,), the names of `product_inequality`.
    """
    random = generator("chains of filters", seed)
    widths = [transforms[0].shape[1], *(len(transform) for transform in transforms)]
    results = []
    for path in random.integers(widths, size=(count, len(widths))):
        filters = [
            transform[None, None, after, before]
            for transform, before, after in zip(transforms, path[:-1], path[1:], strict=True)
        ]
        results.append(product_inequality(filters, frequency))
    return {name: np.array([result[name] for result in results]) for name in results[0]}


def layer_transforms(classifier, shape, readout=True):
    """Return the DFTs of a convolutional zoo model's layers, first layer first, for the above.

    With `readout` the last one is the readout's, (K, O, H, W), and the product is F beta (of the
    network without its normalisation); without, it is that of the map from image to last hidden
    layer, conjugated.
    """
    network, _ = unwrapped(classifier)
    layers = kernels(classifier, shape)
    if readout:
        weight = network.readout.weight.detach().double().cpu().numpy()
        layers.append(weight.reshape(len(weight), -1, *shape[1:]))
    return [np.fft.fft2(kernel) for kernel in layers]


def inequalities(classifier, shape, radii, count=2000):
    """Evaluate both inequalities for a linear convolutional model of the zoo.

    radii: of Omega = square((H, W), radius), cycles per image; S is square((H, W), 1). count: of
    `chains`. Returns a list of dicts, a row of a table each, for each radius:
    inequality "uncertainty", of each layer: layer (from 1), outside_space, outside_frequency,
        constant, holds, and held, the share of the layer's single filters for which it holds;
    inequality "product", with the readout as last layer and without: readout, beta, product,
        misalignment, stated_holds, holds; stated_held and held, the shares of single-filter chains.
    """
    size = tuple(shape[1:])
    space = square(size, 1)
    rows = []
    for radius in radii:
        frequency = square(size, radius)
        constant, _ = uncertainty_constant(space, frequency)
        for number, kernel in enumerate(kernels(classifier, shape), start=1):
            single = [
                uncertainty(filter_, space, frequency, constant)["holds"]
                for filter_ in kernel.reshape(-1, *size)
            ]
            row = {"inequality": "uncertainty", "radius": radius, "layer": number}
            of_layer = uncertainty(kernel, space, frequency, constant)
            rows.append({**row, **of_layer, "held": float(np.mean(single))})
        for readout in (False, True):
            transforms = layer_transforms(classifier, shape, readout)
            single = chains(transforms, frequency, count, seed=0)
            row = {"inequality": "product", "radius": radius, "readout": readout}
            shares = {
                "stated_held": float(single["stated_holds"].mean()),
                "held": float(single["holds"].mean()),
            }
            rows.append({**row, **product_inequality(transforms, frequency), **shares})
    return rows
