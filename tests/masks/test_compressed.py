"""Compressed masks read and are written as the array they stand for."""

import numpy as np
import pytest
import torch

from idbias import files, shards
from idbias.fourier import full_from_half
from idbias.masks.compressed import CompressedMasks


@pytest.mark.parametrize("shape", [(5, 3, 8, 8), (5, 1, 7, 9), (0, 3, 8, 8)])
def test_compressed_masks_are_written_as_the_array_they_stand_for(shape, tmp_path):
    kept = CompressedMasks(shape, half=True)
    half = torch.rand(*shape[:3], shape[3] // 2 + 1) * (torch.rand(*shape[:3], 1) > 0.9)
    for row in range(1, shape[0]):
        kept[row] = half[row]
    whole = full_from_half(half, shape[3]).numpy()
    whole[:1] = 0  # was never set
    assert np.array_equal(kept[:], whole)
    assert shards.content({"mask": kept}) == shards.content({"mask": whole})
    files.write(tmp_path / "a.h5", {"mask": kept})
    files.write(tmp_path / "b.h5", {"mask": whole})
    first, second = (files.read(tmp_path / name) for name in ("a.h5", "b.h5"))
    assert np.array_equal(first[0]["mask"], second[0]["mask"])
    assert first[0]["mask"].dtype == np.float32
    assert first[1]["content"] == second[1]["content"]
    again = CompressedMasks(shape, half=True)
    again.restore(kept.state())
    assert np.array_equal(again[:], whole)
