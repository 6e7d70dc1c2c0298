"""The spiral of paper 1, Figure 4 and Table 1: two scalars, strongly but not linearly tied."""

import numpy as np

from idbias.streams import generator

TURNS = 5


def spiral(points, seed, turns=TURNS):
    """Return (points, 2) float64: x and y on an Archimedean spiral, at uniformly random angles.

    Angle t ~ U(0, 2 pi turns), radius t / (2 pi turns): the form of the authors' published code for
    the later paper (three turns there). Paper 1 gives no formula; five turns give its R^2 of 2.5e-3
    (docs/deviations.md tells how they were chosen). The first column is one set, the second the other.
    """
    angle = generator("spiral", seed).uniform(0, 2 * np.pi * turns, points)
    radius = angle / (2 * np.pi * turns)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
