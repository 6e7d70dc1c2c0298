"""The Brendel-Bethge attack (Brendel et al. 2019, arXiv:1907.01003) of foolbox, made to finish.

foolbox's own has four habits that this module works around, without touching its arithmetic:
- Its trust region is learning rate * number of values in the *batch*, so that an image's result
  depends on how many stand beside it. Here a batch is one image: learning rate * C * H * W.
- It stops with an assertion if one image of a batch has no adversarial starting point. Here images
  without one are reported (`started` False) and given back unchanged.
- Its solver may divide by zero, meet a singular matrix, or, given a gradient that is not finite,
  never return. Here such a step is not taken, and counted.
- Its starting points are drawn from the batch's random stream. Here from the image's own.
"""

import warnings

import foolbox
import numpy as np
import torch

from idbias.attacks.batched import make
from idbias.errors import InputError
from idbias.progress import progress


class CountingSolver:
    """foolbox's trust-region solver, with singular steps skipped and counted in `singular`.

    A skipped step leaves the image where it is; the trust region shrinks as the attack goes on, and
    the next step is tried with it.
    """

    def __init__(self, solver):
        self.solver = solver
        self.singular = 0

    def solve(self, original, current, normal, low, high, distance, radius):
        # One type for all, or numba compiles (half a minute) for each combination it meets.
        floats = [float(value) for value in (low, high, distance, radius)]
        vectors = [np.ascontiguousarray(v, np.float64) for v in (original, current, normal)]
        step = None
        if np.isfinite(vectors[2]).all() and np.isfinite(floats).all() and vectors[2].any():
            try:
                step = self.solver.solve(*vectors, *floats)
            except (ZeroDivisionError, np.linalg.LinAlgError):
                step = None
        if step is None or not np.isfinite(step).all():
            self.singular += 1
            return np.zeros_like(vectors[0])
        return step


def run(
    classifier, images, labels, index, settings, *, seed, candidates=None, device="cpu", label=""
):  # fmt: skip
    """Attack correctly classified images, one by one.

    Arguments and results are those of idbias.attacks.batched.run, where `settings["attack"]` is one of
    foolbox's BrendelBethgeAttack classes. candidates: float32 (M, C, H, W), images among which the
    nearest that the classifier puts in another class is the starting point where blended noise,
    foolbox's way, finds none in 1,000 draws; the same for all shards, or results depend on them.

    Returns further, name -> array: started bool (N,), whether there was a starting point;
    start int64 (N,), 0 if none, 1 noise, 2 a candidate; singular_steps int64 (N,), steps not taken.
    Success is False where an image was not started or the classifier disagrees with its label from
    the outset; such images come back unchanged.
    The first image in a process waits up to a minute for numba to compile the solver.
    """
    attack = make(settings["attack"], settings["arguments"])
    if not isinstance(attack, foolbox.attacks.brendel_bethge.BrendelBethgeAttack):
        raise InputError(f"attacks: {settings['attack']} is not a Brendel-Bethge attack.")
    solver = attack._optimizer = CountingSolver(attack._optimizer)
    model = foolbox.PyTorchModel(classifier, bounds=(0, 1), device=device)
    classes = None if candidates is None else classify(classifier, candidates, device)
    adversarial, start = np.array(images, np.float32), np.zeros(len(images), np.int64)
    singular = np.zeros(len(images), np.int64)
    for row in progress(range(len(images)), unit="image", label=label):
        image = torch.as_tensor(images[row : row + 1]).to(device)
        truth = torch.as_tensor(labels[row : row + 1]).to(device)
        if classify(classifier, image, device)[0] != labels[row]:
            continue
        point, start[row] = starting_point(model, image, truth, [seed, index[row]])
        if start[row] == 0 and candidates is not None:
            point, start[row] = nearest_candidate(image, labels[row], candidates, classes)
        if start[row] == 0:
            continue
        before = solver.singular
        # run, not __call__: a starting point, and no clipping to an epsilon.
        found = attack.run(
            model, image, foolbox.criteria.Misclassification(truth), starting_points=point
        )
        adversarial[row] = found[0].clamp(0, 1).cpu().numpy()
        singular[row] = solver.singular - before
    # One by one, as the attack saw them: they lie so near the boundary that another shape of batch,
    # adding in another order, may put them on its other side.
    found = classify(classifier, adversarial, device, batch_size=1)
    perturbation = (adversarial - images).reshape(len(images), -1)
    return {
        "adversarial": adversarial,
        "adversarial_class": found,
        "success": (found != labels) & (start > 0),
        "l2": np.linalg.norm(perturbation, axis=1),
        "linf": np.abs(perturbation).max(axis=1, initial=0),
        "started": start > 0,
        "start": start,
        "singular_steps": singular,
    }


def starting_point(model, image, truth, seed):
    """Return (point, 1), a misclassified blend of the image and uniform noise; or (None, 0).

    image: (1, C, H, W); truth: (1,). seed: integers that seed this image's noise. foolbox's
    LinearSearchBlendedUniformNoiseAttack: the first of 1,000 noises that is misclassified, blended
    with the image as little as needed, in steps of 1/1,000.
    """
    attack = foolbox.attacks.LinearSearchBlendedUniformNoiseAttack()
    criterion = foolbox.criteria.Misclassification(truth)
    state = np.random.SeedSequence([int(number) for number in seed]).generate_state(1, np.uint64)
    devices = [image.device] if image.device.type == "cuda" else []
    with torch.random.fork_rng(devices), warnings.catch_warnings():
        torch.manual_seed(int(state[0]) >> 1)
        # It warns where it fails; here that is a result.
        warnings.simplefilter("ignore")
        point = attack.run(model, image, criterion)
    with torch.no_grad():
        misclassified = model(point).argmax(1) != truth
    return (point, 1) if misclassified.item() else (None, 0)


def nearest_candidate(image, truth, candidates, classes):
    """Return (point, 2), the candidate nearest in l2 whose class is not `truth`; or (None, 0)."""
    others = np.flatnonzero(classes != truth)
    if not len(others):
        return None, 0
    pool = torch.as_tensor(candidates[others]).to(image.device)
    distances = (pool - image).flatten(1).norm(dim=1)
    nearest = int(distances.argmin())
    return pool[nearest : nearest + 1], 2


def classify(classifier, images, device, batch_size=256):
    """Return the classes int64 (N,) of images (N, C, H, W)."""
    with torch.no_grad():
        batches = torch.as_tensor(images).split(batch_size)
        found = [classifier(batch.to(device)).argmax(1).cpu() for batch in batches]
    return torch.cat(found).numpy()
