"""How many images go through a network at once."""

from math import prod

# What layers keep of a batch under attack or training, in images, and at most that number of MB.
LAYERS, MOST_LAYERS = 200, 4000
# Images that are classified, or whose gradients are taken, at once, at most.
CLASSIFIED = 256
# Images of a class that its map's gradient is summed over at once.
OF_A_CLASS = 64


def at_once(shape, most):
    """Return how many images (C, H, W) go through a network at once: `most`, or fewer where they are large.

    A power of two then, whose layers keep MOST_LAYERS. By the shape only: the batch decides how sums round.
    """
    fitting = int(MOST_LAYERS / (LAYERS * prod(shape) * 4 / 1e6))
    return min(most, 1 << max(fitting.bit_length() - 1, 0))
