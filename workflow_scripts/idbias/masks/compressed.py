"""Masks kept compressed: of a trained one, 99 % of the entries are zero."""

import zlib

import numpy as np
import torch

from idbias.fourier import full_from_half


class CompressedMasks:
    """N masks, each set once, read like an array of the full spectrum: float32 (N, C, H, W).

    shape: (N, C, H, W). half: the masks set are half spectra (C, H, W // 2 + 1), else (C, H, W).
    `masks[rows]`, a slice or a list, gives a new ndarray; a mask that was not set is all zeros.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, shape, half):
        self.shape, self.half = tuple(shape), half
        self.parts = [None] * shape[0]

    def __len__(self):
        return self.shape[0]

    def __setitem__(self, row, mask):
        """Keep one mask, a tensor on the CPU, as float32; None takes back what was there."""
        plain = None if mask is None else mask.float().contiguous().numpy()
        self.parts[row] = None if plain is None else zlib.compress(plain, 1)

    def __getitem__(self, rows):
        chosen = self.parts[rows] if isinstance(rows, slice) else [self.parts[row] for row in rows]
        width = self.shape[3] // 2 + 1 if self.half else self.shape[3]
        masks = torch.zeros(len(chosen), *self.shape[1:3], width)
        for mask, part in zip(masks, chosen, strict=True):
            if part is not None:
                plain = np.frombuffer(zlib.decompress(part), np.float32)
                mask.copy_(torch.tensor(plain.reshape(mask.shape)))
        return (full_from_half(masks, self.shape[3]) if self.half else masks).numpy()

    def state(self):
        """Return tensors that say everything, for a checkpoint."""
        parts = [part or b"" for part in self.parts]
        joined = np.frombuffer(b"".join(parts), np.uint8).copy()
        return {"sizes": torch.tensor([len(part) for part in parts]), "bytes": torch.tensor(joined)}

    def restore(self, state):
        """Take back what `state` returned."""
        parts = state["bytes"].split(state["sizes"].tolist())
        self.parts = [part.numpy().tobytes() or None for part in parts]
