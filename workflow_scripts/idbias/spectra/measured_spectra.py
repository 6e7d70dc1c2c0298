"""Spectra of one attack's perturbations and of one classifier, read from and kept in HDF5 files.

All frequencies are radial, in cycles per pixel (idbias.spectra.radial). Images are read in blocks, so that
memory does not grow with their number.
"""

import numpy as np

from idbias import files
from idbias.datasets.images import read_images
from idbias.spectra import radial

BLOCK = 512
# Shares of energy are given above these radii: an eighth, a quarter and three eighths of the
# sampling frequency, and the finest stripes along an axis.
RADII = (0.125, 0.25, 0.375, 0.5)


def measures(weights):
    """Return what is kept of weights over the Fourier grid, (N, H, W) or (N, C, H, W).

    name -> float64 array: frequency (N,), the mean radial frequency; share_above (N, 4), the share of
    the weight above each of RADII; profile (N, R), its mean over rings, the rings' radii as in
    idbias.spectra.radial_profile.
    """
    return {
        "frequency": radial.mean_radial_frequency(weights),
        "share_above": radial.share_above(weights, RADII),
        "profile": radial.radial_profile(weights, mean=True)[1],
    }


def of_perturbations(dataset, attack):
    """Measure the perturbations of successful attacks; there may be none, N = 0.

    dataset, attack: files of those stages. Returns `measures` of the energy |F delta|^2, and index
    int64 (N,), and amplitude (H, W), the mean of |F delta| over images and channels, in fft2 order,
    (0, H, W) of no image.
    """
    with files.opened(attack) as file:
        success, index, moved = file["success"][()], file["index"][()], file["l2"][()] > 0
        rows = np.flatnonzero(success & moved)
        size = file["adversarial"].shape[2:]
        parts, amplitude = [no_images(size)], np.zeros(size)
        for first in range(0, len(rows), BLOCK):
            block = rows[first : first + BLOCK]
            clean = clean_images(dataset, index[block])
            adversarial = file["adversarial"][block[0] : block[-1] + 1][block - block[0]]
            perturbation = adversarial - clean
            parts.append(measures(radial.energy(perturbation)))
            amplitude = amplitude + radial.amplitude(perturbation).mean(axis=1).sum(axis=0)
    return {"index": index[rows], "amplitude": mean(amplitude, len(rows)), **joined(parts)}


def of_masks(path):
    """Measure the masks that were kept, their values as weights: `measures`, and index (N,).

    Masks without an entry above 0 are left out.
    """
    about, _ = files.read(path, ["index", "kept"])
    rows = np.flatnonzero(about["kept"])
    with files.opened(path) as file:
        parts, used = [no_images(file["mask"].shape[2:])], [rows[:0]]
        for first in range(0, len(rows), BLOCK):
            block = rows[first : first + BLOCK]
            masks = file["mask"][block[0] : block[-1] + 1][block - block[0]]
            some = masks.reshape(len(masks), -1).any(axis=1)
            parts.append(measures(masks[some]))
            used.append(block[some])
    return {"index": about["index"][np.concatenate(used)], **joined(parts)}


def of_gradients(classifier, dataset, index, labels, device="cpu"):
    """Measure the input gradients of the images `index` int64 (N,), of classes `labels` (N,).

    classifier: a torch module. Returns `measures` of the energy of the gradient of the label's
    logit, index, and amplitude as of `of_perturbations`. Images whose gradient is zero are left out.
    """
    size = read_images(dataset, "masked", slice(0, 1))[0].shape[2:]
    parts, used, amplitude = [no_images(size)], [index[:0]], np.zeros(size)
    for first in range(0, len(index), BLOCK):
        block = index[first : first + BLOCK]
        gradients = radial.input_gradients(
            classifier, clean_images(dataset, block), labels[first : first + BLOCK], device=device
        )
        some = gradients.reshape(len(gradients), -1).any(axis=1)
        if some.any():
            parts.append(measures(radial.energy(gradients[some])))
            used.append(block[some])
            amplitude = amplitude + radial.amplitude(gradients[some]).mean(axis=1).sum(axis=0)
    used = np.concatenate(used)
    return {"index": used, "amplitude": mean(amplitude, len(used)), **joined(parts)}


def of_linear(classifier, shape, radii):
    """Measure the end-to-end weights beta of a linear model of the zoo.

    classifier: a torch module; shape: (C, H, W); radii: of the inequalities' squares, cycles per image,
    or () for a model that is not convolutional. Returns (arrays, rows): `measures` of beta with the mean over
    classes subtracted, a row a class, with amplitude (H, W) and error, the largest difference
    from the Jacobian relative to its largest entry; and rows of `linear_models.inequalities`.
    """
    from idbias.spectra import linear_models

    beta, jacobian = (
        find(classifier, shape) for find in (linear_models.end_to_end, linear_models.jacobian)
    )
    # What all classes share moves no decision.
    relative = beta - beta.mean(axis=0)
    arrays = measures(radial.energy(relative))
    arrays["amplitude"] = radial.amplitude(relative).mean(axis=(0, 1))
    arrays["error"] = np.abs(beta - jacobian).max() / np.abs(jacobian).max()
    return arrays, linear_models.inequalities(classifier, shape, radii) if radii else []


def clean_images(dataset, index):
    """Return the images `index` (sorted int64 (N,)) of those that are attacked, float32 (N, C, H, W)."""
    images, _ = read_images(dataset, "masked", slice(int(index[0]), int(index[-1]) + 1))
    return images[index - index[0]]


def no_images(size):
    """Return `measures` of no image of `size` (H, W): N is 0."""
    return measures(np.zeros((0, *size)))


def mean(total, images):
    """Return `total` (H, W) over that many images; of none no grid, (0, H, W): files hold no NaN."""
    return total / images if images else total[None][:0]


def joined(parts):
    """Return the arrays of several `measures` joined along their first axis."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
