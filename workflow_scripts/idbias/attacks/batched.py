"""Adversarial attacks on batches, with randomness that belongs to an image, not to a batch."""

import sys
from functools import partial

import foolbox
import numpy as np
import torch

from idbias.attacks.by_name import make
from idbias.attacks.outcomes import checked, failure, is_fault, tell_failures
from idbias.attacks.perturbations import blanks, norms, succeeded
from idbias.attacks.random_numbers import per_image
from idbias.attacks.sizes import ORDERS, largest
from idbias.classifiers.models import classes_of, in_fixed_batches
from idbias.config.batches import at_once
from idbias.errors import InputError, said
from idbias.progress import progress
from idbias.seeding import seeded

# Images with which an attack of the user's own is tried in another order.
MOVED = 8


def run(
    classifier, images, labels, index, settings, *, seed, batch_size=256, device="cpu", label=""
):
    """Attack correctly classified images.

    `images`: float32 (N, C, H, W) in [0, 1]; `labels`: int64 (N,); `index`: int64 (N,), the images'
    positions in the dataset, which seed their randomness; `settings`: dict with attack (as for
    idbias.attacks.by_name.make), arguments, epsilon (None for attacks that seek the smallest
    perturbation) and, if true, one_at_a_time: a batch is then one image.

    Returns name -> array: adversarial float32 (N, C, H, W); adversarial_class int64 (N,), the class
    the classifier gives it, -1 if its logits are not finite; success bool (N,), as
    idbias.attacks.perturbations.succeeded; l2 and linf float32 (N,), norms of the perturbation in units of
    the pixel range; failed bool (N,), where the attack returned no image, or raised an exception with
    one_at_a_time: such images come back as they were. Raises InputError if the attack cannot be loaded, fails,
    draws random numbers for a batch, or does not return attacked images.
    """
    name, alone = settings["attack"], settings.get("one_at_a_time", False)
    epsilon = settings["epsilon"]
    build = partial(make, name, settings["arguments"], epsilon)
    attack = build()
    kept = state_of(classifier, with_weights=":" in name)
    order = order_of(attack, settings)
    check_epsilon(name, epsilon, order, images.shape[1:])
    model = foolbox.PyTorchModel(classifier, bounds=(0, 1), device=device)
    batch_size = 1 if alone else at_once(images.shape[1:], batch_size)
    bar = progress(total=len(images), unit="image", label=label)

    def attack_batch(images, labels, index, counted=True):
        images, labels, index = images.to(device), labels.to(device), index.tolist()
        try:
            with (
                seeded("attack of one image", seed, index[0])
                if alone
                else per_image(seed, index, name)
            ):
                # Made anew, so that what an instance keeps, such as a generator, knows of no other batch.
                adversarial, failed = attacked(build(), model, classifier, images, labels, settings)
        except InputError:
            raise
        except Exception as error:
            if not alone or is_fault(error):
                raise failure(error, name, label, batch_size) from error
            print(f"{label} image {index[0]}: {name} failed ({said(error)}).", file=sys.stderr)
            adversarial, failed = images, torch.ones(1, dtype=torch.bool)
        check_left_alone(classifier, kept, name)
        with torch.no_grad():
            classes = classes_of(classifier(adversarial))
        if counted:
            bar.update(min(batch_size, bar.total - bar.n))
        return adversarial.cpu().numpy(), classes.cpu().numpy(), failed.cpu().numpy()

    adversarial, classes, failed = images, labels, np.zeros(len(images), bool)
    if len(images):
        if ":" in name and not alone:
            rows = np.arange(min(len(images), batch_size, MOVED))
            check_of_one_image(
                lambda rows: attack_batch(
                    *map(torch.as_tensor, (images[rows], labels[rows], index[rows])), counted=False
                ),
                rows,
                name,
            )
        adversarial, classes, failed = in_fixed_batches(
            attack_batch, images, labels, index, batch_size=batch_size,
            last=last_batch(classifier, images, labels, batch_size, device),
        )  # fmt: skip
    bar.close()
    tell_failures(failed, label)
    return {
        "adversarial": adversarial,
        "adversarial_class": classes,
        "success": succeeded(images, adversarial, classes, labels, order, epsilon) & ~failed,
        **norms(adversarial - images),
        "failed": failed,
    }


def state_of(classifier, with_weights):
    """Return what an attack may change of a classifier: each module's mode, copies of its buffers and weights.

    with_weights: of attacks of the user's own; foolbox's are known to leave them, and they may be large.
    """
    modes = [module.training for module in classifier.modules()]
    weights = [weight.detach().clone() for weight in classifier.parameters() if with_weights]
    return modes, [buffer.clone() for buffer in classifier.buffers()], weights


