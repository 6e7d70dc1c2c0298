"""Norms of perturbations by their names, and how large one can be. Imports nothing heavy: the Snakefile does."""

from math import inf, prod

# The order of a norm, as numpy.linalg.norm takes it, by its name in config.yaml.
ORDERS = {"linf": inf, "l2": 2, "l1": 1, "l0": 0}


def largest(shape, order):
    """Return the norm of the largest perturbation that images (C, H, W) in [0, 1] can have."""
    values = prod(shape)
    return 1.0 if order == inf else float(values if order == 0 else values ** (1 / order))
