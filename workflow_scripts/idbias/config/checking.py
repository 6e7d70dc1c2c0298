"""Check config.yaml before anything runs, and say in one sentence each what is wrong with it."""

from copy import deepcopy

from idbias.classifiers import paper2
from idbias.classifiers.networks.by_name import NETWORKS
from idbias.config import arms as arms_of
from idbias.config import schema_inputs
from idbias.config.counts import known_images
from idbias.config.crossings import check_crossings
from idbias.config.experiments import Experiment
from idbias.config.sentences import GONE, require_known, validated
from idbias.datasets.published import PUBLISHED
from idbias.errors import InputError
from idbias.own_code import require

OVERRIDABLE = (
    "datasets",
    "classifiers",
    "recipe",
    "attacks",
    "masks",
    "class_maps",
    "correlation",
    "crossed",
    "execution",
)


def check(raw, where="config.yaml"):
    """Check a configuration as read from YAML.

    `raw`: dict; `where`: the file's name for messages. Returns, for every experiment there is, its
    name -> its `Experiment`, with its overrides laid on; a family is one for each of its datasets.
    Raises InputError, one sentence for each fault, naming key, what is wrong and what is allowed.
    """
    config = validated(raw, where)
    found = {}
    for block in config.experiment_blocks:
        for experiment in _members(raw, config, block, where):
            if experiment.name in found:
                raise InputError(
                    f"{where}: experiment_blocks.{found[experiment.name].family} and "
                    f"experiment_blocks.{block} both have an experiment {experiment.name} (a family's "
                    "are called after it and a dataset each); rename one."
                )
            found[experiment.name] = experiment
    for name in config.experiments:
        require_known(
            name, {**found, **config.experiment_blocks}, f"{where}: experiments", "experiment"
        )
    for experiment in selected(raw, found):
        _test_fits(experiment, f"{where}: correlation")
    return found


def selected(raw, experiments):
    """Return those of `experiments` (as `check` returns) that `raw["experiments"]` names.

    A family's name stands for all its members. A list of Experiment, each once.
    """
    found = {}
    for name in raw["experiments"]:
        found |= {one.name: one for one in experiments.values() if name in (one.name, one.family)}
    return list(found.values())


def _members(raw, config, name, where):
    block = config.experiment_blocks[name]
    here = f"{where}: experiment_blocks.{name}"
    for section, settings in block.overrides.items():
        require_known(section, OVERRIDABLE, f"{here}.overrides", "section to override")
        if "*" in settings:
            raise InputError(f"{here}.overrides.{section}: '*' is no longer there; {GONE['*']}.")
    settings = validated(_overridden(raw, block), f"{here}.overrides over {where}")
    if isinstance(block.dataset, str):
        return [_resolved(settings, block, name, name, block.dataset, where)]
    return [
        _resolved(settings, block, name, f"{name}_{dataset}", dataset, where)
        for dataset in block.dataset
    ]


def _overridden(raw, block):
    """Return the configuration with an experiment's overrides laid over it, as a dict."""
    named = [*block.classifiers, *filter(None, [block.other_network])]
    entries = {name: paper2.ENTRIES[name] for name in named if name in paper2.ENTRIES}
    with_entries = {**raw, "classifiers": {**entries, **raw["classifiers"]}}
    overrides = dict(block.overrides)
    recipe = overrides.pop("recipe", None)
    if recipe:
        trained = {
            name: {"recipe": recipe}
            for name in named
            if name in paper2.ZOO or with_entries["classifiers"].get(name, {}).get("recipe")
        }
        with_entries = _laid_over(with_entries, {"classifiers": trained})
    return _laid_over(with_entries, overrides)


