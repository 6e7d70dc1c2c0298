"""Which number a class has: its place among the folders, or the output of a network that knows more."""

import json
from pathlib import Path

from idbias.errors import InputError


def read_class_index(given, classes=None):
    """Return the names of all classes of a network, in the order of its outputs.

    given: class name -> number, or a file: .json of number -> name, number -> [id, name] (as of
        torchvision and Keras), name -> number or a list of names; or a text file of a name a line.
    classes: how many outputs the network has; None: one more than the greatest number.
    Numbers without a name are called "output 7"; several may have one name, which no folder may have then.
    Raises InputError if two classes share a number.
    """
    where = "class_index" if isinstance(given, dict) else f"{given}"
    numbers = list(given.items()) if isinstance(given, dict) else _from_file(Path(given))
    total = classes or max((number for _, number in numbers), default=-1) + 1
    names = {}
    for name, number in numbers:
        if not 0 <= number < total:
            raise InputError(
                f"{where}: class {name} has the number {number}, but {total} classes have 0 to {total - 1}; "
                "correct it, or `classes`."
            )
        if number in names:
            raise InputError(
                f"{where}: {names[number]} and {name} both have the number {number}; give each its own."
            )
        names[number] = str(name)
    return [names.get(number, f"output {number}") for number in range(total)]


def _from_file(path):
    """Return the pairs (name, number) of a file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix != ".json":
            lines = map(str.strip, text.splitlines())
            return [(name, number) for number, name in enumerate(lines) if name]
        loaded = json.loads(text)
        if isinstance(loaded, list):
            return [(str(name), number) for number, name in enumerate(loaded)]
        if all(isinstance(number, int) for number in loaded.values()):
            return list(loaded.items())
        return [
            (str(name[0] if isinstance(name, list) else name), int(number))
            for number, name in loaded.items()
        ]
    except (OSError, ValueError, AttributeError, IndexError, UnicodeError) as error:
        raise InputError(
            f"{path} cannot be read as an index of classes ({error}); give a JSON file of number -> name, or "
            "a text file with a name a line, in the order of the network's outputs."
        ) from None


def numbered(path, folders, index):
    """Return (names of all classes, name -> number) for the classes `folders` (their names).

    index: names in the order of a network's outputs, or None: `folders` in alphabetical order, as
    torchvision's ImageFolder. Raises InputError if a folder is not in the index.
    """
    folders = sorted(folders)
    if index is None:
        if len(folders) < 2:
            raise InputError(
                f"{path} has one class, {folders[0]}; a classifier needs at least two, or give class_index, "
                "the number that it has among the classes of your network."
            )
        return folders, {name: number for number, name in enumerate(folders)}
    place = {name: number for number, name in enumerate(index)}
    unknown = [name for name in folders if name not in place]
    if unknown:
        raise InputError(
            f"{path}: class_index has no class {unknown[0]!r} ({len(unknown)} of {len(folders)} folders are not "
            "in it); call the folders as it does, or add them."
        )
    for name in folders:
        if index.count(name) > 1:
            numbers = [str(number) for number, known in enumerate(index) if known == name]
            raise InputError(
                f"{path}: class_index calls several classes {name!r} (numbers {', '.join(numbers)}), so which one "
                "the folder of that name is cannot be known; give a map of folder names to numbers."
            )
    return list(index), {name: place[name] for name in folders}
