"""One mask a class, which is to keep its images and to bring back those attacked into it.

As class_level_maps.py of the authors' repository (lorenzobasile/ImplicitBiasAdversarial, commit 2f1d573)
for Basile et al. 2025: for class c, x are the clean images of class c, x' the adversarial images that the
classifier takes for c, with y' their true classes. Starting from ones, each epoch makes two steps of
Adam on all images at once, each followed by a clamp to [0, 1]: on mean CE(f(x'_F), y') + penalty |M|_1,
then on mean CE(f(x_F), c) + penalty |M|_1. Training ends after epoch e (from 0) if e > min_steps and the
mean of both losses is within `tolerance` of its mean over the last `window` epochs.
"""

import numpy as np
import torch

from idbias import checkpoints
from idbias.classifiers.conversion import copied
from idbias.config.batches import OF_A_CLASS
from idbias.fourier import full_from_half, mask_gradient, pair_counts
from idbias.machine import made_by
from idbias.masks import gpu, threads
from idbias.masks.gradients import Autograd, input_gradient


def train_class_map(
    classifier,
    sets,
    settings,
    *,
    device="cpu",
    engine="auto",
    checkpoint=None,
    checkpoint_seconds=60,
    progress=None,
):
    """Return a class's map as a dict: mask float32 (C, H, W), in the order of fft2; epochs, loss, converged,
    and engine ("compiled", "torch", or "none" without any image, where the map stays at ones).

    classifier: frozen torch module in eval mode; sets: list of (images float32 (N, C, H, W), targets
    int64 (N,)), a step an epoch of each in this order; empty ones take none. settings:
    schema.ClassMaps. checkpoint: as for idbias.masks.training.train_masks; the caller deletes it.
    progress: called with 1 after each epoch.
    """
    size = tuple(sets[0][0].shape[1:])
    sets = [(torch.as_tensor(x), torch.as_tensor(y)) for x, y in sets if len(x)]
    classifier = copied(classifier, device, torch.float32)
    if not sets:
        ones = np.ones(size, np.float32)
        return {"mask": ones, "epochs": 0, "loss": 0.0, "converged": True, "engine": "none"}
    example = torch.linspace(0, 1, int(np.prod(size)), device=device).view(1, *size)
    gradient = input_gradient(classifier, example, engine=engine)
    spectra = [(torch.fft.rfft2(x.to(device)), y.to(device)) for x, y in sets]
    half = torch.ones(size[0], size[1], size[2] // 2 + 1, device=device, requires_grad=True)
    optimizer = torch.optim.Adam([half], lr=settings.learning_rate)
    losses, used = [], "torch" if isinstance(gradient, Autograd) else "compiled"
    # Begun on another machine, which rounds otherwise, it starts afresh.
    parts = [
        settings.model_dump(),
        made_by(str(device), used),
        *(part for both in sets for part in both),
    ]
    key = checkpoints.fingerprint(*parts, checkpoints.fingerprint_of_network(classifier))
    state = checkpoints.load(checkpoint, key) if checkpoint else None
    if state:
        half.data = state["mask"].to(device)
        optimizer.load_state_dict(state["adam"])
        losses = state["losses"]
        progress and progress(len(losses))

    def made():
        return {"mask": half.detach().cpu(), "adam": optimizer.state_dict(), "losses": losses}

    count = 1 if example.is_cuda else torch.get_num_threads()
    saving = checkpoints.saving(checkpoint, key, made, checkpoint_seconds)
    with gpu.arithmetic("float32"), threads.pool(count, example.device) as pool, saving as saved:
        while len(losses) < settings.max_steps and not _converged(losses, settings):
            both = [
                _step(half, optimizer, *pair, size, gradient, settings, pool) for pair in spectra
            ]
            losses.append(sum(both) / len(both))
            progress and progress(1)
            if saved.due():
                saved.save()
    return {
        "mask": full_from_half(half.detach().cpu(), size[2]).numpy(),
        "epochs": len(losses),
        "loss": losses[-1],
        "converged": _converged(losses, settings),
        "engine": used,
    }


def _converged(losses, settings):
    """Whether training ends after the last of `losses`, one an epoch."""
    recent = np.mean(losses[-settings.window :]) if losses else 0
    late = len(losses) - 1 > settings.min_steps
    return bool(late and abs(losses[-1] - recent) < settings.tolerance)


def _step(half, optimizer, spectra, targets, size, gradient, settings, pool):
    """Make one step of Adam on a set of images and clamp; return the loss it started from."""
    mask = half.detach()

    def gradients(rows):
        entropy, at_pixels = gradient(
            torch.fft.irfft2(mask * spectra[rows], s=size[1:]), targets[rows]
        )
        parts = mask_gradient(spectra[rows], at_pixels, torch.fft.rfft2)
        return entropy.double().sum(), parts.sum(dim=0)

    # Batches of one size, added in their order: how many threads there are changes no digit.
    batches = [slice(start, start + OF_A_CLASS) for start in range(0, len(targets), OF_A_CLASS)]
    entropies, parts = zip(*pool.map(gradients, batches), strict=True)
    total = (mask.sum(dim=(0, 1)) * pair_counts(size[2]).to(mask)).sum()
    half.grad = sum(parts) / len(targets) + settings.penalty * mask.sign()
    optimizer.step()
    half.data.clamp_(0, 1)
    return float(sum(entropies) / len(targets) + settings.penalty * total)
