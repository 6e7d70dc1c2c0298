"""What is wrong with a configuration, each fault in one sentence with its place and its remedy."""

import difflib
import re

from pydantic import ValidationError

from idbias.config import schema, schema_entries, schema_types
from idbias.config.schema import Config
from idbias.errors import InputError

# Sections that an experiment may override, and the recipe of each classifier it trains.
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
# Longer lists of names are not printed.
MOST_NAMED = 40
# What pydantic calls otherwise.
WORDS = {
    "list_type": "a list",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "string_type": "text",
    "bool_type": "true or false",
}
# What a key with a pattern of its own may be.
PATTERNS = {
    "attack": "a class of foolbox.attacks, such as LinfPGD, MODULE:NAME of your own, or file",
    "scratch": "a path that is written out: ~ and $ are not replaced",
    "huggingface": "OWNER/NAME, such as timm/resnet50d.ra2_in1k",
    "sha256": "64 hexadecimal digits",
}


def validated(raw, origins):
    """Return the Config of a configuration as read from YAML; raise InputError for each fault.

    origins: Origins, of which file each key is. The error's `keys` are the paths of the faults.
    """
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        raise refusal(error, raw, origins) from None


def refusal(error, raw, origins):
    """Return the InputError that says in our words what pydantic's ValidationError says of `raw`, a dict."""
    by_key = {}
    for fault in error.errors():
        by_key.setdefault(_path(fault, raw), []).append(fault)
    # Of a union the alternative that the user tried goes deepest.
    deepest = [
        key for key in by_key if not any(key == longer[: len(key)] != longer for longer in by_key)
    ]
    by_key = {key: by_key[key] for key in deepest}
    fault = InputError(
        "\n".join(_sentence(path, faults, origins) for path, faults in by_key.items())
    )
    fault.keys = list(by_key)
    return fault


def _path(fault, raw):
    # pydantic puts the alternative of a union that it tried between keys, which is none of the user's.
    path, place = [], raw
    *_, last = fault["loc"] or [None]
    for part in fault["loc"]:
        if isinstance(place, dict | list) and part in (
            place if isinstance(place, dict) else range(len(place))
        ):
            place = place[part]
        elif not (fault["type"] == "missing" and part == last):
            continue
        path.append(part)
    return tuple(path)


def _sentence(path, faults, origins):
    fault, key = faults[0], ".".join(str(part) for part in path)
    where, given = origins.file(key), f"{key} is {fault['input']!r}"
    if fault["type"] in ("extra_forbidden", "invalid_key"):
        return f"{where}: unknown key '{key}'{_meant(path)}."
    if fault["type"] == "missing":
        return f"{where}: the key '{key}' is missing; add it."
    if any(other["type"] == "too_short" for other in faults):
        return f"{where}: {given}; name at least one."
    if fault["type"] == "string_pattern_mismatch":
        if fault["ctx"]["pattern"] == schema_types.NAME:
            return (
                f"{where}: {given}, but a name has only letters, digits, '_', '.', '+' and '-', and begins with "
                "one of the first two."
            )
        return f"{where}: {given}; it should be {PATTERNS[path[-1]]}."
    if "error" in fault.get("ctx", {}):
        return f"{where}: {f'{key}: ' if key else ''}{fault['ctx']['error']}."
    if path[-2:] == ("overrides", "seed"):
        return f"{where}: {given}; a block has seeds of its own: write seeds: [{fault['input']}] beside overrides."
    if isinstance(fault["input"], str) and re.fullmatch(r"[-+]?\d*,\d+", fault["input"]):
        return f"{where}: {given}; write {fault['input'].replace(',', '.')}, with a point."
    allowed = [_allowed(other, path) for other in faults]
    if allowed == ["a list"]:
        example = fault["input"] if isinstance(fault["input"], str | int) else "a, b"
        allowed = [f"a list, such as [{example}]"]
    verb = "have" if allowed[0].startswith("have ") else "be"
    allowed = " or ".join(dict.fromkeys(text.removeprefix("have ") for text in allowed))
    return f"{where}: {given}; it should {verb} {allowed}."


def _meant(path):
    """Return the end of a sentence: where a key belongs, or which is perhaps meant, and which there are."""
    if len(path) == 3 and path[0] == "experiment_blocks" and path[2] in OVERRIDABLE:
        return f"; put it under overrides, as overrides: {{{path[2]}: ...}}"
    if str(path[-1]).isdigit():
        return "; if it is the end of a number with a decimal comma, write a point, 0.5 for 0,5"
    return nearest(path[-1], _keys_at(path[:-1]))


def _allowed(fault, path):
    """What pydantic says a value should be, in words for people."""
    kind = fault["type"]
    if kind == "dict_type":
        return "keys with values, such as {key: value}"
    if kind == "model_type":
        return f"keys with values (there are: {', '.join(_keys_at(path))})"
    return WORDS.get(kind) or re.sub(r"^.*?should (be )?", "", fault["msg"])


def _keys_at(path):
    """Names of the keys allowed at `path`, found by walking the models."""
    known, model = {**vars(schema_entries), **vars(schema)}, Config
    for part in path:
        field = getattr(model, "model_fields", {}).get(part)
        if field is None:
            continue
        candidates = [known.get(name) for name in re.findall(r"\b[A-Z]\w+", str(field.annotation))]
        models = [
            candidate
            for candidate in candidates
            if isinstance(candidate, type) and issubclass(candidate, schema.Section)
        ]
        model = models[0] if models else model
    return list(getattr(model, "model_fields", {}))


def require_known(name, allowed, where, kind):
    """Raise InputError, with the nearest of `allowed`, unless `name` is one of them."""
    if name not in allowed:
        raise InputError(f"{where}: there is no {kind} '{name}'{nearest(name, allowed)}.")


def nearest(name, allowed):
    """Return the end of a sentence: which name was perhaps meant, and which there are."""
    by_small = {str(known).lower(): known for known in allowed}
    near = [
        by_small[known] for known in difflib.get_close_matches(str(name).lower(), by_small, n=1)
    ]
    hint = f"; did you mean '{near[0]}'?" if near else ""
    if 0 < len(allowed) <= MOST_NAMED:
        return f"{hint} (there are: {', '.join(allowed)})"
    return hint.removesuffix("?")
