"""Bands of frequencies: what masks and spectra are summed over before they are compared.

Two masks that keep a few of thousands of entries hardly ever keep the same ones; sums over a grid of n by n
bands a channel ask at a stated resolution. Arrays are whole spectra in numpy.fft.fft2's order, as stored masks
are: a real image's spectrum has each paired frequency twice.
"""

import numpy as np

from idbias.spectra.radial import radial_frequency

RINGS = "rings"


def resolutions(height, width, primary):
    """Return the bands to compute: the `primary` n first, then a curve over n, then the rings.

    The curve has 1, 2, 4, ... up to entry by entry, which is n = max(height, width); n beyond that is the
    same as that. height, width: of the images, in pixels. A list of int and RINGS.
    """
    most = max(height, width)
    powers = [2**power for power in range(most.bit_length()) if 2**power < most]
    return list(dict.fromkeys([min(primary, most), *powers, most, RINGS]))


def summed(spectra, bands):
    """Return sums over bands of spectra (..., C, H, W), float64 (..., C * number of bands).

    bands: n, for a grid of n by n in the plane whose centre is the zero frequency, a row or column of it
    belonging to band floor(n * position / H); n >= H is row by row. Or RINGS, whole numbers of cycles an
    image: each frequency is in the ring nearest to its radius times the longer side.
    """
    spectra = np.asarray(spectra, np.float64)
    height, width = spectra.shape[-2:]
    if bands == RINGS:
        ring = np.rint(radial_frequency(height, width) * max(height, width)).astype(int).ravel()
        of_ring = np.equal.outer(ring, np.arange(ring.max() + 1)).astype(np.float64)
        sums = spectra.reshape(*spectra.shape[:-2], -1) @ of_ring
    elif bands >= max(height, width):
        sums = spectra
    else:
        sums = np.fft.fftshift(spectra, axes=(-2, -1))
        for axis, length in ((-2, height), (-1, width)):
            sums = np.add.reduceat(sums, _starts(length, bands), axis=axis)
    return sums.reshape(*spectra.shape[:-3], -1)


def _starts(length, bands):
    """First positions of `bands` runs of 0 .. length - 1, as equal as they can be; all different."""
    bands = min(bands, length)
    return np.ceil(np.arange(bands) * length / bands).astype(int)
