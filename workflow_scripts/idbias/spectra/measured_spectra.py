"""Spectra of one attack's perturbations and of one classifier, read from and kept in HDF5 files.

All frequencies are radial, in cycles per pixel (idbias.spectra.radial). Images are read in blocks, so that
memory does not grow with their number.
"""

import numpy as np

from idbias import files
from idbias.datasets.images import images_at
from idbias.shards import rows_at
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
        "profile": radial.radial_profile(weights, mean=True),
    }


def of_perturbations(dataset, attack):
    """Measure the perturbations of successful attacks; there may be none, N = 0.

    dataset, attack: files of those stages. Returns `measures` of the energy |F delta|^2, and index
    int64 (N,), and amplitude (H, W), the mean of |F delta| over images and channels, in fft2 order,
    (0, H, W) of no image.
    """
    with files.opened(attack) as file:
        rows = np.flatnonzero(file["success"][()] & (file["l2"][()] > 0))
        index, adversarial = file["index"][()], file["adversarial"]

        def perturbations(block):
            return rows_at(adversarial, block) - images_at(dataset, index[block])

        measured = in_blocks(rows, adversarial.shape[2:], perturbations)
    return {**measured, "index": index[measured["index"]]}


def of_masks(path):
    """Measure the masks that were kept, their values as weights: `measures`, and index (N,).

    Masks without an entry above 0 are left out.
    """
    about, _ = files.read(path, ["index", "kept"])
    with files.opened(path) as file:
        masks = file["mask"]
        measured = in_blocks(
            np.flatnonzero(about["kept"]),
            masks.shape[2:],
            lambda block: rows_at(masks, block),
            spectra=False,
        )
    return {**measured, "index": about["index"][measured["index"]]}


def of_gradients(classifier, dataset, index, labels, device="cpu"):
    """Measure the input gradients of the images `index` int64 (N,), of classes `labels` (N,).

    classifier: a torch module. Returns `measures` of the energy of the gradient of the label's
    logit, index, and amplitude as of `of_perturbations`. Images whose gradient is zero are left out.
    """

    def gradients(block):
        images = images_at(dataset, index[block])
        return radial.input_gradients(classifier, images, labels[block], device=device)

    size = images_at(dataset, index[:0]).shape[2:]
    measured = in_blocks(np.arange(len(index)), size, gradients)
    return {**measured, "index": index[measured["index"]]}


def in_blocks(rows, size, read, spectra=True):
    """Measure what `read` gives, a block of rows at a time, without what is all zero.

    rows: int64 (N,); size: (H, W); read: rows (n,) -> (n, C, H, W): real images, of whose spectra energy and
    amplitude are measured, or, without `spectra`, weights over the Fourier grid. Returns `measures`, index,
    the rows that are measured, and amplitude (of_perturbations) where there are spectra.
    """
    parts, used, amplitude = [measures(np.zeros((0, *size)))], [rows[:0]], np.zeros(size)
    for first in range(0, len(rows), BLOCK):
        block = rows[first : first + BLOCK]
        values = read(block)
        some = values.reshape(len(values), -1).any(axis=1)
        values = values[some]
        used.append(block[some])
        parts.append(measures(radial.energy(values) if spectra else values))
        if spectra:
            amplitude = amplitude + radial.amplitude(values).mean(axis=1).sum(axis=0)
    index = np.concatenate(used)
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    if spectra:  # of no image no grid: files hold no NaN
        joined["amplitude"] = amplitude / len(index) if len(index) else amplitude[None][:0]
    return {"index": index, **joined}


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
