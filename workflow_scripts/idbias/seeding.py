"""A block in which all random numbers, of torch, numpy and Python, come from one stream (streams.py)."""

import random
from contextlib import contextmanager

import numpy as np
import torch

from idbias.streams import sequence


@contextmanager
def seeded(stream, seed, *key):
    """Within the block, whatever draws without a generator of its own draws from a stream; after it as before it.

    The arguments are those of idbias.streams.sequence.
    """
    before = random.getstate(), np.random.get_state()  # noqa: NPY002
    state = sequence(stream, seed, *key).generate_state(2, np.uint64)
    with torch.random.fork_rng(device_type="cuda"):
        torch.manual_seed(int(state[0]) >> 1)
        random.seed(int(state[1]))
        np.random.seed(int(state[1]) >> 32)  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])  # noqa: NPY002
