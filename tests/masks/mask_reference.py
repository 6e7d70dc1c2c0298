"""The mask of one image as paper 1, section 4.5, writes it: full spectrum, plain Adam, no tricks."""

import numpy as np
import torch
from torch.nn import functional


def train_mask(classifier, image, target, settings):
    """Return (mask (C, H, W), steps, last loss) of one image (C, H, W) and its class, an int."""
    mask = torch.ones_like(image).requires_grad_()
    optimizer = torch.optim.Adam([mask], lr=settings.learning_rate)
    target, losses, step = torch.tensor([target], device=image.device), [], 0
    while True:
        filtered = torch.fft.ifft2(mask * torch.fft.fft2(image)).real
        entropy = functional.cross_entropy(classifier(filtered[None]), target)
        loss = entropy + settings.penalty * mask.sum()
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        mask.data.clamp_(0, 1)
        step += 1
        recent = losses[-settings.window :]
        flat = abs(losses[-1] - sum(recent) / len(recent)) < settings.tolerance
        if (step > settings.min_steps and flat) or step >= settings.max_steps:
            return mask.detach(), step, losses[-1]


def same(first, second, rows=slice(None)):
    """Whether every field of two results is the same bit for bit, the first one's at `rows`."""
    return all(np.array_equal(v[rows], vars(second)[name]) for name, v in vars(first).items())
