"""The Brendel-Bethge attack (Brendel et al. 2019, arXiv:1907.01003) of foolbox, made to finish.

foolbox's own has four habits that this module works around, without touching its arithmetic:
- Its trust region is learning rate * number of values in the *batch*, so that an image's result
  depends on how many stand beside it. Here a batch is one image: learning rate * C * H * W.
- It stops with an assertion if one image of a batch has no adversarial starting point. Here images
  without one are reported (`started` False) and given back unchanged.
- Its solver may divide by zero, meet a singular matrix, or, given a gradient that is not finite,
  never return. Here such a step is not taken, and counted.
- Its starting points are drawn from the batch's random stream. Here from the image's own.
What else may keep its solver from returning (foolbox #583) a limit of time ends.
"""

import sys
import warnings
from contextlib import suppress
from dataclasses import dataclass

import foolbox
import numpy as np
import torch
from torch import nn

from idbias.attacks import deadlines
from idbias.attacks.by_name import make
from idbias.attacks.outcomes import checked, failure, is_fault, tell_failures
from idbias.attacks.perturbations import norms, succeeded
from idbias.classifiers.models import classes_of
from idbias.errors import InputError, said
from idbias.progress import progress
from idbias.streams import torch_seed


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
            with suppress(ZeroDivisionError, np.linalg.LinAlgError):
                step = self.solver.solve(*vectors, *floats)
        if step is None or not np.isfinite(step).all():
            self.singular += 1
            return np.zeros_like(vectors[0])
        return step


@dataclass
class OneImage:
    """The attack on one image at a time, with what it needs. Call `prepare` once, first.

    Its fields are the arguments of `run`.
    """

    classifier: nn.Module
    settings: dict
    seed: int
    candidates: np.ndarray | None
    device: str

    def prepare(self):
        """Build the attack and have numba compile its solver, which takes up to a minute."""
        name = self.settings["attack"]
        self.attack = make(name, self.settings["arguments"])
        if not isinstance(self.attack, foolbox.attacks.brendel_bethge.BrendelBethgeAttack):
            raise InputError(f"attacks: {name} is not a Brendel-Bethge attack.")
        self.solver = self.attack._optimizer = CountingSolver(self.attack._optimizer)
        self.model = foolbox.PyTorchModel(self.classifier, bounds=(0, 1), device=self.device)
        self.classes = None
        if self.candidates is not None:
            self.classes = classify(self.classifier, self.candidates, self.device)
        return self

    def warm_up(self):
        """Have numba compile the solver now, on a problem of three numbers."""
        start, normal = np.full(3, 0.5), np.ones(3)
        self.solver.solve(start, start + 0.1, normal, 0, 1, 0.1, 0.2)
        self.solver.singular = 0

    def __call__(self, image, label, index):
        """Attack an image (C, H, W) of class `label` at position `index` of the dataset.

        Returns the adversarial image, where it started (0, 1 or 2), how many steps were singular, and
        whether the attack failed with an exception, which is printed to standard error.
        """
        batch = torch.as_tensor(image[None]).to(self.device)
        truth = torch.as_tensor([int(label)]).to(self.device)
        if classify(self.classifier, batch, self.device)[0] != label:
            return image, 0, 0, False
        point, start = starting_point(self.model, batch, truth, [self.seed, index])
        if start == 0 and self.candidates is not None:
            point, start = nearest_candidate(batch, label, self.candidates, self.classes)
        if start == 0:
            return image, 0, 0, False
        before = self.solver.singular
        # run, not __call__: a starting point, and no clipping to an epsilon.
        name = self.settings["attack"]
        try:
            attacked = self.attack.run(
                self.model, batch, foolbox.criteria.Misclassification(truth), starting_points=point
            )
            attacked, failed = checked(attacked, batch, name, forgiving=True)
        except InputError:
            raise
        except Exception as error:
            if is_fault(error):
                raise failure(error, name, f"image {index}", 1) from error
            print(f"image {index}: {name} failed ({said(error)}).", file=sys.stderr)
            attacked, failed = batch, torch.ones(1, dtype=torch.bool)
        singular = self.solver.singular - before
        return attacked[0].cpu().numpy(), start, singular, failed.item()


