"""Check config.yaml before anything runs, and say in one sentence each what is wrong with it."""

from copy import deepcopy

from idbias.classifiers import paper2
from idbias.classifiers.networks.by_name import NETWORKS
from idbias.config import arms as arms_of
from idbias.config import schema_entries
from idbias.config.crossings import check_crossings
from idbias.config.experiments import Experiment
from idbias.config.faults import Faults
from idbias.config.fitting import (
    check_dataset_fits,
    check_noise_has_norms,
    check_normalisation_fits,
    check_test_fits,
    images_key,
)
from idbias.config.origins import Origins
from idbias.config.overriding import check_overrides, overridden
from idbias.config.validation import require_known, validated
from idbias.errors import InputError
from idbias.own_code import require


def check(raw, where="config.yaml", with_files=False):
    """Check a configuration as read from YAML.

    `raw`: dict; `where`: the file's name for messages, or the Origins of several files. Returns, for every
    experiment there is, its name -> its `Experiment`, with its overrides laid on; a family is one for
    each of its datasets. `with_files`: look at the files too that chosen experiments name (planning).
    Raises InputError, one sentence for each fault, naming file and key, what is wrong and what is allowed.
    """
    origins = Origins.of(where)
    faults = Faults(origins.faults)
    raw, config, left_out = _validated(raw, origins, faults)
    with faults.collected():
        origins.check_entries()
    said = len(faults.sentences)
    experiments = {}
    for block in config.experiment_blocks:
        with faults.collected():
            for experiment in _members(raw, config, block, origins, faults):
                if experiment.name in experiments:
                    raise InputError(
                        f"{origins.at(f'experiment_blocks.{experiments[experiment.name].family}')} and "
                        f"experiment_blocks.{block} both have an experiment {experiment.name} (a family's "
                        "are called after it and a dataset each); rename one."
                    )
                experiments[experiment.name] = experiment
    for name in config.experiments:
        with faults.collected():
            known = {**experiments, **config.experiment_blocks}
            require_known(name, known, origins.at("experiments"), "experiment")
    chosen = selected(raw, experiments)
    for experiment in chosen:
        with faults.collected():
            check_test_fits(experiment, origins)
        with faults.collected():
            check_noise_has_norms(experiment, origins)
    if with_files:
        from idbias.config.planning import check_files

        with faults.collected():
            check_files(chosen, origins)
    faults.drop_echoes(left_out, said)
    faults.raise_all()
    return experiments


def _validated(raw, origins, faults):
    """Return (raw, Config, keys) of a configuration; raise InputError where it is too wrong to go on.

    Of keys that are wrong the fault is added, and they are left out of what is returned, so that what else
    is wrong is said too. keys: "section.name" of these, of which nothing more is to be said.
    """
    try:
        return raw, validated(raw, origins), []
    except InputError as error:
        faults.add(error)
        without = deepcopy(raw)
        for path in error.keys:
            place = without
            for part in path[:-1]:
                # Of two faults the first may have taken out what the second is in.
                place = place.get(part) if isinstance(place, dict) else None
            if path and isinstance(place, dict):
                place.pop(path[-1], None)
        try:
            left_out = [".".join(map(str, path[:2])) for path in error.keys]
            return without, validated(without, origins), left_out
        except (InputError, KeyError, IndexError):
            faults.raise_all()


def selected(raw, experiments):
    """Return those of `experiments` (as `check` returns) that `raw["experiments"]` names.

    A family's name stands for all its members. A list of Experiment, each once.
    """
    chosen = {}
    for name in raw["experiments"]:
        for experiment in experiments.values():
            if name in (experiment.name, experiment.family):
                chosen[experiment.name] = experiment
    return list(chosen.values())


def _members(raw, config, name, origins, missing):
    """Return the Experiments of a block; missing: Faults, to which modules that are not there are added."""
    block = config.experiment_blocks[name]
    here = origins.at(f"experiment_blocks.{name}")
    check_overrides(raw, block, f"{here}.overrides")
    settings = validated(overridden(raw, block), Origins.of(f"{here}.overrides"))
    if isinstance(block.dataset, str):
        return [_resolved(settings, block, name, name, block.dataset, origins, missing)]
    faults, members = Faults(), []
    for dataset in block.dataset:
        with faults.collected():
            member = f"{name}_{dataset}"
            members.append(_resolved(settings, block, name, member, dataset, origins, missing))
    faults.raise_all()
    return members


