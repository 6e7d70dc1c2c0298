"""What researchers ask of idbias in a program of their own: four functions on arrays."""

import numpy as np


def correlate(first, second, *, shuffles=999, seed=0, labels=None, baselines=True, threads=1):
    """Test two sets for dependence by their intrinsic dimension; return the row, a pandas Series.

    first, second: real numbers (N, ...), row i of both the same point. shuffles: replicates, at least 2.
    labels: (N,), shuffle only within a class. baselines: ordinary tests on the same shuffles too. The
    Series has the columns of docs/outputs.md: id, id_shuffled_mean, z, p, p_permutation and so on.
    Source: Basile et al. 2023, sections 3.2 and 4.6. Raises idbias.errors.InputError, a ValueError, for
    arrays that are no points or of different lengths.

    >>> import numpy as np
    >>> angle = np.random.default_rng(0).uniform(0, 6, 300)
    >>> row = correlate(np.cos(angle), np.sin(angle), shuffles=50)
    >>> bool(row.z < -5), bool(row.p_permutation < 0.05)
    (True, True)
    """
    from idbias.correlation.arrays import check_lengths, check_numbers, labels_of, points_of
    from idbias.correlation.estimators import LEAST
    from idbias.correlation.two_sets import row_of_sets
    from idbias.errors import InputError

    first, second = np.asarray(first), np.asarray(second)
    for array, name in ((first, "first"), (second, "second")):
        if array.ndim == 0 or len(array) < LEAST:
            raise InputError(
                f"{name} has too few points: two nearest neighbours need at least {LEAST}."
            )
        check_numbers(points_of(array, name), name)
    labels = None if labels is None else labels_of(np.asarray(labels), "labels")
    check_lengths(
        {"first": first, "second": second, **({} if labels is None else {"labels": labels})}
    )
    if shuffles < 2:
        raise InputError(
            f"shuffles is {shuffles}, which allows no Z; give at least 2 (paper 1: 50)."
        )
    return row_of_sets(
        first,
        second,
        shuffles=shuffles,
        seed=seed,
        labels=labels,
        baselines=baselines,
        threads=threads,
    ).iloc[0]


def load_classifier(path, device="cpu"):
    """Return the classifier of a file results/E/C/classifier.h5, a torch module in eval mode.

    It takes images (N, C, H, W) in [0, 1], normalises them itself, and returns logits (N, K). A network of
    your own is looked for in the working directory. Raises idbias.errors.InputError if the file or the
    network cannot be read.

    >>> load_classifier("no/classifier.h5")
    Traceback (most recent call last):
    idbias.errors.InputError: no/classifier.h5 does not exist; run the stage that makes it.
    """
    from idbias.classifiers import models

    return models.load(path, device)


def attack(
    classifier, images, labels, name="LInfFMNAttack", *, epsilon=None, arguments=None, seed=0
):
    """Attack images by an attack of foolbox, and return name -> array.

    classifier: torch module, images (N, C, H, W) in [0, 1] -> logits (N, K); images: float32 in [0, 1];
    labels: int64 (N,), of images it classifies correctly; epsilon: the size of the perturbation, None for
    attacks that look for the smallest; arguments: of the attack's class; seed: image i draws from (seed, i).
    Returns adversarial float32 (N, C, H, W), adversarial_class int64 (N,), success bool (N,), l2 and linf
    float32 (N,), the perturbations' norms. Raises idbias.errors.InputError if the attack fails, for
    images, labels or epsilon of the wrong shape, type or range, and for images that the classifier gets wrong.

    >>> import torch
    >>> network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 2, bias=False))
    >>> _ = network.requires_grad_(False)
    >>> network[1].weight[:] = torch.stack([torch.ones(16), -torch.ones(16)])
    >>> found = attack(network, torch.full((1, 1, 4, 4), 0.1), [0], "LinfDeepFoolAttack")
    >>> found["adversarial"].shape
    (1, 1, 4, 4)
    """
    from idbias.api_arguments import attack_settings, check_classified, classes_given, images_of
    from idbias.attacks import batched
    from idbias.classifiers.conversion import copied

    settings = attack_settings(name, arguments, epsilon)
    images = images_of(images, "idbias.attack").float().numpy()
    labels = classes_given(labels, len(images), "idbias.attack: labels").numpy()
    device = str(next((parameter.device for parameter in classifier.parameters()), "cpu"))
    classifier, index = copied(classifier), np.arange(len(images))
    check_classified(classifier, images, labels, device)
    return batched.run(classifier, images, labels, index, settings, seed=seed, device=device)


def train_masks(classifier, images, targets, *, penalty=0.01, engine="auto"):
    """Train one mask per image over its Fourier transform; return an idbias.masks.training.MaskResult.

    classifier: torch module, images (N, C, H, W) -> logits (N, K); images: float (N, C, H, W) in [0, 1];
    targets: int (N,): of an essential mask the image's class, of an adversarial mask, with the adversarial
    image, the class the attack brought it to. The result has masks float32 (N, C, H, W) in [0, 1], kept bool (N,),
    whether the masked image gets its target, steps, loss. Source: Basile et al. 2023, equation 1 and section
    4.5. Raises idbias.errors.InputError for images or targets of the wrong shape, type or range.

    >>> import torch
    >>> _ = torch.manual_seed(0)
    >>> network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 2))
    >>> images = torch.rand(2, 1, 4, 4)
    >>> result = train_masks(network, images, network(images).argmax(1), engine="torch")
    >>> result.masks.shape, bool(result.kept.all())
    ((2, 1, 4, 4), True)
    """
    from idbias.api_arguments import classes_given, images_of, settings_of
    from idbias.config.schema import Masks
    from idbias.masks import training

    settings = settings_of(Masks, "idbias.train_masks", penalty=penalty)
    images = images_of(images, "idbias.train_masks")
    targets = classes_given(targets, len(images), "idbias.train_masks: targets")
    return training.train_masks(classifier, images, targets, settings, engine=engine)
