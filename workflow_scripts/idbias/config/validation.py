"""What is wrong with a configuration, each fault in one sentence with its place and its remedy."""

import difflib
import re

from pydantic import ValidationError

from idbias.config import schema, schema_entries
from idbias.config.schema import Config
from idbias.errors import InputError

# Longer lists of names are not printed.
MOST_NAMED = 40
# Keys of older configurations, and what says the same now.
GONE = {
    "like": "a network of paper 2's zoo is trained as in paper 2 wherever its recipe leaves a key out: "
    "remove it",
    "mean": "write normalisation: {mean: [...], std: [...]}, here or once in the dataset",
    "std": "write normalisation: {mean: [...], std: [...]}, here or once in the dataset",
    "within_class": "write shuffles_within: [class], or [all, class] for a row of each",
    "*": "write images beside dataset, overrides.recipe for the training of all classifiers, "
    "normalisation in the dataset, and anything else under each name",
}


def validated(raw, origins):
    """Return the Config of a configuration as read from YAML; raise InputError for each fault.

    origins: Origins, of which file each key is. The error's `keys` are the paths of the faults.
    """
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        by_key = {}
        for fault in error.errors():
            by_key.setdefault(_path(fault), []).append(fault)
        sentences = [_sentence(path, faults, origins) for path, faults in by_key.items()]
        fault = InputError("\n".join(sentences))
        fault.keys = list(by_key)
        raise fault from None


def _path(fault):
    # pydantic appends the alternative of a union that it tried, which is no key of the user's.
    alternative = re.compile(r"(function-|literal\[|constrained|int$|float$|str$|bool$|\[key\])")
    return tuple(part for part in fault["loc"] if not alternative.match(str(part)))


def _sentence(path, faults, origins):
    fault, key = faults[0], ".".join(str(part) for part in path)
    where = origins.file(key)
    if fault["type"] == "extra_forbidden" and path[-1] in GONE:
        return f"{where}: '{key}' is no longer a key; {GONE[path[-1]]}."
    if fault["type"] == "extra_forbidden":
        return f"{where}: unknown key '{key}'{nearest(path[-1], _keys_at(path[:-1]))}."
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
    known, model = {**vars(schema_entries), **vars(schema)}, Config
    for part in path:
        field = getattr(model, "model_fields", {}).get(part)
        if field is None:
            continue
        candidates = [known.get(name) for name in re.findall(r"\b[A-Z]\w+", str(field.annotation))]
        models = [
            one for one in candidates if isinstance(one, type) and issubclass(one, schema.Section)
        ]
        model = models[0] if models else model
    return list(getattr(model, "model_fields", {}))


def require_known(name, allowed, where, kind):
    """Raise InputError, with the nearest of `allowed`, unless `name` is one of them."""
    if name not in allowed:
        raise InputError(f"{where}: there is no {kind} '{name}'{nearest(name, allowed)}.")


def nearest(name, allowed):
    """Return the end of a sentence: which name was perhaps meant, and which there are."""
    near = difflib.get_close_matches(str(name), list(allowed), n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    if 0 < len(allowed) <= MOST_NAMED:
        return f"{hint} (there are: {', '.join(allowed)})"
    return hint.removesuffix("?")
