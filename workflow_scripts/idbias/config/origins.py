"""Which file each setting comes from, so that a message names the file that the user wrote it in."""

import re
from pathlib import Path

import yaml

from idbias.errors import InputError

# Sections with entries of the user's own -> the key that says what an entry is.
KINDS = {"datasets": "source", "classifiers": "network", "attacks": "attack"}
# What YAML 1.1 takes for a number to the base of 8, and in times such as 1:00 to that of 60.
OCTAL = re.compile(r"[-+]?0[0-7_]+")


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
        for section, kind in {**KINDS, "experiment_blocks": "dataset"}.items():
            below = {}
            for file, content in self.layers:
                entries = content.get(section) if isinstance(content, dict) else None
                for name, entry in (entries if isinstance(entries, dict) else {}).items():
                    if not isinstance(entry, dict):
                        continue
                    known = below.get(name, {})
                    where = f"{file}: {section}.{name}"
                    stays = [key for key in known if key not in entry]
                    if (
                        stays
                        and kind in known
                        and not _among(entry.get(kind, known[kind]), known[kind])
                    ):
                        faults.append(
                            f"{where} is of another {kind} than the entry of that name below it, "
                            f"{_text(known[kind])}, of which {', '.join(stays)} would stay; give it another name."
                        )
                    elif "recipe" in stays and entry.get("weights") and not known.get("weights"):
                        faults.append(
                            f"{where} has weights, and the entry of that name below it a recipe, which would "
                            "train them further; write recipe: null to use them as they are, or give another name."
                        )
                    below[name] = {**known, **entry}
        if faults:
            raise InputError("\n".join(faults))


def _among(kind, known):
    """Return whether an entry is of the kind that is known, or a block of some of the datasets known."""
    if isinstance(known, list):
        return set(map(str, kind if isinstance(kind, list) else [kind])) <= set(map(str, known))
    return kind == known


def _text(kind):
    return ", ".join(map(str, kind)) if isinstance(kind, list) else kind


def shown(path):
    """Return a path as the user would write it: relative where it is below the working directory."""
    path = Path(path).absolute()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def read_yaml(path):
    """Return (what a YAML file says, sentences on keys that it gives twice and numbers that it misreads).

    Raises InputError, with the line, if it is missing or no YAML of keys.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
        _check_ends(node, path)
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
    return content, [f"{shown(path)}, {fault}" for fault in (*_twice(node), *_misread(node))]


def _check_ends(node, path, around=()):
    """Raise InputError if an alias (*name) leads to what it is in, which has no end."""
    if node in around:
        raise InputError(
            f"{shown(path)}, line {node.start_mark.line + 1}: an alias (*name) is in what it repeats, which "
            "has no end; write out what it should be."
        )
    if isinstance(node, yaml.CollectionNode):
        for part in node.value:
            for each in part if isinstance(part, tuple) else (part,):
                _check_ends(each, path, (*around, node))


def _line(error):
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}" if mark else ""


def _reason(error, text):
    if control := yaml.reader.Reader.NON_PRINTABLE.search(text):
        line = text.count("\n", 0, control.start()) + 1
        return f"it has a control character, {ord(control[0]):#06x}, in line {line}; delete it"
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


def _misread(node, above=""):
    """Yield a sentence for each number below `node` that YAML takes for another than it looks like."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = f"{above}{key.value}"
            # Without a value it is the end of a number with a decimal comma, {penalty: 0,05}.
            if not (isinstance(value, yaml.ScalarNode) and value.value == ""):
                yield from _misread(key, f"{name} ")
            yield from _misread(value, f"{name}.")
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _misread(value, above)
    elif node is not None and node.tag.endswith((":int", ":float")) and not node.style:
        octal = OCTAL.fullmatch(node.value) and node.value.strip("+-0_")
        if octal or ":" in node.value:
            plain = node.value.lstrip("+-0_") if octal else "a plain number"
            yield (
                f"line {node.start_mark.line + 1}: '{above.strip(' .')}' is {node.value}, which YAML takes for "
                f"{yaml.safe_load(node.value)} (to the base of {8 if octal else 60}); write {plain}, or "
                f"'{node.value}' if it is text."
            )


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