def check_left_alone(classifier, kept, name):
    """Raise InputError if an attack left the classifier other than it was; kept: its `state_of` before."""
    modes, buffers, weights = kept
    wrong = []
    if [module.training for module in classifier.modules()] != modes:
        wrong.append("in training mode")
    if not all(map(torch.equal, classifier.buffers(), buffers)):
        wrong.append("with other running statistics")
    if weights and not all(map(torch.equal, classifier.parameters(), weights)):
        wrong.append("with other weights")
    if wrong:
        raise InputError(
            f"attacks: {name} leaves the classifier {' and '.join(wrong)}, so that what it is asked later depends "
            "on this batch; leave it in eval mode throughout, and change a copy of it (copy.deepcopy) only."
        )


def check_of_one_image(attack_rows, rows, name):
    """Raise InputError if an attack makes another thing of an image that stands at another place in its batch.

    attack_rows: returns what `attacked` makes of the images `rows`, an array first; rows: int (B,).
    """
    first, moved = attack_rows(rows)[0], attack_rows(np.roll(rows, 1))[0]
    if np.abs(first - np.roll(moved, -1, axis=0)).max() > 1e-4:
        raise InputError(
            f"attacks: {name} makes another thing of an image at another place in its batch: it draws from a "
            "generator of its own, or ends by what all images do. Draw by torch.rand and the like, a row an "
            "image, or set one_at_a_time: true beside it."
        )


def attacked(attack, model, classifier, images, labels, settings):
    """Attack one batch; return the attacked images, checked, and on which the attack failed, bool (N,)."""
    name = settings["attack"]
    if not isinstance(attack, foolbox.attacks.base.Attack):
        return checked(
            attack(classifier, images, labels), images, name, settings.get("one_at_a_time")
        )
    raw, clipped, _ = attack(model, images, labels, epsilons=settings["epsilon"])
    # foolbox's own cannot be fixed by who uses them.
    adversarial, failed = checked(clipped, images, name, forgiving=True)
    # Before they are clipped towards the image: black is what foolbox returns where it found nothing.
    empty = torch.as_tensor(blanks(images.cpu().numpy(), raw.detach().cpu().numpy()))
    failed = failed | empty.to(failed.device)
    return torch.where(failed.view(-1, 1, 1, 1), images, adversarial), failed


def last_batch(classifier, images, labels, batch_size, device="cpu"):
    """Return to how many rows the last batch of images (N, C, H, W) has to be filled up.

    The smallest power of two for which the logits, input gradients and norms of these images are, bit for
    bit, those of a full batch; mostly 4 or more on a CPU. So a shard of 11 images costs 16, not `batch_size`.
    """
    rows = np.arange(len(images) - len(images) % batch_size, len(images))
    size = 1 << max(len(rows) - 1, 0).bit_length()
    if not len(rows) or size >= batch_size:
        return batch_size

    def answers(size):
        filled = np.resize(rows, size)
        batch = torch.as_tensor(images[filled]).to(device).requires_grad_()
        logits = classifier(batch)
        loss = torch.nn.functional.cross_entropy(
            logits, torch.as_tensor(labels[filled]).to(device), reduction="sum"
        )
        (gradient,) = torch.autograd.grad(loss, batch)
        sizes = [gradient.flatten(1).norm(order, dim=1) for order in (1, 2, torch.inf)]
        return [part.detach()[: len(rows)] for part in (logits, gradient, *sizes)]

    full = answers(batch_size)
    while size < batch_size:
        if all(map(torch.equal, answers(size), full)):
            return size
        size *= 2
    return batch_size


def order_of(attack, settings):
    """Return the order of the norm that an attack keeps small, as numpy takes it; None if not known."""
    if settings.get("norm"):
        return ORDERS[settings["norm"]]
    return getattr(getattr(attack, "distance", None), "p", None)


def check_epsilon(name, epsilon, order, shape):
    """Raise InputError if `epsilon` is larger than any perturbation of images (C, H, W) in [0, 1]."""
    if epsilon is not None and order is not None and epsilon > largest(shape, order):
        raise InputError(
            f"config.yaml: attack {name} has epsilon {epsilon:g}, but perturbations of images {tuple(shape)} in "
            f"[0, 1] are {largest(shape, order):g} at most; give it in units of the pixel range, such as 8/255."
        )
