"""How much each frequency matters to a classifier, seen from outside: by noise, and by taking it away.

What masks find can be read against these two known curves. Single-frequency noise: Yin et al. 2019, "A
Fourier Perspective on Model Robustness in Computer Vision", section 3 and appendix A.
"""

import numpy as np

from idbias.classifiers.models import logits_of
from idbias.config.batches import CLASSIFIED
from idbias.progress import progress

# Root mean square of the noise in each channel, where pixels go from 0 to 1. The first is the l2 norm 4 that
# Yin et al. take on the 32 by 32 pixels of CIFAR-10; the others are for classifiers that it does not trouble.
NOISES = (4 / 32, 8 / 32, 16 / 32)
TROUBLED, TRIED = 0.1, 64
# Of the heat map's sides, and of radii of bands; and how many pixels are classified for each of both maps.
MOST_FREQUENCIES, MOST_RADII = 33, 24
BUDGET = 1.5e8
# Images at least and at most.
FEW, MANY = 32, 256


def chosen(index, shape):
    """Return those of the images `index` (N,) to measure on: evenly spaced, as many as the budget allows.

    shape: (C, H, W).
    """
    height, width = shape[-2:]
    half = len(axis(height)) * len(axis(width)) // 2 + 1
    count = int(np.clip(BUDGET / (half * height * width), FEW, MANY))
    if len(index) <= count:
        return index
    return index[np.linspace(0, len(index) - 1, count).astype(int)]


def axis(side):
    """Return the frequencies (cycles per image) along a side that the heat map has, ascending, 0 among them."""
    step = -(-side // MOST_FREQUENCIES)
    negative = np.arange(0, -(side // 2) - 1, -step)[:0:-1]
    positive = np.arange(0, (side - 1) // 2 + 1, step)
    return np.concatenate([negative, positive])


def wave(shape, vertical, horizontal):
    """Return real noise (H, W) of one frequency and its mirror image, of root mean square 1.

    vertical, horizontal: cycles per image. The basis of Yin et al. 2019, appendix A.
    """
    height, width = shape[-2:]
    rows, columns = np.indices((height, width))
    # cos + sin: of a frequency that is its own mirror image one of both is zero everywhere.
    phase = 2 * np.pi * (vertical * rows / height + horizontal * columns / width)
    noise = np.cos(phase) + np.sin(phase)
    return noise / np.sqrt((noise**2).mean())


def accuracy(classifier, images, labels, device):
    """Return the share of images float32 (N, C, H, W) that are given their labels, int64 (N,)."""
    logits = logits_of(classifier, images, min(len(images), CLASSIFIED), device)
    return float((logits.argmax(1) == labels).mean())


def noise_level(classifier, images, labels, device):
    """Return the first of NOISES under which the error is TROUBLED on average, else the last.

    Arguments as for `heat_map`; the first TRIED images are looked at.
    """
    for level in NOISES:
        *_, error = heat_map(classifier, images[:TRIED], labels[:TRIED], level, device)
        if error.mean() >= TROUBLED:
            break
    return level


def heat_map(classifier, images, labels, level, device="cpu"):
    """Return (vertical, horizontal, error): the classifier's error under noise of each frequency.

    images: float32 (N, C, H, W) in [0, 1]; labels: int64 (N,). error: float64 (V, K), the share of images
    that are not given their label with noise of that frequency and of the root mean square `level`. Its sign
    alternates from image to image and from channel to channel (Yin et al. draw it); noisy images are cut to
    [0, 1]. A frequency and its mirror image have one value, of the phase of the one that comes first.
    """
    vertical, horizontal = axis(images.shape[-2]), axis(images.shape[-1])
    error = np.full((len(vertical), len(horizontal)), np.nan)
    signs = (-1.0) ** np.add.outer(np.arange(images.shape[0]), np.arange(images.shape[1]))[
        ..., None, None
    ]
    known = {}
    pairs = [(v, h) for v in range(len(vertical)) for h in range(len(horizontal))]
    for v, h in progress(pairs, unit="frequency", label=f"noise of {level:g}"):
        key = (vertical[v] % images.shape[-2], horizontal[h] % images.shape[-1])
        mirror = (-vertical[v] % images.shape[-2], -horizontal[h] % images.shape[-1])
        if mirror not in known:
            noise = level * signs * wave(images.shape, vertical[v], horizontal[h])
            noisy = np.clip(images + noise, 0, 1).astype(np.float32)
            known[key] = 1 - accuracy(classifier, noisy, labels, device)
        error[v, h] = known.get(mirror, known.get(key))
    return vertical, horizontal, error


def bands(classifier, images, labels, device="cpu"):
    """Return accuracy against a band kept, a dict of arrays: radius, low_pass, high_pass, band_stop.

    images, labels: as for `heat_map`. radius: cycles per pixel, float64 (R,), with 0. low_pass: share of
    images given their label with only the frequencies up to the radius (0: the mean colour);
    high_pass: with those above it and the mean; band_stop: without those between the radius before and it
    (of the first: with all). Filtered images are not clipped, as those of masks are not.
    """
    height, width = images.shape[-2:]
    radii = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    count = min(MOST_RADII, min(height, width) // 2 + 1)
    edges = np.linspace(0, radii.max(), count)
    spectrum = np.fft.fft2(images)
    accuracies = {name: np.zeros(count) for name in ("low_pass", "high_pass", "band_stop")}
    for number, edge in enumerate(edges):
        within = radii <= edge + 1e-9
        before = radii <= edges[max(number - 1, 0)] + 1e-9
        kept = {
            "low_pass": within,
            "high_pass": ~within | (radii == 0),
            "band_stop": ~within | before,
        }
        for name, mask in kept.items():
            filtered = np.fft.ifft2(spectrum * mask).real.astype(np.float32)
            accuracies[name][number] = accuracy(classifier, filtered, labels, device)
    return {"radius": edges, **accuracies}