def _resolved(settings, block, family, name, dataset_name, origins, missing):
    here, faults = origins.at(f"experiment_blocks.{family}"), Faults()
    classifiers, dataset = {}, None
    with faults.collected():
        require_known(dataset_name, settings.datasets, f"{here}.dataset", "dataset")
        dataset = settings.datasets[dataset_name]
        if block.images:
            dataset = dataset.model_copy(update={"images": block.images})
        check_dataset_fits(block, dataset, dataset_name, family, origins)
    named = {name: f"{here}.classifiers" for name in block.classifiers}
    if block.other_network:
        named.setdefault(block.other_network, f"{here}.other_network")
    for classifier, key in named.items():
        with faults.collected():
            made = _classifier(settings, classifier, dataset, key, origins, missing)
            classifiers[classifier] = made
    for attack in block.attacks:
        with faults.collected():
            require_known(attack, settings.attacks, f"{here}.attacks", "attack")
        with missing.collected():
            if ":" in getattr(settings.attacks.get(attack), "attack", ""):
                require(settings.attacks[attack].attack, origins.at(f"attacks.{attack}.attack"))
    faults.raise_all()
    try:
        arms = _arms(settings, block, classifiers)
    except InputError as error:
        raise InputError(f"{here}: {error}") from None
    experiment = Experiment(
        name=name,
        family=family,
        dataset_name=dataset_name,
        dataset=dataset,
        analyses=block.analyses,
        first_image=block.first_image,
        images_key=images_key(block, dataset_name, family),
        masks=settings.masks,
        class_maps=settings.class_maps,
        correlation=settings.correlation,
        crossed=settings.crossed,
        execution=settings.execution,
        seed=settings.seed,
        **arms,
    )
    check_crossings(experiment, here)
    return experiment


def _arms(settings, block, classifiers):
    """Return what an Experiment has by seeds, epsilons and controls, as its arguments.

    classifiers: those of the block, and its other network.
    """
    seed = settings.seed
    own = {name: classifiers[name] for name in block.classifiers}
    for key in ("seeds", "controls", "classifiers", "attacks", "analyses"):
        names = getattr(block, key)
        if len(set(names)) < len(names):
            raise InputError(f"{key} names {_twice(names)} twice; name each once.")
    if block.seeds and own and not any(entry.recipe for entry in own.values()):
        raise InputError(
            f"seeds would train nothing: {', '.join(own)} have weights and no recipe; leave seeds out, or give "
            "a recipe."
        )
    arms, classifier_arm_of = arms_of.seed_arms(own, block.seeds, seed)
    attacks, attack_arm_of = arms_of.attack_arms(
        {name: settings.attacks[name] for name in block.attacks}
    )
    origins = {arm: classifier_arm_of.get(arm, (arm, seed)) for arm in arms}
    substitutes, extra, seeds = arms_of.substitutes(
        block.controls, classifiers, origins, seed, block.seeds, block.other_network
    )
    return {
        "classifiers": arms,
        "attacks": attacks,
        "classifier_arm_of": classifier_arm_of,
        "attack_arm_of": attack_arm_of,
        "controls": block.controls,
        "extra_classifiers": extra,
        "training_seeds": {**seeds, **{arm: own for arm, (_, own) in origins.items()}},
        "substitutes": substitutes,
    }


def _twice(names):
    return next(name for name in names if names.count(name) > 1)


def _classifier(settings, name, dataset, key, origins, missing):
    """Return a classifier with its normalisation, and what its recipe leaves out, filled in.

    dataset: what it is trained on, or None where that is not known; key: where it is named; missing: Faults.
    """
    require_known(name, {**settings.classifiers, **paper2.ENTRIES}, key, "classifier")
    network = settings.classifiers[name].network
    where = origins.at(f"classifiers.{name}.network")
    if ":" not in network:
        require_known(network, NETWORKS, where, "network")
    elif not network.startswith("timm:"):
        with missing.collected():
            require(network, where)
    if dataset is None:
        return settings.classifiers[name]
    made = settings.classifiers[name]
    normalisation = made.normalisation or dataset.normalisation
    if normalisation == "none":
        normalisation = None
    elif isinstance(normalisation, str):
        here = origins.at(f"classifiers.{name}.normalisation")
        normalised = {key: entry for key, entry in settings.datasets.items() if entry.normalisation}
        known = [*normalised, "none"]
        require_known(normalisation, known, here, "dataset with a normalisation called")
        normalisation = normalised[normalisation].normalisation
    given = f"classifiers.{name}.normalisation" if made.normalisation else "datasets"
    check_normalisation_fits(normalisation, dataset, origins.at(given))
    recipe = made.recipe
    if made.network in paper2.ZOO and (recipe or not made.weights):
        given = recipe.model_dump(exclude_unset=True) if recipe else {}
        epochs = given.get("epochs", paper2.EPOCHS)
        theirs = paper2.recipe(made.network, dataset.source, epochs)
        recipe = schema_entries.Recipe(**{**theirs, **given})
    return made.model_copy(update={"normalisation": normalisation, "recipe": recipe})
