"""Adversarial attacks: foolbox, with randomness that belongs to an image, not to a batch."""

from contextlib import contextmanager

import foolbox
import numpy as np
import torch

from idbias.classifiers.models import in_fixed_batches
from idbias.errors import InputError
from idbias.progress import progress


def make(name, arguments):
    """Return the attack `name` of foolbox.attacks, built with `arguments`.

    Raises InputError if foolbox has no such attack, or it takes no such arguments.
    """
    constructor = getattr(foolbox.attacks, name, None)
    if not (isinstance(constructor, type) and issubclass(constructor, foolbox.attacks.base.Attack)):
        raise InputError(
            f"attacks: foolbox has no attack '{name}'; see the classes of foolbox.attacks."
        )
    try:
        return constructor(**arguments)
    except TypeError as error:
        raise InputError(f"attacks: {name} does not take these arguments: {error}.") from None


def run(
    classifier, images, labels, index, settings, *, seed, batch_size=256, device="cpu", label=""
):
    """Attack correctly classified images.

    `images`: float32 (N, C, H, W) in [0, 1]; `labels`: int64 (N,); `index`: int64 (N,), the images'
    positions in the dataset, which seed their randomness; `settings`: dict with attack (a class of
    foolbox.attacks), arguments, epsilon (None for attacks that seek the smallest perturbation).

    Returns name -> array: adversarial float32 (N, C, H, W); adversarial_class int64 (N,), the class
    the classifier gives it; success bool (N,), whether that differs from the label; l2 and linf
    float32 (N,), norms of the perturbation in units of the pixel range.
    """
    attack = make(settings["attack"], settings["arguments"])
    if settings["epsilon"] is None and isinstance(attack, foolbox.attacks.base.FixedEpsilonAttack):
        raise InputError(
            f"attacks: {settings['attack']} needs an epsilon, the size of its perturbation; add one."
        )
    model = foolbox.PyTorchModel(classifier, bounds=(0, 1), device=device)
    bar = progress(total=len(images), unit="image", label=label)

    def attack_batch(images, labels, index):
        images, labels = images.to(device), labels.to(device)
        with random_numbers_per_image(seed, index.tolist()):
            _, adversarial, _ = attack(model, images, labels, epsilons=settings["epsilon"])
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
    perturbation = (adversarial - images).reshape(len(images), -1)
    return {
        "adversarial": adversarial,
        "adversarial_class": found,
        "success": found != labels,
        "l2": np.linalg.norm(perturbation, axis=1),
        "linf": np.abs(perturbation).max(axis=1, initial=0),
    }


@contextmanager
def random_numbers_per_image(seed, index):
    """Within the block, random tensors with one row an image are drawn a row from each image's seed.

    foolbox draws a batch's random numbers (PGD's start) from one stream, so that an image's would
    depend on its neighbours. eagerpy, through which foolbox draws them, calls torch.rand and
    torch.randn; these are replaced for the block. Draw number d of image i is seeded by
    (seed, i, d). Other shapes are drawn as ever.
    """
    originals = torch.rand, torch.randn
    draws = 0

    def by_image(draw):
        def drawn(*size, **options):
            nonlocal draws
            shape = size[0] if len(size) == 1 and not isinstance(size[0], int) else size
            if not len(shape) or shape[0] != len(index):
                return draw(*size, **options)
            device = options.pop("device", None)
            rows = []
            for image in index:
                # 63 bits: what torch.Generator takes
                state = np.random.SeedSequence([seed, image, draws]).generate_state(1, np.uint64)
                generator = torch.Generator().manual_seed(int(state[0]) >> 1)
                rows.append(draw(tuple(shape[1:]), generator=generator, **options))
            draws += 1
            return torch.stack(rows).to(device)

        return drawn

    torch.rand, torch.randn = map(by_image, originals)
    try:
        yield
    finally:
        torch.rand, torch.randn = originals
