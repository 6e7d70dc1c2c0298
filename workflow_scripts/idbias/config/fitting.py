"""Whether a dataset is one for what an experiment asks of it, as far as that is known beforehand."""

from idbias.config.counts import known_images
from idbias.errors import InputError


def images_key(block, dataset, family):
    """Return the key that says how many images of a `dataset` (its name) the block `family` takes."""
    here = f"experiment_blocks.{family}"
    if block.images:
        return f"{here}.images"
    overridden = block.overrides.get("datasets", {}).get(dataset) or {}
    return f"{f'{here}.overrides.' if 'images' in overridden else ''}datasets.{dataset}.images"


def check_dataset_fits(block, dataset, name, family, origins):
    """Raise InputError if a dataset, called `name`, is not one for what the block `family` asks for."""
    here = origins.at(f"experiment_blocks.{family}")
    if dataset.source in ("spiral", "arrays"):
        keys = ("classifiers", "attacks", "images", "seeds", "controls", "other_network")
        if given := [key for key in keys if getattr(block, key)]:
            raise InputError(f"{here}: dataset {name} has no images: leave out {', '.join(given)}.")
    elif not block.classifiers or not block.attacks:
        raise InputError(f"{here}: name at least one of classifiers and at least one of attacks.")
    elif dataset.source not in ("folder", "imagenet"):
        _enough_images(dataset, block.first_image, origins.at(images_key(block, name, family)))
    if block.first_image and block.analyses != ["crossed"]:
        raise InputError(
            f"{here}.first_image is {block.first_image}, but only analyses: [crossed] takes images from the "
            "middle; leave it out, or the other analyses."
        )
    # Crossed trainings take masks of noise and of clean images for themselves.
    used = {"noise", "clean_image"} if "crossed" in block.analyses else set()
    unused = [control for control in block.controls if control not in used]
    if unused and "masks" not in block.analyses:
        raise InputError(
            f"{here}.controls has {unused[0]}, a row beside that of an attack, but analyses has no masks, which "
            "make these rows: give masks too, or leave it out."
        )
    if block.other_network and "other_network" not in block.controls:
        raise InputError(
            f"{here}.other_network is {block.other_network}, but controls has no other_network, which takes it: "
            "give it there, or leave this out."
        )
    if "class_curve" in block.analyses and "masks" not in block.analyses:
        raise InputError(
            f"{here}.analyses has class_curve, which compares masks: give masks beside it, "
            "[masks, class_curve]."
        )
    if "class_maps" in block.analyses and not dataset.class_count:
        raise InputError(
            f"{origins.at(f'datasets.{name}')} is of source {dataset.source}, whose classes are not known "
            "beforehand; class_maps makes a job of each: give classes, their number."
        )


def check_test_fits(experiment, origins):
    """Raise InputError if a dataset lacks what the test is to shuffle within, or cannot be pooled.

    Only of chosen experiments: a setting for all need not suit those that are not run.
    """
    correlation, dataset = experiment.correlation, experiment.dataset
    here, lacking = origins.at("correlation"), set()
    if dataset.source in ("spiral", "arrays"):
        lacking = {"spectrum"} | (set() if dataset.labels else {"class"})
    for within in lacking & set(correlation.shuffles_within):
        needs = "images" if within == "spectrum" else "labels"
        raise InputError(
            f"{here}.shuffles_within has {within}, but dataset {experiment.dataset_name} has no {needs}: "
            "leave it out for this experiment (overrides.correlation)."
        )
    if len(set(correlation.shuffles_within)) < len(correlation.shuffles_within):
        raise InputError(f"{here}.shuffles_within names one thing twice; name each once.")
    side = dataset.side
    if (dataset.source == "spiral" and correlation.pool > 1) or (side and side % correlation.pool):
        raise InputError(
            f"{here}.pool is {correlation.pool}, which does not divide "
            f"{f'the {side} pixels' if side else 'the scalars'} of {experiment.dataset_name}; give 1, or a "
            "divisor."
        )


def check_noise_has_norms(experiment, origins):
    """Raise InputError if the control noise is asked for an attack whose norm is not known."""
    unknown = [name for name, attack in experiment.attacks.items() if not attack.perturbation_norm]
    if {"noise", "noise_attack_class"} & set(experiment.controls) and unknown:
        raise InputError(
            f"{origins.at(f'attacks.{unknown[0]}')} needs a norm, linf, l2 or l1, for the control noise of "
            f"{experiment.name}: it is known only of foolbox's own attacks; add norm: beside it."
        )


def check_normalisation_fits(normalisation, dataset, where):
    """Raise InputError unless there is a mean and a deviation for each channel of images in [0, 1]."""
    if normalisation and len(normalisation.mean) != dataset.channel_count:
        raise InputError(
            f"{where} has {len(normalisation.mean)} numbers, but images of source {dataset.source} have "
            f"{dataset.channel_count} channels; give one mean and std per channel."
        )
    for name, values in (
        (("mean", normalisation.mean), ("std", normalisation.std)) if normalisation else ()
    ):
        if max(values) > 1:
            raise InputError(
                f"{where} has a {name} of {max(values):g}, but images lie in [0, 1]: divide mean and std by 255 "
                "where yours are of pixels from 0 to 255."
            )
    if normalisation and min(normalisation.mean) < 0:
        raise InputError(
            f"{where} has a mean of {min(normalisation.mean):g}, but images lie in [0, 1], whose mean is not "
            "negative: give that of the pixels, of a network that takes them from -1 to 1 mean 0.5 and std 0.5."
        )


def _enough_images(dataset, first, here):
    left = max(known_images(dataset) - first, 0)
    if not left or (dataset.images or 0) > left:
        asked = f"{here} is {dataset.images}" if dataset.images else f"{here} is left out"
        start = f" from first_image {first} on" if first else ""
        raise InputError(
            f"{asked}, but {dataset.source} has {left} {'' if dataset.masked == 'all' else 'test '}images"
            f"{start}; give {left} or fewer{', or a smaller first_image' if first else ''}."
        )
