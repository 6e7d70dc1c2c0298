"""What an experiment's `overrides` say, laid over the sections of the whole configuration."""

from copy import deepcopy

from idbias.classifiers import paper2
from idbias.config.origins import KINDS
from idbias.config.validation import OVERRIDABLE, require_known
from idbias.errors import InputError


def check_overrides(raw, block, where):
    """Raise InputError if a block overrides what is not there, or a recipe that none of its classifiers has.

    raw: the configuration, a dict; where: file and key of the overrides.
    """
    for section in block.overrides:
        require_known(section, OVERRIDABLE, where, "section to override")
        for entry in block.overrides[section] if section in KINDS else ():
            known = [*raw[section], *(paper2.ENTRIES if section == "classifiers" else ())]
            require_known(entry, known, f"{where}.{section}", section[:-1])
    entries = _entries(raw, block)
    known = all(name in entries for name in block.classifiers)
    if block.overrides.get("recipe") and known and not _trained(entries, block):
        names = ", ".join(block.classifiers)
        has = f"{names}: with weights and no recipe" if names else "none"
        raise InputError(
            f"{where}.recipe would be ignored, since the block trains no classifier ({has}); leave it out, or "
            "give a classifier a recipe."
        )


def overridden(raw, block):
    """Return the configuration with an experiment's overrides laid over it, as a dict."""
    entries = _entries(raw, block)
    with_entries = {**raw, "classifiers": entries}
    overrides = dict(block.overrides)
    recipe = overrides.pop("recipe", None)
    if recipe:
        trained = {name: {"recipe": recipe} for name in _trained(entries, block)}
        with_entries = _laid_over(with_entries, {"classifiers": trained})
    return _laid_over(with_entries, overrides)


def _named(block):
    return [*block.classifiers, *filter(None, [block.other_network])]


def _entries(raw, block):
    """Return the entries of classifiers, with those of paper 2 that a block names."""
    entries = {name: paper2.ENTRIES[name] for name in _named(block) if name in paper2.ENTRIES}
    return {**entries, **raw["classifiers"]}


def _trained(entries, block):
    """Return the names of the classifiers of a block that are trained."""
    return [name for name in _named(block) if _is_trained(entries.get(name, {}))]


def _is_trained(entry):
    """Return whether a classifier's entry, a dict, has a recipe, or, without weights, paper 2's."""
    of_the_zoo = entry.get("network") in paper2.ZOO and not entry.get("weights")
    return bool(entry.get("recipe")) or of_the_zoo


def _laid_over(base, top):
    merged = deepcopy(base)
    for key, value in top.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _laid_over(merged[key], value) if both else deepcopy(value)
    return merged
