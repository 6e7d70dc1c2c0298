"""What the files of a configuration hold, checked where jobs are planned: by -n, before anything runs.

What a result that is there was made of may be gone. Looks at what is quick to
see (names, headers, texts of modules), and never imports torch. All faults at once.
"""

import os
import sys
import tarfile
import zipfile
from math import prod

from idbias.attacks.foolbox_names import ATTACKS
from idbias.attacks.sizes import ORDERS, largest
from idbias.config import layout
from idbias.config.counts import files_named
from idbias.config.downloads import local_path
from idbias.config.faults import Faults
from idbias.config.given_files import (
    as_many_rows,
    check_not_replaced,
    check_paths,
    exists,
    header,
    made_of,
)
from idbias.config.kept_shards import kept
from idbias.config.validation import nearest
from idbias.errors import InputError
from idbias.own_code import check_declared, is_plain

# What idbias gives a network's function if it takes it.
OF_NETWORKS = ("shape", "channels", "classes")
# What idbias calls an attack's function with.
OF_ATTACKS = ("classifier", "images", "labels")


def check_files(chosen, origins):
    """Raise InputError, a sentence for each fault, unless what the `chosen` experiments name is there.

    chosen: list of Experiment; origins: Origins, for the place of each key.
    """
    faults = Faults()
    _results(faults)
    for experiment in chosen:
        with faults.collected():
            kept(experiment.name)  # is read again where shards are named
        check_paths(experiment, origins, faults)
        _dataset(experiment, origins, faults)
        for name, classifier in experiment.trained.items():
            named = experiment.classifier_arm_of.get(name, (name,))[0]
            _classifier(named, classifier, experiment, name, origins, faults)
        for name, attack in experiment.attacks.items():
            named = experiment.attack_arm_of.get(name, name)
            _attack(named, attack, experiment, origins, faults)
    faults.raise_all()


def _results(faults):
    """Add a fault if nothing can be written in results/: Snakemake would raise its own error, job by job.

    What only reads them, such as --report, may go on.
    """
    only_read = any(
        argument.startswith(("--report", "--list", "--summary")) for argument in sys.argv
    )
    if not only_read and os.path.isdir("results") and not os.access("results", os.W_OK):
        faults.add(
            f"{os.path.abspath('results')} may not be written to: the folder, or the disk it is on, is "
            "read-only; make it writable, or run in a folder of your own."
        )


def _dataset(experiment, origins, faults):
    dataset = experiment.dataset
    key = f"datasets.{experiment.dataset_name}"
    result = layout.DATASET.format(experiment=experiment.name)
    if not dataset.published:
        check_not_replaced(result, dataset.paths, origins.at(key), faults)
    if made_of(result, dataset.paths, dataset.source_settings):
        tell_changed(local_path(dataset.path or ""), result)
        return
    for setting in ("path", "labels"):
        if dataset.source != "arrays":
            exists(getattr(dataset, setting), origins.at(f"{key}.{setting}"), faults)
    if isinstance(dataset.class_index, str):
        exists(dataset.class_index, origins.at(f"{key}.class_index"), faults)
    if dataset.source == "arrays":
        given = {name: getattr(dataset, name) for name in ("first", "second", "labels")}
        shapes = {
            name: header(path, origins.at(f"{key}.{name}"), faults)
            for name, path in given.items()
            if path
        }
        as_many_rows(shapes, origins.at(key), faults)
        pairs = layout.within(layout.PAIRS, layout.OF_ARRAYS).format(experiment=experiment.name)
        check_not_replaced(pairs, given.values(), origins.at(key), faults)
        if os.path.normpath(dataset.first) == os.path.normpath(dataset.second):
            faults.add(
                f"{origins.at(key)}: first and second are both {dataset.first}, and that a set depends on itself "
                "says nothing; give two arrays."
            )
    path = local_path(dataset.path or "")
    if dataset.source == "folder" and os.path.isdir(path):
        from idbias.config.picture_folders import check_folders

        with faults.collected():
            check_folders(path, dataset, experiment, origins, key)
    elif dataset.source == "folder" and os.path.isfile(path) and not _archive(path):
        faults.add(
            f"{origins.at(f'{key}.path')} is {path}, which is no folder, zip or tar file; give one, with a folder "
            "of images for each class in it."
        )


def tell_changed(path, result):
    """Say on standard error if folders of pictures below `path` have changed since `result` was made of them.

    Nothing is run again for it: any program that leaves a file among pictures would cost all masks.
    """
    if not os.path.isdir(path):
        return
    from idbias.config.picture_folders import changed_after

    if changed := changed_after(path, os.path.getmtime(result)):
        print(
            f"idbias: {changed} has changed since {result} was made, which still has the pictures of then; delete "
            "that file to read them again.",
            file=sys.stderr,
        )


