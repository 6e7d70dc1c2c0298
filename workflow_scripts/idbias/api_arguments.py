"""What people hand to the functions of idbias.api: checked, and refused in a sentence."""

import numpy as np
import torch
from pydantic import ValidationError

from idbias.attacks.perturbations import ROUNDING
from idbias.config.origins import Origins
from idbias.config.validation import refusal
from idbias.errors import InputError, first_line, said

# Of an attack's arguments those that config.yaml can hold; others, such as an object, go to its class as they are.
WRITTEN = (bool, int, float, str)


def settings_of(model, where, **settings):
    """Return `settings` as a model of the schema. Raises InputError; where: the function, for its message."""
    plain = {name: _plain(value) for name, value in settings.items()}
    try:
        return model(**plain)
    except ValidationError as error:
        raise InputError(str(refusal(error, plain, Origins.of(where)))) from None


def attack_settings(name, arguments, epsilon):
    """Return the settings of idbias.attacks.batched.run, checked as those of config.yaml are."""
    from idbias.config.schema import Attack

    where = "idbias.attack"
    arguments = {key: _plain(value) for key, value in (arguments or {}).items()}
    if isinstance(epsilon, list | tuple | np.ndarray):
        raise InputError(
            f"{where}: epsilon is {epsilon!r}; give one number, and call attack once for each of several."
        )
    written = {key: value for key, value in arguments.items() if isinstance(value, WRITTEN)}
    made = settings_of(Attack, where, attack=name, arguments=written, epsilon=epsilon)
    return {"attack": name, "arguments": {**arguments, **made.arguments}, "epsilon": made.epsilon}


def images_of(images, where):
    """Return images as a tensor on the CPU, of their type. Raises InputError unless (N, C, H, W) in [0, 1]."""
    images = _tensor(images, f"{where}: images")
    if images.ndim != 4 or images.is_complex():
        raise InputError(
            f"{where}: images have shape {tuple(images.shape)} and type {images.dtype}; give real numbers "
            "(N, C, H, W)."
        )
    if images.is_floating_point() and not images.isfinite().all():
        number = int((~images.flatten(1).isfinite().all(dim=1)).sum())
        raise InputError(
            f"{where}: {number} of {len(images)} images have pixels that are not finite; give numbers in [0, 1]."
        )
    if not images.numel():
        return images
    low, high = images.min().item(), images.max().item()
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise InputError(
            f"{where}: pixels lie from {low:.4g} to {high:.4g}; give images in [0, 1]: divide them by 255 where "
            "they go up to that, and normalise in the classifier."
        )
    return images.clamp(0, 1)


def classes_given(labels, number, where):
    """Return labels as int64 (N,). Raises InputError unless they are `number` whole numbers, 0 or above.

    where: the function and what it calls them, "idbias.attack: labels".
    """
    labels = _tensor(labels, where).numpy()
    if labels.shape != (number,):
        raise InputError(
            f"{where} have shape {tuple(labels.shape)}; give {number} whole numbers, the class of each image"
            f"{', by .argmax(1) of one-hot rows' if labels.ndim == 2 else ''}."
        )
    wrong = labels[(labels != np.rint(labels)) | (labels.real < 0) | np.iscomplex(labels)]
    if len(wrong):
        raise InputError(
            f"{where} have {wrong[0]:g}; give whole numbers, 0 or above, the class of each image."
        )
    return torch.as_tensor(labels.real.astype(np.int64))


def check_classified(classifier, images, labels, device):
    """Raise InputError unless a classifier gives each image (float32, (N, C, H, W)) its label (int64, (N,))."""
    from idbias.classifiers.models import logits_of

    where = "idbias.attack"
    if not len(images):
        return
    try:
        logits = logits_of(classifier, images, device=device)
    except Exception as error:  # it may be anyone's
        raise InputError(
            f"{where}: the classifier raised {said(error)} on float32 images {images.shape[1:]}; give images that "
            "it takes, or a classifier of float32."
        ) from error
    if logits.ndim != 2:
        raise InputError(
            f"{where}: the classifier returned shape {logits.shape} for {len(images)} images, not (N, K)."
        )
    if labels.max() >= logits.shape[1]:
        raise InputError(
            f"{where}: labels have {labels.max()}; the classifier has classes 0 to {logits.shape[1] - 1}: give "
            "labels of the data that it was trained on."
        )
    wrong = int((logits.argmax(1) != labels).sum())
    if wrong:
        raise InputError(
            f"{where}: the classifier gets {wrong} of {len(images)} images wrong, before any attack; leave out "
            "those where classifier(images).argmax(1) is not the label."
        )


def _plain(value):
    """Return a number of numpy or torch as one of Python; anything else as it is."""
    scalar = isinstance(value, np.generic) or (
        hasattr(value, "item") and getattr(value, "ndim", 1) == 0
    )
    return value.item() if scalar else value


def _tensor(values, where):
    try:
        return torch.as_tensor(values).detach().cpu()
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{where} are no array of numbers ({first_line(error)}); give an array or a tensor."
        ) from None