def run(
    classifier, images, labels, index, settings, *, seed, candidates=None, device="cpu", label="",
    time_limit=None,
):  # fmt: skip
    """Attack correctly classified images, one by one.

    Arguments and results are those of idbias.attacks.batched.run, where `settings["attack"]` is one of
    foolbox's BrendelBethgeAttack classes. candidates: float32 (M, C, H, W), images among which the
    nearest that the classifier puts in another class is the starting point where blended noise,
    foolbox's way, finds none in 1,000 draws; the same for all shards, or results depend on them.
    time_limit: seconds an image may take, or None; with a limit the attack runs in a process of its
    own, to which classifier and candidates are pickled.

    Returns further, name -> array: started bool (N,), whether there was a starting point;
    start int64 (N,), 0 if none, 1 noise, 2 a candidate; singular_steps int64 (N,), steps not taken;
    timed_out bool (N,), whether it reached `time_limit`. Success is False where an image was not
    started, ran out of time, failed, or was misclassified from the outset; such images come back unchanged.
    The first image in a process waits up to a minute for numba to compile the solver.
    """
    attack = OneImage(classifier, settings, seed, candidates, device)
    rows = list(zip(images, labels, index, strict=True))
    if time_limit is None:
        attack.prepare()
        answers = (attack(*row) for row in rows)
    else:
        answers = deadlines.answers(attack, rows, time_limit)
    adversarial, start = np.array(images, np.float32), np.zeros(len(images), np.int64)
    singular, timed_out = np.zeros(len(images), np.int64), np.zeros(len(images), bool)
    failed = np.zeros(len(images), bool)
    for row, answer in progress(enumerate(answers), total=len(rows), unit="image", label=label):
        timed_out[row] = answer is None
        if answer is None:
            print(
                f"{label} image {index[row]} took longer than time_limit, {time_limit:g} s: "
                "it counts as not succeeded.",
                file=sys.stderr,
            )
        else:
            adversarial[row], start[row], singular[row], failed[row] = answer
    # One by one, as the attack saw them: they lie so near the boundary that another shape of batch,
    # adding in another order, may put them on its other side.
    classes = classify(classifier, adversarial, device, batch_size=1)
    tell_failures(failed, label)
    return {
        "adversarial": adversarial,
        "adversarial_class": classes,
        "success": succeeded(images, adversarial, classes, labels) & (start > 0) & ~failed,
        **norms(adversarial - images),
        "failed": failed,
        "started": start > 0,
        "start": start,
        "singular_steps": singular,
        "timed_out": timed_out,
    }


def starting_point(model, image, truth, seed):
    """Return (point, 1), a misclassified blend of the image and uniform noise; or (None, 0).

    image: (1, C, H, W); truth: (1,). seed: integers that seed this image's noise. foolbox's
    LinearSearchBlendedUniformNoiseAttack: the first of 1,000 noises that is misclassified, blended
    with the image as little as needed, in steps of 1/1,000.
    """
    attack = foolbox.attacks.LinearSearchBlendedUniformNoiseAttack()
    criterion = foolbox.criteria.Misclassification(truth)
    devices = [image.device] if image.device.type == "cuda" else []
    with torch.random.fork_rng(devices), warnings.catch_warnings():
        torch.manual_seed(torch_seed("start of an attack", *seed))
        # It warns where it fails; here that is a result.
        warnings.simplefilter("ignore")
        point = attack.run(model, image, criterion)
    with torch.no_grad():
        classes = classes_of(model(point))
    return (point, 1) if classes.item() not in (-1, truth.item()) else (None, 0)


def nearest_candidate(image, truth, candidates, classes):
    """Return (point, 2), the candidate nearest in l2 whose class is not `truth`; or (None, 0)."""
    others = np.flatnonzero((classes != truth) & (classes >= 0))
    if not len(others):
        return None, 0
    pool = torch.as_tensor(candidates[others]).to(image.device)
    distances = (pool - image).flatten(1).norm(dim=1)
    nearest = int(distances.argmin())
    return pool[nearest : nearest + 1], 2


def classify(classifier, images, device, batch_size=256):
    """Return the classes int64 (N,) of images (N, C, H, W), -1 where logits are not finite."""
    if not len(images):
        return np.zeros(0, np.int64)
    with torch.no_grad():
        batches = torch.as_tensor(images).split(batch_size)
        classes = [classes_of(classifier(batch.to(device))).cpu() for batch in batches]
    return torch.cat(classes).numpy()