def _archive(path):
    return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)


def _classifier(name, classifier, experiment, arm, origins, faults):
    key = f"classifiers.{name}"
    if ":" in classifier.network and not classifier.network.startswith("timm:"):
        with faults.collected():
            check_declared(
                classifier.network, origins.at(f"{key}.network"), classifier.arguments, OF_NETWORKS
            )
    if classifier.weights and classifier.weights.path:
        result = layout.CLASSIFIER.format(experiment=experiment.name, classifier=arm)
        where = origins.at(f"{key}.weights.path")
        check_not_replaced(result, [classifier.weights.path], where, faults)
        if made_of(result, [classifier.weights.path], classifier.settings):
            return
        if exists(classifier.weights.path, where, faults):
            _checkpoint(local_path(classifier.weights.path), where, faults)


def _checkpoint(path, where, faults):
    """Add a fault if a checkpoint is a folder or holds nothing."""
    if os.path.isdir(path) or not os.path.getsize(path):
        what = "a folder" if os.path.isdir(path) else "an empty file"
        faults.add(
            f"{where} is {path}, {what}; give the file that torch.save or safetensors wrote."
        )


def _attack(name, attack, experiment, origins, faults):
    key = f"attacks.{name}"
    where = origins.at(f"{key}.attack")
    if attack.attack == "file":
        result = layout.MADE_ELSEWHERE.format(experiment=experiment.name, attack=name)
        check_not_replaced(result, attack.files.values(), where, faults)
        if made_of(result, files_named(attack.files.values()), attack.files):
            return
        shapes = {
            setting: header(path, origins.at(f"{key}.{setting}"), faults)
            for setting, path in attack.files.items()
            if path
        }
        if shapes["path"]:
            where = f"{origins.at(f'{key}.path')} is {attack.path}, of shape {shapes['path']}"
            _attacked_images(shapes["path"], experiment.dataset, where, faults)
        as_many_rows(shapes, origins.at(key), faults)
    elif ":" in attack.attack:
        with faults.collected():
            epsilon = ["epsilon"] if attack.epsilon else []
            check_declared(
                attack.attack, where, attack.arguments, of_plain=epsilon, called=OF_ATTACKS
            )
            if attack.epsilon and not attack.norm and is_plain(attack.attack):
                raise InputError(
                    f"{origins.at(key)} has an epsilon but no norm, in which perturbations are compared with it; "
                    "add norm: linf, l2 or l1."
                )
    elif attack.attack not in ATTACKS:
        faults.add(
            f"{where}: foolbox has no attack {attack.attack!r}{nearest(attack.attack, ATTACKS)}."
        )
    else:
        _foolbox(attack, key, origins, faults)
    _epsilon(attack, experiment.dataset, f"{key}.epsilon", origins, faults)


def _epsilon(attack, dataset, key, origins, faults):
    """Add a fault if epsilon is larger than any perturbation of images, where their side is known."""
    if not (attack.epsilon and attack.perturbation_norm and dataset.side):
        return
    shape = dataset.channel_count, dataset.side, dataset.side
    pixels, most = prod(shape), largest(shape, ORDERS[attack.perturbation_norm])
    if attack.epsilon > most:
        faults.add(
            f"{origins.at(key)} is {attack.epsilon:g}, but perturbations of images in [0, 1] of {pixels:,} values "
            f"are {most:g} at most in {attack.perturbation_norm}; give it in units of that range, such as 8/255."
        )


def _attacked_images(shape, dataset, where, faults):
    """Add a fault if images that were attacked elsewhere are not of the dataset's shape."""
    side = dataset.side
    fits = len(shape) == 4 and shape[1] == dataset.channel_count
    if not fits or (side and shape[2:] != (side, side)):
        expected = f"({dataset.channel_count}, {side or 'H'}, {side or 'W'})"
        faults.add(
            f"{where}, but the dataset's images are {expected}; give attacked images (N, C, H, W)."
        )


def _foolbox(attack, key, origins, faults):
    needs_epsilon, arguments = ATTACKS[attack.attack]
    for argument in attack.arguments:
        if argument not in arguments:
            faults.add(
                f"{origins.at(f'{key}.arguments.{argument}')}: {attack.attack} takes no such argument"
                f"{nearest(argument, arguments) or '; it takes none'}."
            )
    if needs_epsilon and not attack.epsilon:
        faults.add(
            f"{origins.at(key)}: {attack.attack} needs an epsilon, the size of its perturbation; add epsilon."
        )