def _resolved(settings, block, family, name, dataset_name, where):
    here = f"{where}: experiment_blocks.{family}"
    require_known(dataset_name, settings.datasets, f"{here}.dataset", "dataset")
    dataset = settings.datasets[dataset_name]
    if block.images:
        dataset = dataset.model_copy(update={"images": block.images})
    classifiers = {}
    for classifier in block.classifiers:
        require_known(
            classifier,
            {**settings.classifiers, **paper2.ENTRIES},
            f"{here}.classifiers",
            "classifier",
        )
        network = settings.classifiers[classifier].network
        key = f"{where}: classifiers.{classifier}.network"
        if ":" not in network:
            require_known(network, NETWORKS, key, "network")
        elif not network.startswith("timm:"):
            require(network, key)
        classifiers[classifier] = _classifier(settings, classifier, dataset, where)
    for attack in block.attacks:
        require_known(attack, settings.attacks, f"{here}.attacks", "attack")
        if ":" in settings.attacks[attack].attack:
            require(settings.attacks[attack].attack, f"{where}: attacks.{attack}.attack")
    if dataset.source in ("spiral", "arrays"):
        if block.classifiers or block.attacks:
            raise InputError(
                f"{here}: dataset {dataset_name} has no images: leave out classifiers and attacks."
            )
    elif not block.classifiers or not block.attacks:
        raise InputError(f"{here}: name at least one of classifiers and at least one of attacks.")
    elif not dataset.path:
        _enough_images(
            dataset,
            f"{here}.images" if block.images else f"{where}: datasets.{dataset_name}.images",
        )
    if "class_maps" in block.analyses and not dataset.class_count:
        raise InputError(
            f"{where}: datasets.{dataset_name} is of source {dataset.source}, whose classes are not known "
            "beforehand; class_maps makes a job of each: give classes, their number."
        )
    experiment = Experiment(
        name=name,
        family=family,
        dataset_name=dataset_name,
        dataset=dataset,
        analyses=block.analyses,
        masks=settings.masks,
        class_maps=settings.class_maps,
        correlation=settings.correlation,
        crossed=settings.crossed,
        execution=settings.execution,
        seed=settings.seed,
        **_arms(settings, block, classifiers, dataset, here, where),
    )
    check_crossings(experiment, here)
    return experiment


def _arms(settings, block, classifiers, dataset, here, where):
    """Return what an Experiment has by seeds, epsilons and controls, as its arguments."""
    seed = settings.seed
    try:
        arms, classifier_origins = arms_of.seed_arms(classifiers, block.seeds, seed)
        attacks, attack_origins = arms_of.attack_arms(
            {one: settings.attacks[one] for one in block.attacks}
        )
        origins = {arm: classifier_origins.get(arm, (arm, seed)) for arm in arms}
        known = dict(classifiers)
        if block.other_network and block.other_network not in known:
            require_known(
                block.other_network, settings.classifiers, f"{here}.other_network", "classifier"
            )
            known[block.other_network] = _classifier(settings, block.other_network, dataset, where)
        stand_ins, others, seeds = arms_of.stand_ins(
            block.controls, known, origins, seed, block.seeds, block.other_network
        )
    except InputError as error:
        raise error if str(error).startswith(where) else InputError(f"{here}: {error}") from None
    return {
        "classifiers": arms,
        "attacks": attacks,
        "classifier_origins": classifier_origins,
        "attack_origins": attack_origins,
        "controls": block.controls,
        "others": others,
        "training_seeds": {**seeds, **{arm: own for arm, (_, own) in origins.items()}},
        "stand_ins": stand_ins,
    }


def _test_fits(experiment, here):
    """Raise InputError if a dataset lacks what the test is to shuffle within, or cannot be pooled.

    Of chosen experiments alone: a setting for all need not suit those that are not run.
    """
    correlation, dataset = experiment.correlation, experiment.dataset
    lacking = set()
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
    known = PUBLISHED.get(dataset.source)
    side = dataset.size or (known and (known.size or known.side))
    if (dataset.source == "spiral" and correlation.pool > 1) or (side and side % correlation.pool):
        raise InputError(
            f"{here}.pool is {correlation.pool}, which does not divide "
            f"{f'the {side} pixels' if side else 'the scalars'} of {experiment.dataset_name}; give 1, or a "
            "divisor."
        )


def _enough_images(dataset, here):
    known = known_images(dataset)
    if dataset.images and dataset.images > known:
        raise InputError(
            f"{here} is {dataset.images}, but {dataset.source} has {known} "
            f"{'' if dataset.masked == 'all' else 'test '}images; give {known} or fewer."
        )


def _classifier(settings, name, dataset, where):
    """Return a classifier with its normalisation, and what its recipe leaves out, filled in."""
    made = settings.classifiers[name]
    normalisation = made.normalisation or dataset.normalisation
    if normalisation == "none":
        normalisation = None
    elif isinstance(normalisation, str):
        here = f"{where}: classifiers.{name}.normalisation"
        with_one = {key: one for key, one in settings.datasets.items() if one.normalisation}
        require_known(normalisation, with_one, here, "dataset with a normalisation called")
        normalisation = with_one[normalisation].normalisation
    recipe = made.recipe
    if made.network in paper2.ZOO and (recipe or not made.weights):
        given = recipe.model_dump(exclude_unset=True) if recipe else {}
        epochs = given.get("epochs", paper2.EPOCHS)
        theirs = paper2.recipe(made.network, dataset.source, epochs)
        recipe = schema_inputs.Recipe(**{**theirs, **given})
    return made.model_copy(update={"normalisation": normalisation, "recipe": recipe})


def _laid_over(base, top):
    merged = deepcopy(base)
    for key, value in top.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _laid_over(merged[key], value) if both else deepcopy(value)
    return merged
