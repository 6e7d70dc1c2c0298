"""Threads that each compute on one core."""

from concurrent.futures import ThreadPoolExecutor

import torch


def pool(count, device):
    """Return a ThreadPoolExecutor of `count` threads, each with one core, or using the GPU `device`.

    Threads within an operation would wait for each other at every layer of a classifier.
    """

    def begin():
        torch.set_num_threads(1)
        if device.type == "cuda":
            torch.cuda.set_device(device)

    return ThreadPoolExecutor(count, initializer=begin)
