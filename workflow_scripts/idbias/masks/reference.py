"""Paper 1's masks on one screen: one image, the full spectrum, torch's Adam, no tricks.

    minimise over M in [0, 1]:  CE(f(x_F), y) + lambda ||M||_1,   x_F = Re(F^-1(M . F x))

(Basile et al. 2023, equations (1) and (2), and section 4.5): f the frozen classifier, x the image, y its class
for an essential mask, the class its attack brought it to for an adversarial one. M starts as ones and is
clamped after each step. It costs a forward and a backward pass of f for one image a step: of ResNet-20 on
CIFAR-10 some 7 ms on a core of 2023, so 4 s a mask of 550 steps. `execution.engine: reference` runs it;
tests/masks compares the engines with it, which do the same for many images at once, 15 times as fast.
"""

import math

import torch
from torch.nn import functional


def train_mask(classifier, image, target, settings):
    """Return (mask (C, H, W), steps, last loss, converged) of one image.

    classifier: frozen torch module in eval mode, images (B, C, H, W) -> logits (B, K); image: (C, H, W), of
    its dtype and device; target: a class, int; settings: idbias.config.schema.Masks. A loss that is not
    finite ends the training.
    """
    mask = torch.ones_like(image).requires_grad_()
    optimizer = torch.optim.Adam([mask], lr=settings.learning_rate)
    target, losses, converged = torch.tensor([target], device=image.device), [], False
    while len(losses) < settings.max_steps and not converged:
        filtered = torch.fft.ifft2(mask * torch.fft.fft2(image)).real
        entropy = functional.cross_entropy(classifier(filtered[None]), target)
        size = mask.abs().sum() if settings.norm == "l1" else mask.sum()
        loss = entropy + settings.penalty * size
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        mask.data.clamp_(0, 1)
        recent = losses[-settings.window :]
        flat = abs(losses[-1] - sum(recent) / len(recent)) < settings.tolerance
        converged = len(losses) > settings.min_steps and flat
    return mask.detach(), len(losses), losses[-1], converged


class OneAtATime:
    """Trains the images of a slots.Work with `train_mask`, as Slots does; a checkpoint keeps finished masks."""

    def __init__(self, work, classifier):
        self.work, self.classifier = work, classifier

    def run(self, stop):
        """Train until nothing waits or `stop` (an Event) is set."""
        work = self.work
        while work.waiting and not stop.is_set():
            try:
                position = work.waiting.popleft()
            except IndexError:  # another worker took the last one
                return
            image = work.images[position].to(work.device, work.dtype)
            with torch.enable_grad():
                mask, steps, loss, converged = train_mask(
                    self.classifier, image, int(work.targets[position]), work.settings
                )
            work.finish(position, mask.cpu(), steps, converged, math.isfinite(loss))

    def export(self):
        """Return what a checkpoint needs of images in training: there are none between two images."""
        return {}
