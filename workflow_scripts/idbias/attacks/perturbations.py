"""What is common to all attacks: the norms of perturbations, and the range of pixels."""

import numpy as np

# How far beyond [0, 1] rounding may bring an attack; such values are cut.
ROUNDING = 1e-5


def norms(perturbation):
    """Return l2 and linf (N,) of perturbations (N, C, H, W), by name, of their dtype."""
    flat = perturbation.reshape(len(perturbation), -1)
    return {
        "l2": np.linalg.norm(flat, axis=1),
        "linf": np.abs(flat).max(axis=1, initial=0),
    }
