"""Relabellings of trainings: all of them, or drawn ones where they are too many."""

from itertools import permutations

import numpy as np

from idbias.streams import generator

# Up to this number of trainings all relabellings are counted, 8! = 40,320.
EXACT = 8
# Drawn ones beyond.
DRAWN = 9_999


def relabellings(count, seed):
    """Return relabellings of `count` trainings, int64 (R, count), the one that changes nothing first.

    All count! of them for count <= EXACT; else that one and DRAWN others, drawn by `seed`.
    """
    if count <= EXACT:
        return np.array(list(permutations(range(count))))
    drawn = generator("relabelling", seed, count)
    return np.array([np.arange(count), *(drawn.permutation(count) for _ in range(DRAWN))])


def p_value(matrix, labels, whole=None):
    """Return the share of relabellings whose trace is at least that of `matrix`, which is among them.

    matrix: float (K, K); labels: int (R, K) as `relabellings` returns. Traces that differ by rounding are
    equal: by that of `whole`, of which `matrix` is a part, or of `matrix` itself.
    """
    traces = matrix[np.arange(len(matrix)), labels].sum(axis=1)
    rounding = 1e-12 * np.abs(matrix if whole is None else whole).sum()
    return float((traces >= traces[0] - rounding).mean())
