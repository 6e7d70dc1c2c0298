"""Which file each setting comes from, so that a message names the file that the user wrote it in."""

from pathlib import Path

import yaml

from idbias.errors import InputError

# Sections with entries of the user's own -> the key that says what an entry is.
KINDS = {"datasets": "source", "classifiers": "network", "attacks": "attack"}


class Origins:
    """The layers of a configuration: (name of a file, what it says), each laid over those before.

    faults: sentences on the files themselves, such as keys that are given twice.
    """

    def __init__(self, layers, faults=()):
        self.layers, self.faults = list(layers), list(faults)

    @classmethod
    def of(cls, where):
        """Return Origins as they are, and those of one file from its name."""
        return where if isinstance(where, Origins) else cls([(where, {})])

    @classmethod
    def of_files(cls, paths, command_line):
        """Return the Origins of configuration files and of what --config says, a dict.

        Raises InputError for files that are missing or no YAML. Keys given twice become `faults`.
        """
        layers, faults = [], []
        for path in paths:
            content, own_faults = read_yaml(path)
            layers.append((shown(path), content))
            faults += own_faults
        return cls([*layers, *([("--config", command_line)] if command_line else [])], faults)

    def file(self, key):
        """Return the name of the last file that says something of `key` ("a.b.c"), or comes nearest."""
        depths = [_depth(content, key) for _, content in self.layers]
        deepest = max(depths)
        return next(
            name
            for (name, _), depth in reversed(list(zip(self.layers, depths, strict=True)))
            if depth == deepest
        )

    def at(self, key):
        """Return where a key is, for the beginning of a message: "config.yaml: masks.penalty"."""
        return f"{self.file(key)}: {key}"

    def check_entries(self):
        """Raise InputError where an entry keeps, of a lower file's of its name, what was meant for another thing.

        Each file is laid over those before it, entry by entry and key by key.
        """
        faults = []
        for section, kind in KINDS.items():
            below = {}
            for file, content in self.layers:
                entries = content.get(section) if isinstance(content, dict) else None
                for name, entry in (entries if isinstance(entries, dict) else {}).items():
                    if not isinstance(entry, dict):
                        continue
                    known = below.get(name, {})
                    where = f"{file}: {section}.{name}"
                    stays = [key for key in known if key not in entry]
                    if stays and kind in known and known[kind] != entry.get(kind, known[kind]):
                        faults.append(
                            f"{where} is of another {kind} than the entry of that name below it, "
                            f"{known[kind]}, of which {', '.join(stays)} would stay; give it another name."
                        )
                    elif "recipe" in stays and entry.get("weights") and not known.get("weights"):
                        faults.append(
                            f"{where} has weights, and the entry of that name below it a recipe, which would "
                            "train them further; write recipe: null to use them as they are, or give another name."
                        )
                    below[name] = {**known, **entry}
        if faults:
            raise InputError("\n".join(faults))


def shown(path):
    """Return a path as the user would write it: relative where it is below the working directory."""
    path = Path(path).absolute()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def read_yaml(path):
    """Return (what a YAML file says, sentences on keys that it gives twice).

    Raises InputError, with the line, if it is missing or no YAML of keys.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
        content = yaml.load(text, Loader=yaml.CSafeLoader)
    except OSError as error:
        raise InputError(f"{shown(path)} cannot be read ({error.strerror}).") from None
    except UnicodeError:
        raise InputError(f"{shown(path)} is not text in UTF-8; save it so.") from None
    except yaml.YAMLError as error:
        raise InputError(f"{shown(path)}{_line(error)}: {_reason(error, text)}.") from None
    if content is None:
        return {}, []
    if not isinstance(content, dict):
        raise InputError(
            f"{shown(path)} holds no keys; it should be `key: value` at its top level."
        )
    return content, [f"{shown(path)}, {fault}" for fault in _twice(node)]


def _line(error):
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}" if mark else ""


def _reason(error, text):
    mark = getattr(error, "problem_mark", None)
    lines = text.splitlines()
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "it begins with a tab, which YAML does not take for indentation; write blanks"
    said = " ".join(filter(None, (getattr(error, "context", ""), getattr(error, "problem", ""))))
    return f"this is no YAML ({said or error})"


def _twice(node, above=""):
    """Yield a sentence for each key that a mapping below `node` gives twice."""
    if isinstance(node, yaml.MappingNode):
        seen = {}
        for key, value in node.value:
            name = f"{above}{key.value}"
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                yield (
                    f"line {key.start_mark.line + 1}: the key '{name}' is there already, in line "
                    f"{seen[key.value]}, and would be lost; join them into one."
                )
            seen.setdefault(key.value, key.start_mark.line + 1)
            yield from _twice(value, f"{name}.")
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _twice(value, above)


def _depth(content, key):
    """Return how many parts of `key` the nested dict `content` has."""
    if not isinstance(content, dict):
        return 0
    for name, value in content.items():
        if key == str(name):
            return 1
        if key.startswith(f"{name}."):
            return 1 + _depth(value, key[len(str(name)) + 1 :])
    return 0
