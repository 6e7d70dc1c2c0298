"""The plainest control: amplitudes of the clean image's spectrum, no mask and no classifier."""

import numpy as np

from idbias import files
from idbias.correlation.similarity import cosine_similarity
from idbias.datasets.images import image_counts, read_images

# What every file says of itself alone.
STAMPED = ("schema_version", "git_commit", "packages", "content")


def amplitudes(images, like):
    """Return |F x| of each image, float32 (N, C, H, W), of one scale for all.

    images: float (N, C, H, W); like: the masks (N, C, H, W) they stand in for. The joined distance
    adds up both sets', so the amplitudes are multiplied by the one number that gives them the masks'
    total variance. Order of entries as numpy.fft.fft2, the masks' own.
    """
    spectra = np.abs(np.fft.fft2(images.astype(np.float64)))
    scale = np.sqrt(np.var(like, axis=0).sum() / np.var(spectra, axis=0).sum())
    return (scale * spectra).astype(np.float32)


def write_spectrum_pairs(path, pairs, dataset, attributes):
    """Write the pairs file of an attack, `pairs`, with amplitudes in the place of essential masks.

    dataset: the file of its images. All else, and what its attributes count, stays.
    """
    arrays, about = files.read(pairs)
    total, _ = image_counts(dataset)
    images, _ = read_images(dataset, "masked", slice(0, min(total, int(arrays["index"].max()) + 1)))
    first = amplitudes(images[arrays["index"]], arrays["first"])
    kept = {name: value for name, value in about.items() if name not in STAMPED}
    files.write(
        path,
        {**arrays, "first": first, "cosine": cosine_similarity(first, arrays["second"])},
        {**kept, **attributes},
    )
