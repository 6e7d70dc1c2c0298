"""Figures of masks: images before and after filtering, galleries, means and radial profiles."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from idbias import files
from idbias.report.figures import ADVERSARIAL, ESSENTIAL, in_style, nothing_to_draw
from idbias.spectra.radial import amplitude, centred, ring_radii, rings

# Masks read at once: a few hundred megabytes at 224 by 224 pixels.
BLOCK = 256
NONE = "no image has both masks"


def filtered(masks, images):
    """Return x_F = Re(F^-1(M * F x)), paper 1, equation (1), float64 (N, C, H, W).

    The same as idbias.fourier.filtered, for arrays: figures need no torch.
    """
    spectrum = np.fft.fft2(np.asarray(images, np.float64))
    return np.fft.ifft2(np.asarray(masks, np.float64) * spectrum).real


def picture(values):
    """Return an image or mask (C, H, W) as matplotlib shows it: (H, W, 3), or (H, W) of grays.

    Three channels are red, green and blue; any other number is averaged. Values are cut to [0, 1].
    """
    values = np.clip(np.asarray(values, np.float64), 0, 1)
    return values.transpose(1, 2, 0) if len(values) == 3 else values.mean(axis=0)


def show(axes, values, title, frame="#888888"):
    """Draw an image or mask (C, H, W) on the scale 0 (black) to 1 (white), framed and titled."""
    axes.imshow(picture(values), cmap="gray", vmin=0, vmax=1)
    title = str(title)
    axes.set_title(title if len(title) <= 11 else f"{title[:10]}…", fontsize=6, pad=2)
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(visible=True, color=frame, linewidth=0.5)


@in_style
def before_and_after(clean, adversarial, essential_masks, adversarial_masks, about, classes):
    """Draw paper 1's figure 1: images before and after filtering by their masks.

    The arrays are (N, C, H, W), a column of the figure each. `about`: DataFrame of N rows with the
    classes the classifier gives (numbers): label, adversarial_class, essential_predicted and
    adversarial_predicted. `classes`: their names.
    """
    rows = (
        ("A  clean", clean, "label"),
        ("B  adversarial", adversarial, "adversarial_class"),
        ("C  clean, filtered\nby essential mask", filtered(essential_masks, clean),
         "essential_predicted"),
        ("D  adversarial, filtered\nby adversarial mask",
         filtered(adversarial_masks, adversarial), "adversarial_predicted"),
    )  # fmt: skip
    count = len(clean)
    if not count:
        return nothing_to_draw("", NONE)
    figure, grid = plt.subplots(4, count, figsize=(1.3 + 0.59 * count, 3.2), squeeze=False)
    for axes, (name, images, column) in zip(grid, rows, strict=True):
        axes[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=7)
        for box, image, label in zip(axes, images, about[column], strict=True):
            show(box, image, classes[label])
    return figure


@in_style
def perturbations(clean, attacked, titles):
    """Draw images, what an attack made of them, and the difference: amplified, and its spectrum.

    clean, attacked: (N, C, H, W), a column of the figure each. The difference is multiplied so that the
    largest of all reaches black or white, and lies around gray; its spectrum |F delta| is the mean over
    channels on a logarithmic scale of three orders of magnitude, zero frequency in the middle. titles: N.
    """
    if not len(clean):
        return nothing_to_draw("", NONE)
    difference = np.asarray(attacked, np.float64) - clean
    factor = 0.5 / max(np.abs(difference).max(), 1e-12)
    spectrum = centred(amplitude(difference, norm="backward").mean(axis=1))
    highest = max(spectrum.max(), 1e-12)
    norm = plt.matplotlib.colors.LogNorm(highest * 1e-3, highest)
    shown = f"{factor:.0f}" if factor >= 10 else f"{factor:.1f}"
    rows = {
        "A  clean": clean, "B  adversarial": attacked, f"B - A,\n{shown} times": 0.5 + factor * difference,
        "spectrum of\nB - A": spectrum,
    }  # fmt: skip
    count = len(clean)
    figure, grid = plt.subplots(4, count, figsize=(1.3 + 0.59 * count, 3.2), squeeze=False)
    for boxes, (name, images) in zip(grid, rows.items(), strict=True):
        boxes[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=7)
        for box, image, title in zip(boxes, images, titles, strict=True):
            if image.ndim == 3:
                show(box, image, title if images is clean else "")
            else:
                box.imshow(np.maximum(image, highest * 1e-3), norm=norm)
                box.set(xticks=[], yticks=[])
    return figure


@in_style
def gallery(masks, titles, columns=10):
    """Draw masks (N, C, H, W), in fft2 order, with zero frequency in the middle (figures 3 and 5).

    `titles`: N of them.
    """
    if not len(masks):
        return nothing_to_draw("", NONE)
    columns = min(columns, len(masks))
    rows = -(-len(masks) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(0.72 * columns, 0.86 * rows), squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, mask, title in zip(grid.flat, centred(masks), titles, strict=False):
        axes.set_axis_on()
        show(axes, mask, title)
    return figure


def averages(masks):
    """Return the mean of masks (N, C, H, W) and its mean over rings of equal radius.

    `masks`: array or h5py dataset, in fft2 order, read in blocks. Returns the mean (C, H, W)
    float64, and a DataFrame: radius (the ring's mean, in cycles per pixel), mean, and low and high, its 95 %
    confidence interval over images (1.96 standard errors). A ring holds the frequencies whose radius times the
    shorter side rounds to the same number; its value for an image is the mean over them and over channels.
    """
    count, channels, height, width = masks.shape
    members = rings(height, width).T
    members = np.ascontiguousarray(members / members.sum(axis=0))
    total = np.zeros((channels, height, width))
    values = []
    for first in range(0, count, BLOCK):
        block = np.asarray(masks[first : first + BLOCK], np.float64)
        total += block.sum(axis=0)
        values.append(block.mean(axis=1).reshape(len(block), -1) @ members)
    # Of no masks a mean is missing, of one mask its interval.
    values = np.concatenate(values) if values else np.full((1, members.shape[1]), np.nan)
    mean = values.mean(axis=0)
    error = np.full(len(mean), np.nan)
    if count > 1:
        error = 1.96 * values.std(axis=0, ddof=1) / np.sqrt(count)
    profile = pd.DataFrame(
        {
            "radius": ring_radii(height, width),
            "mean": mean,
            "low": mean - error,
            "high": mean + error,
        }
    )
    return total / count if count else np.full(total.shape, np.nan), profile


def averages_of_pairs(path):
    """Return `averages` of both sets of a pairs file: two means, and one DataFrame with column set."""
    with files.opened(path) as file:
        essential, of_essential = averages(file["first"])
        adversarial, of_adversarial = averages(file["second"])
    profiles = [of_essential.assign(set="essential"), of_adversarial.assign(set="adversarial")]
    return essential, adversarial, pd.concat(profiles)


def mean_table(essential, adversarial):
    """Return mean masks (C, H, W), in fft2 order, as a DataFrame, a row a channel and frequency.

    Frequencies are in cycles per image height and width.
    """
    height, width = essential.shape[1:]
    vertical, horizontal = (np.rint(np.fft.fftfreq(side) * side) for side in (height, width))
    channel, row, column = np.indices(essential.shape).reshape(3, -1)
    return pd.DataFrame(
        {
            "channel": channel,
            "vertical_frequency": vertical[row].astype(int),
            "horizontal_frequency": horizontal[column].astype(int),
            "essential": essential.ravel(),
            "adversarial": adversarial.ravel(),
        }
    )


@in_style
def mean_masks(essential, adversarial, name):
    """Draw two mean masks (C, H, W), in fft2 order: averaged over channels, zero in the middle.

    `name`: for the title.
    """
    means = [centred(mask.mean(axis=0)) for mask in (essential, adversarial)]
    if not np.isfinite(means).any():
        return nothing_to_draw(name, NONE)
    height, width = means[0].shape
    left, top = -(width // 2) - 0.5, -(height // 2) - 0.5
    figure, grid = plt.subplots(1, 2, figsize=(6.4, 2.9), sharey=True)
    figure.suptitle(name, fontsize=9)
    scale = {"vmin": 0, "vmax": max(mean.max() for mean in means) or 1}
    extent = (left, left + width, top + height, top)
    for axes, mean, title in zip(grid, means, ("essential", "adversarial"), strict=True):
        shown = axes.imshow(mean, extent=extent, **scale)
        axes.set_title(f"{title} masks, mean {mean.mean():.3f}")
        axes.set_xlabel("horizontal cycles per image")
    grid[0].set_ylabel("vertical cycles per image")
    figure.colorbar(shown, ax=grid, label="mean mask", shrink=0.9)
    return figure


@in_style
def radial_profiles(profiles, name):
    """Draw the mean mask against the radial frequency.

    `profiles`: DataFrame with columns set ("essential" or "adversarial"), radius, mean, low, high.
    `name`: for the title.
    """
    if not profiles["mean"].notna().any():
        return nothing_to_draw(name, NONE)
    looks = {
        "essential": {"color": ESSENTIAL, "linestyle": "-", "marker": "o"},
        "adversarial": {"color": ADVERSARIAL, "linestyle": "--", "marker": "s"},
    }
    figure, axes = plt.subplots()
    for kind, look in looks.items():
        profile = profiles[profiles["set"] == kind]
        axes.plot(profile["radius"], profile["mean"], markersize=3, label=kind, **look)
        axes.fill_between(
            profile["radius"], profile["low"], profile["high"], color=look["color"], alpha=0.25
        )
    axes.set_ylim(bottom=0)
    axes.set_xlabel("radial frequency (cycles per pixel)")
    axes.set_ylabel("mean mask")
    axes.set_title(name)
    axes.legend()
    return figure
