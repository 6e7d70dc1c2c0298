"""Check config.yaml before anything runs, and say in one sentence each what is wrong with it."""

import difflib
import re
from copy import deepcopy

from pydantic import ValidationError

from idbias.classifiers import paper2
from idbias.classifiers.networks.by_name import NETWORKS
from idbias.config import schema
from idbias.config.experiments import Experiment, known_images
from idbias.config.schema import Config
from idbias.errors import InputError

OVERRIDABLE = ("datasets", "classifiers", "attacks", "masks", "correlation", "execution")


def check(raw, where="config.yaml"):
    """Check a configuration as read from YAML.

    `raw`: dict; `where`: the file's name for messages. Returns, for every experiment block, its
    name -> its `Experiment`, with its overrides laid on. Raises InputError, one sentence for each
    fault, naming key, what is wrong and what is allowed.
    """
    config = _validated(raw, where)
    for name in config.experiments:
        _known(name, config.experiment_blocks, f"{where}: experiments", "experiment")
    return {name: _resolved(raw, config, name, where) for name in config.experiment_blocks}


def _resolved(raw, config, name, where):
    block = config.experiment_blocks[name]
    here = f"{where}: experiment_blocks.{name}"
    for section in block.overrides:
        _known(section, OVERRIDABLE, f"{here}.overrides", "section to override")
    overrides = _without_stars(block)
    settings = _validated(_laid_over(raw, overrides), f"{here}.overrides over {where}")
    _known(block.dataset, settings.datasets, f"{here}.dataset", "dataset")
    for classifier in block.classifiers:
        _known(classifier, settings.classifiers, f"{here}.classifiers", "classifier")
        network = settings.classifiers[classifier].network
        if ":" not in network:
            _known(network, NETWORKS, f"{where}: classifiers.{classifier}.network", "network")
        _complete_recipe(settings, block, classifier, where)
    for attack in block.attacks:
        _known(attack, settings.attacks, f"{here}.attacks", "attack")
    dataset = settings.datasets[block.dataset]
    if dataset.source in ("spiral", "arrays"):
        if block.classifiers or block.attacks:
            raise InputError(
                f"{here}: dataset {block.dataset} has no images: leave out classifiers and attacks."
            )
        return _experiment(settings, name)
    if not block.classifiers or not block.attacks:
        raise InputError(f"{here}: name at least one of classifiers and at least one of attacks.")
    known = None if dataset.path else known_images(dataset)
    if known and dataset.images and dataset.images > known:
        raise InputError(
            f"{where}: datasets.{block.dataset}.images is {dataset.images}, but {dataset.source} has "
            f"{known} {'' if dataset.masked == 'all' else 'test '}images; give {known} or fewer."
        )
    return _experiment(settings, name)


def _experiment(settings, name):
    block = settings.experiment_blocks[name]
    return Experiment(
        name=name,
        dataset_name=block.dataset,
        dataset=settings.datasets[block.dataset],
        classifiers={one: settings.classifiers[one] for one in block.classifiers},
        attacks={one: settings.attacks[one] for one in block.attacks},
        analyses=block.analyses,
        masks=settings.masks,
        correlation=settings.correlation,
        execution=settings.execution,
        seed=settings.seed,
    )


def _complete_recipe(settings, block, classifier, where):
    """Fill in what a recipe leaves out, if it is to be like paper 2's."""
    made = settings.classifiers[classifier]
    if not made.recipe or not made.recipe.like:
        return
    if made.network not in paper2.ZOO:
        raise InputError(
            f"{where}: classifiers.{classifier}.recipe is like paper2, which has recipes for its own "
            f"models, not for {made.network}; leave out `like`, or take one of {', '.join(paper2.ZOO)}."
        )
    given = made.recipe.model_dump(exclude_unset=True)
    epochs = given.get("epochs", paper2.EPOCHS)
    theirs = paper2.recipe(made.network, settings.datasets[block.dataset].source, epochs)
    made.recipe = schema.Recipe(**{**theirs, **given})


def _without_stars(block):
    """Return the overrides of an experiment with "*" spelled out as each name that it uses."""
    used = {"datasets": [block.dataset], "classifiers": block.classifiers, "attacks": block.attacks}
    overrides = deepcopy(block.overrides)
    for section, names in used.items():
        common = overrides.get(section, {}).pop("*", None)
        for name in names if common else ():
            overrides[section][name] = _laid_over(common, overrides[section].get(name, {}))
    return overrides


def _known(name, allowed, where, kind):
    if name not in allowed:
        raise InputError(f"{where}: there is no {kind} '{name}'{_nearest(name, allowed)}.")


def _nearest(name, allowed):
    near = difflib.get_close_matches(str(name), list(allowed), n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return f"{hint} (there are: {', '.join(allowed)})" if allowed else hint


def _laid_over(base, top):
    merged = deepcopy(base)
    for key, value in top.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _laid_over(merged[key], value) if both else deepcopy(value)
    return merged


def _validated(raw, where):
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        by_key = {}
        for fault in error.errors():
            by_key.setdefault(_path(fault), []).append(fault)
        sentences = [_sentence(path, faults, where) for path, faults in by_key.items()]
        raise InputError("\n".join(sentences)) from None


def _path(fault):
    # pydantic appends the alternative of a union that it tried, which is no key of the user's.
    alternative = re.compile(r"(function-|literal\[|constrained|int$|float$|str$|bool$|\[key\])")
    return tuple(part for part in fault["loc"] if not alternative.match(str(part)))


def _sentence(path, faults, where):
    fault, key = faults[0], ".".join(str(part) for part in path)
    if fault["type"] == "extra_forbidden":
        return f"{where}: unknown key '{key}'{_nearest(path[-1], _keys_at(path[:-1]))}."
    if fault["type"] == "missing":
        return f"{where}: the key '{key}' is missing; add it."
    if fault["type"] == "string_pattern_mismatch":
        return (
            f"{where}: {key} is {fault['input']!r}, but a name has only letters, digits, "
            "'_', '.', '+' and '-'."
        )
    if "error" in fault.get("ctx", {}):
        return f"{where}: {key}: {fault['ctx']['error']}."
    allowed = [re.sub(r"^.*?should (be )?", "", other["msg"]) for other in faults]
    verb = "have" if allowed[0].startswith("have ") else "be"
    allowed = " or ".join(text.removeprefix("have ") for text in allowed)
    return f"{where}: {key} is {fault['input']!r}; it should {verb} {allowed}."


def _keys_at(path):
    """Names of the keys allowed at `path`, found by walking the models."""
    model = Config
    for part in path:
        field = getattr(model, "model_fields", {}).get(part)
        if field is None:
            continue
        candidates = re.findall(
            r"\b([A-Z]\w+)\b", str(field.annotation).replace("idbias.config.schema.", "")
        )
        models = [
            vars(schema)[name] for name in candidates if isinstance(vars(schema).get(name), type)
        ]
        models = [candidate for candidate in models if issubclass(candidate, schema.Section)]
        model = models[0] if models else model
    return list(getattr(model, "model_fields", {}))
