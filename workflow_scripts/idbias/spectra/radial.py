"""Where in the Fourier plane perturbations, gradients, weights and masks have their energy (paper 2).

All functions work on weights over the whole FFT grid in torch.fft.fft2's order (zero frequency at
[0, 0]), because masks come that way; `centred` turns them for a figure. The radial frequency of a
grid point is r = sqrt(fy^2 + fx^2), fy and fx in cycles per pixel: 0 is the mean, 0.5 the finest
stripes along an axis, about 0.707 the finest checkerboard. For a square image of side n, r * n is
in cycles per image.
"""

import numpy as np

from idbias.config.batches import CLASSIFIED
from idbias.errors import InputError
from idbias.streams import generator

# Of fewer images the bootstrap's intervals are far too narrow (of 4 normal values 95 % intervals hold the mean
# in 80 of 100 draws).
FEWEST = 5
# Of the bootstrap.
DRAWS, LEVEL = 2000, 0.95


def radial_frequency(height, width):
    """Return r in cycles per pixel, float64 (height, width), in fft2 order."""
    return np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None, :])


def centred(grid):
    """Return `grid` (..., H, W) with the zero frequency moved to [H // 2, W // 2]."""
    return np.fft.fftshift(grid, axes=(-2, -1))


def amplitude(images, norm="ortho"):
    """Return |F x| of real images (..., H, W), float64, F the two-dimensional DFT.

    norm: as numpy.fft.fft2 takes it; "ortho" is the unitary DFT, "backward" that without a factor. The mean
    of this over images and channels, centred, is paper 2's spectrum.
    """
    return np.abs(np.fft.fft2(np.asarray(images, np.float64), norm=norm))


def energy(images):
    """Return |F x|^2 summed over channels, float64 (N, H, W), of images (N, C, H, W).

    F is unitary: an image's energies sum to its squared l2 norm.
    """
    return (amplitude(images) ** 2).sum(axis=-3)


def normalised(weights):
    """Return weights (N, H, W), or (N, C, H, W) summed over channels, divided by each row's sum.

    weights: non-negative, over the grid: an energy, an amplitude, or masks. float64 (N, H, W).
    Raises InputError if they are not, or a row is all zero: an image without any perturbation has no
    spectrum, and must be left out by the caller, who counts it.
    """
    weights = np.asarray(weights, np.float64)
    if weights.ndim not in (3, 4):
        raise InputError(
            f"Weights over the Fourier grid are (N, H, W) or (N, C, H, W), not {weights.shape}."
        )
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise InputError(
            "Weights over the Fourier grid are finite and not negative; these are not."
        )
    if weights.ndim == 4:
        weights = weights.sum(axis=1)
    total = weights.sum(axis=(1, 2), keepdims=True)
    if (total == 0).any():
        empty = np.flatnonzero(total == 0)
        raise InputError(
            f"{len(empty)} of {len(weights)} rows are all zero (the first is row {empty[0]}): they "
            "have no spectrum; leave unperturbed images out."
        )
    return weights / total


def mean_radial_frequency(weights):
    """Return sum(r * weights) / sum(weights), cycles per pixel, float64 (N,).

    weights: as for `normalised`. White noise's energy has about 0.383 (the mean of r over the
    grid), and so has a mask of ones.
    """
    share = normalised(weights)
    return np.einsum("nhw,hw->n", share, radial_frequency(*share.shape[1:]))


def share_above(weights, radii):
    """Return the share of each row's weight at r > radius, float64 (N, R).

    weights: as for `normalised`. radii: (R,), cycles per pixel.
    """
    share = normalised(weights)
    # 1e-9 so that points on the radius are never above it by rounding.
    above = radial_frequency(*share.shape[1:]) > np.asarray(radii)[:, None, None] + 1e-9
    return np.einsum("nhw,rhw->nr", share, above.astype(np.float64))


def rings(height, width):
    """Return which point of the Fourier grid lies in which ring around zero: 0 or 1, float64 (R, H W).

    Ring i holds the points whose radius, times the shorter side, rounds to i (half up).
    """
    # 1e-9 so that a radius that is exactly half a ring never depends on rounding.
    scaled = radial_frequency(height, width) * min(height, width)
    ring = np.floor(scaled + 0.5 + 1e-9).astype(int).ravel()
    return np.equal.outer(np.arange(ring.max() + 1), ring).astype(np.float64)


def ring_radii(height, width):
    """Return the mean radius of the points of each ring (`rings`), cycles per pixel, float64 (R,)."""
    members = rings(height, width)
    return members @ radial_frequency(height, width).ravel() / members.sum(axis=1)


def radial_profile(weights, mean=False):
    """Return each row's profile over rings around zero frequency, float64 (N, R).

    weights: as for `normalised`. A profile holds each ring's share of the row's weight, which sum to 1; with
    mean=True, that divided by the ring's number of points: flat for white noise.
    """
    share = normalised(weights)
    members = rings(*share.shape[1:])
    profile = share.reshape(len(share), members.shape[1]) @ members.T
    if mean:
        profile /= members.sum(axis=1)
    return profile


def reason(images):
    """Return why a measure over this number of images has no interval, or no value; "" if it has."""
    if images >= FEWEST:
        return ""
    return "no image" if not images else f"no interval: fewer than {FEWEST} images"


def bootstrap(values, seed):
    """Return the mean over images and its 95 % percentile bootstrap interval: mean, low, high.

    values: (N, ...), a row an image; the three have the shape of a row. Images are drawn with
    replacement, DRAWS times, from `seed`. For the difference of two models on the same images give
    the rows' differences. Source: Efron & Tibshirani 1993, chapter 13. Of fewer than FEWEST images low
    and high are NaN, of none the mean too; `reason` says why.
    """
    values = np.asarray(values, np.float64)
    if len(values) < FEWEST:
        nothing = np.full(values.shape[1:], np.nan)[()]
        return (values.mean(axis=0) if len(values) else nothing), nothing, nothing
    random = generator("bootstrap", seed)
    rows = values.reshape(len(values), -1)
    means = np.stack(
        [
            random.multinomial(len(rows), np.full(len(rows), 1 / len(rows))) @ rows / len(rows)
            for _ in range(DRAWS)
        ]
    )
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    shape, mean = values.shape[1:], values.mean(axis=0)
    # All values may be equal but for rounding, on either side of their mean.
    return mean, np.minimum(low.reshape(shape), mean)[()], np.maximum(high.reshape(shape), mean)[()]


def input_gradients(classifier, images, labels, batch_size=CLASSIFIED, device="cpu"):
    """Return the gradient of each label's logit with respect to the image, float32 (N, C, H, W).

    images: float32 (N, C, H, W); labels: int64 (N,). For a linear model it is the label's row of
    the end-to-end weights, whatever the image.
    """
    import torch

    from idbias.classifiers.models import in_fixed_batches

    def gradient(batch, classes):
        batch = batch.to(device).requires_grad_()
        chosen = classifier(batch).gather(1, classes.to(device)[:, None]).sum()
        return [torch.autograd.grad(chosen, batch)[0].cpu().numpy()]

    return in_fixed_batches(gradient, images, labels, batch_size=batch_size)[0]
