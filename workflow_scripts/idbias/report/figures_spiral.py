"""Figures of two scalar sets, such as the spiral: as they are and shuffled (paper 1, figs. 4, 6)."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import PowerNorm
from scipy.ndimage import gaussian_filter

from idbias.report.figures import ESSENTIAL, in_style
from idbias.report.rounding import TWO, p_value

CELLS = 120
# Standard deviation of the kernel, in cells: the plot is 1.2 times as wide as the data.
KERNEL = 1.5


@in_style
def scatter(points, row):
    """Draw points as they are and shuffled, with their I_d (paper 1, figure 4).

    `points`: DataFrame with columns x, y and y_shuffled; `row`: the row of the correlation table.
    """
    titles = (
        f"A  as they are: $I_d$ = {row['id']:.2f}",
        f"B  y shuffled: $I_d$ = {row['id_shuffled_mean']:.2f} ± {row['id_shuffled_std']:.2f}",
    )
    figure, grid = plt.subplots(1, 2, figsize=(6.4, 3.4), layout="compressed")
    for axes, column, title in zip(grid, ("y", "y_shuffled"), titles, strict=True):
        # As an image inside the PDF: thousands of vector dots make a page slow.
        axes.plot(
            points["x"], points[column], ".", color=ESSENTIAL, markersize=2,
            markeredgewidth=0, rasterized=True,
        )  # fmt: skip
        axes.set_aspect("equal")
        axes.set(xlabel="x", ylabel="y", title=title)
    figure.suptitle(
        f"Z = {TWO(row['z'])},  p = {p_value(row['p'])} (Φ(Z), as in the paper)", fontsize=9
    )
    return figure


def densities(points):
    """Return the joint density of (x, y) and of (x, y_shuffled) on a grid, a DataFrame.

    Kernel density estimates with a Gaussian kernel, on CELLS by CELLS cells: the histogram of the
    cells, convolved. Columns x, y (middle of the cell), density, density_shuffled, whose integral
    over the grid is 1.
    """
    edges = [limits(points["x"]), limits(points["y"])]
    smoothed = {}
    for name, column in (("density", "y"), ("density_shuffled", "y_shuffled")):
        counted, *_ = np.histogram2d(points["x"], points[column], bins=edges, density=True)
        smoothed[name] = gaussian_filter(counted, KERNEL).ravel()
    x, y = ((edge[1:] + edge[:-1]) / 2 for edge in edges)
    columns, rows = np.meshgrid(x, y, indexing="ij")
    return pd.DataFrame({"x": columns.ravel(), "y": rows.ravel(), **smoothed})


def limits(values):
    """Return CELLS + 1 edges from a tenth of the range below `values` to a tenth above."""
    low, high = values.min(), values.max()
    space = 0.1 * (high - low) or 0.5
    return np.linspace(low - space, high + space, CELLS + 1)


@in_style
def joint(density, points):
    """Draw joint densities with their margins, before and after the shuffle (paper 1, figure 6).

    `density`: what `densities` returns for `points`.
    """
    side = {"width_ratios": (4, 1), "height_ratios": (1, 4)}
    figure = plt.figure(figsize=(7.2, 3.7))
    panels = figure.subfigures(1, 2)
    highest = density[["density", "density_shuffled"]].max().max()
    names = (
        ("A  as they are", "density", "y"),
        ("B  y shuffled", "density_shuffled", "y_shuffled"),
    )
    x, y = np.unique(density["x"]), np.unique(density["y"])
    for panel, (title, name, column) in zip(panels, names, strict=True):
        (top, corner), (middle, right) = panel.subplots(2, 2, gridspec_kw=side)
        corner.set_axis_off()
        values = density[name].to_numpy().reshape(len(x), len(y)).T
        # By the square root, which shows the thin outer turns beside the dense middle.
        scale = PowerNorm(0.5, vmin=0, vmax=highest)
        middle.pcolormesh(x, y, values, cmap="Blues", norm=scale, rasterized=True)
        shared = {"bins": 40, "color": ESSENTIAL, "density": True}
        top.hist(points["x"], **shared)
        right.hist(points[column], orientation="horizontal", **shared)
        top.set(xlim=(x[0], x[-1]), xticks=[], yticks=[], title=title)
        right.set(ylim=(y[0], y[-1]), xticks=[], yticks=[])
        middle.set(xlabel="x", ylabel="y")
    return figure
