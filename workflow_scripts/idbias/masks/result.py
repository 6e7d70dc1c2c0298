"""What mask training returns."""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from idbias.fourier import filtered
from idbias.masks.compressed import CompressedMasks

BATCH = 64  # images classified at once


@dataclass
class MaskResult:
    """Masks of N images and how their training ended; everything is a numpy array.

    masks: float32 (N, C, H, W), full spectrum in the order of fft2, entries in [0, 1]; where the
        caller wants them compressed, CompressedMasks, which read the same.
    steps: int32 (N,), optimisation steps taken.
    loss: float64 (N,), cross-entropy + penalty * sum(M) of the mask as it is returned.
    converged: bool (N,), stopped by the tolerance and not by max_steps.
    predicted: int64 (N,), the class of the masked image, by the classifier as it was given.
    kept: bool (N,), predicted is the target.
    finite: bool (N,), False where a loss was infinite or not a number: that image was dropped, its
        mask is all zeros, its loss 0, its prediction -1, and it is neither converged nor kept.
    engine: what gave the gradients: "compiled", "torch" or "reference", with the precision where that is
        less than float32's, "captured" where a step ran as a CUDA graph.
    makers: of the masks, dicts as idbias.machine.made_by returns: several where a checkpoint of another
        machine was continued.
    """

    masks: np.ndarray | CompressedMasks
    steps: np.ndarray
    loss: np.ndarray
    converged: np.ndarray
    kept: np.ndarray
    predicted: np.ndarray
    finite: np.ndarray
    engine: str
    makers: list


@torch.no_grad()
def mask_result(classifier, work, engine, compressed):
    """Classify the masked images with the classifier as it was given, and return the MaskResult."""
    done, count, masks = work.done, len(work.images), work.masks
    loss = torch.zeros(count, dtype=torch.float64)
    predicted = torch.full((count,), -1)
    size = max(16, min(BATCH, count))  # smaller batches may round otherwise
    for start in range(0, count, size):
        index = torch.arange(start, start + size) % count  # the last batch is filled up
        used = torch.from_numpy(masks[index.tolist()]).to(work.device, work.dtype)
        images = work.images[index].to(work.device, work.dtype)
        logits = classifier(filtered(used, images))
        classes = work.targets[index].to(work.device)
        entropy = functional.cross_entropy(logits, classes, reduction="none").double()
        loss[index] = (entropy + work.settings.penalty * used.double().sum(dim=(1, 2, 3))).cpu()
        predicted[index] = logits.argmax(dim=1).cpu()
    finite = done["finite"] & torch.isfinite(loss)
    loss[~finite], predicted[~finite] = 0, -1
    for row in (~finite).nonzero().flatten().tolist():
        masks[row] = None
    return MaskResult(
        masks=masks if compressed else masks[:],
        steps=done["step"].numpy(),
        loss=loss.numpy(),
        converged=(done["converged"] & finite).numpy(),
        kept=((predicted == work.targets) & finite).numpy(),
        predicted=predicted.numpy(),
        finite=finite.numpy(),
        engine=engine,
        makers=work.makers,
    )
