"""Random numbers of an attack that belong to an image, not to a batch."""

import random
from contextlib import contextmanager

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from idbias.errors import InputError
from idbias.streams import torch_seed

DRAWN_LIKE = {torch.rand_like: torch.rand, torch.randn_like: torch.randn}
IN_PLACE = (torch.Tensor.uniform_, torch.Tensor.normal_)


class RandomNumbersPerImage(TorchFunctionMode):
    """Within the block, random tensors with one row an image are drawn a row from each image's seed.

    An attack draws a batch's random numbers (PGD's start) from one stream, so that an image's would
    depend on its neighbours. Here draw number d of image i is seeded by (seed, i, d), for torch.rand,
    randn, randint, rand_like, randn_like, Tensor.uniform_ and Tensor.normal_, on the CPU whatever the
    device.
    seed: integer; index: the images' positions in the dataset, one for each row of the batch.
    """

    def __init__(self, seed, index):
        super().__init__()
        self.seed, self.index, self.draws = seed, index, 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if kwargs.get("generator", self) is None:  # as torch's own initialisations pass it on
            del kwargs["generator"]
        options = {key: value for key, value in kwargs.items() if key != "size"}
        if "generator" in kwargs:
            return function(*args, **kwargs)
        if function in (torch.rand, torch.randn):
            size = kwargs.get("size", args)
            size = size[0] if len(size) == 1 and not isinstance(size[0], int) else size
            if self.of_images(size):
                return self.rows(function, (tuple(size[1:]),), options)
        elif function is torch.randint:
            *bounds, size = (*args, kwargs["size"]) if "size" in kwargs else args
            low, high = (
                ([options.pop(name)] if name in options else []) for name in ("low", "high")
            )
            bounds = [*low, *bounds, *high]
            if self.of_images(size):
                return self.rows(function, (*bounds, tuple(size[1:])), options)
            return function(*bounds, size, **options)
        elif function in DRAWN_LIKE and self.of_images(args[0].shape):
            tensor, *args = args
            options = {"dtype": tensor.dtype, "device": tensor.device, **options}
            options.pop("memory_format", None)
            return self.rows(DRAWN_LIKE[function], (tuple(tensor.shape[1:]),), options)
        elif function in IN_PLACE and self.of_images(args[0].shape):
            tensor, *bounds = args

            def draw(generator):
                row = torch.empty(tensor.shape[1:], dtype=tensor.dtype)
                return function(row, *bounds, generator=generator, **kwargs)

            with torch.no_grad():
                tensor.copy_(self.stacked(draw))
            return tensor
        return function(*args, **kwargs)

    def of_images(self, size):
        """Return whether a tensor of `size` has a row for each image."""
        return len(size) > 0 and size[0] == len(self.index)

    def rows(self, function, args, options):
        """Return function(*args, **options) for each image with its own generator, stacked."""
        device, grad = options.pop("device", None), options.pop("requires_grad", False)
        drawn = self.stacked(lambda generator: function(*args, generator=generator, **options))
        return drawn.to(device).requires_grad_(grad)

    def stacked(self, draw):
        """Return draw(generator) for each image's generator of this draw, stacked."""
        rows = []
        for image in self.index:
            number = torch_seed("attack", self.seed, image, self.draws)
            rows.append(draw(torch.Generator().manual_seed(number)))
        self.draws += 1
        return torch.stack(rows)


@contextmanager
def per_image(seed, index, name):
    """Within the block, the attack `name` draws each image's random numbers from its own stream.

    Raises InputError if it drew others, of torch, numpy or Python, that belong to a batch.
    """
    before = states()
    with RandomNumbersPerImage(seed, index):
        yield
    if states() != before:
        raise InputError(
            f"attacks: {name} draws random numbers for a batch and not for each image, so that an "
            "image's result would depend on the others; set one_at_a_time: true beside it."
        )


def states():
    """Return the states of torch's, numpy's and Python's own streams, as things that can be compared."""
    devices = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    of_torch = [state.numpy().tobytes() for state in (torch.get_rng_state(), *devices)]
    return of_torch, random.getstate(), str(np.random.get_state(legacy=False))  # noqa: NPY002
