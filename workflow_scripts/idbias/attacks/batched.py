"""Adversarial attacks on batches, with randomness that belongs to an image, not to a batch."""

import foolbox
import torch

from idbias.attacks.by_name import make
from idbias.attacks.perturbations import ROUNDING, norms
from idbias.attacks.random_numbers import of_one_image, per_image
from idbias.classifiers.models import in_fixed_batches
from idbias.errors import InputError
from idbias.progress import progress


def run(
    classifier, images, labels, index, settings, *, seed, batch_size=256, device="cpu", label=""
):
    """Attack correctly classified images.

    `images`: float32 (N, C, H, W) in [0, 1]; `labels`: int64 (N,); `index`: int64 (N,), the images'
    positions in the dataset, which seed their randomness; `settings`: dict with attack (as for
    idbias.attacks.by_name.make), arguments, epsilon (None for attacks that seek the smallest
    perturbation) and, if true, one_at_a_time: a batch is then one image.

    Returns name -> array: adversarial float32 (N, C, H, W); adversarial_class int64 (N,), the class
    the classifier gives it; success bool (N,), whether that differs from the label; l2 and linf
    float32 (N,), norms of the perturbation in units of the pixel range. Raises InputError if the
    attack cannot be had, draws random numbers for a batch, or does not return attacked images.
    """
    name, alone = settings["attack"], settings.get("one_at_a_time", False)
    attack = make(name, settings["arguments"], settings["epsilon"])
    model = foolbox.PyTorchModel(classifier, bounds=(0, 1), device=device)
    batch_size = 1 if alone else batch_size
    bar = progress(total=len(images), unit="image", label=label)

    def attack_batch(images, labels, index):
        images, labels, index = images.to(device), labels.to(device), index.tolist()
        with of_one_image(seed, index[0]) if alone else per_image(seed, index, name):
            if isinstance(attack, foolbox.attacks.base.Attack):
                _, adversarial, _ = attack(model, images, labels, epsilons=settings["epsilon"])
            else:
                adversarial = checked(attack(classifier, images, labels), images, name)
        with torch.no_grad():
            found = classifier(adversarial).argmax(1)
        bar.update(min(batch_size, bar.total - bar.n))
        return adversarial.cpu().numpy(), found.cpu().numpy()

    if len(images):
        adversarial, found = in_fixed_batches(
            attack_batch, images, labels, index, batch_size=batch_size
        )
    else:
        adversarial, found = images, labels
    bar.close()
    return {
        "adversarial": adversarial,
        "adversarial_class": found,
        "success": found != labels,
        **norms(adversarial - images),
    }


def checked(attacked, images, name):
    """Return what an attack of the user's own made of `images` (N, C, H, W), float32 in [0, 1].

    Raises InputError if it is no tensor of that shape, or has values that are not finite or not in
    [0, 1].
    """
    if not isinstance(attacked, torch.Tensor) or attacked.shape != images.shape:
        shape = getattr(attacked, "shape", None)
        found = type(attacked).__name__ if shape is None else f"shape {tuple(shape)}"
        raise InputError(
            f"attacks: {name} returned {found}; it must return a tensor of attacked images of the "
            f"shape of the images it was given, {tuple(images.shape)}."
        )
    attacked = attacked.detach().to(images)
    if not attacked.isfinite().all():
        raise InputError(
            f"attacks: {name} returned images that are not finite; where it fails on an image it "
            "must return that image as it was."
        )
    low, high = attacked.min().item(), attacked.max().item()
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise InputError(
            f"attacks: {name} returned pixels from {low:.4g} to {high:.4g}; they must lie in [0, 1]: "
            "end it with .clamp(0, 1)."
        )
    return attacked.clamp(0, 1)
