"""The plainest control: amplitudes of the clean image's spectrum, no mask and no classifier."""

import numpy as np

from idbias import files, shards
from idbias.correlation.similarity import cosine_similarity
from idbias.datasets.images import images_at
from idbias.spectra.radial import amplitude

# What every file says only of itself.
STAMPED = ("schema_version", "git_commit", "packages", "content")


class Amplitudes:
    """|F x| of the images of a pairs file, float32 (N, C, H, W), computed as rows are sliced.

    dataset: the file of the images; index: int64 (N,), their numbers; like: the masks (N, C, H, W), or a
    dataset of them, that they stand in for. The joined distance adds up both sets', so the amplitudes are
    multiplied by the one number that gives them the masks' total variance. Order of entries as
    numpy.fft.fft2, the masks' own.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, dataset, index, like):
        self.dataset, self.index, self.shape, self.scale = dataset, index, like.shape, 1.0
        spread = [total_variance(array) for array in (like, self)]
        # One image, or masks that are all the same, have no variance to give.
        self.scale = np.sqrt(spread[0] / spread[1]) if min(spread) > 0 else 1.0

    def __len__(self):
        return len(self.index)

    def __getitem__(self, rows):
        spectra = amplitude(images_at(self.dataset, self.index[rows]), norm="backward")
        return (self.scale * spectra).astype(self.dtype)


def total_variance(array):
    """Return the sum over entries of their variance over rows (ddof 0), of (N, ...), read in blocks."""
    count, total, squares = len(array), 0.0, 0.0
    # About the first row, so that what all rows share cancels nothing.
    origin = np.asarray(array[0:1], np.float64)
    for start in range(0, count, shards.ROWS):
        rows = np.asarray(array[start : start + shards.ROWS], np.float64) - origin
        total = total + rows.sum(axis=0)
        squares = squares + (rows**2).sum(axis=0)
    return float((squares / count - (total / count) ** 2).sum()) if count else 0.0


def write_spectrum_pairs(path, pairs, dataset, attributes):
    """Write the pairs file of an attack, `pairs`, with amplitudes in the place of essential masks.

    dataset: the file of its images. All else, and what its attributes count, stays. Masks are read and
    written some rows at a time.
    """
    with files.opened(pairs) as file:
        index, second = file["index"][()], file["second"]
        first = Amplitudes(dataset, index, file["first"])
        kept = {name: value for name, value in file.attrs.items() if name not in STAMPED}
        files.write(
            path,
            {
                "index": index,
                "label": file["label"][()],
                "first": first,
                "second": second,
                "second_entries": file["second_entries"][()],
                "cosine": cosine_similarity(first, second),
            },
            {**kept, **attributes},
        )
