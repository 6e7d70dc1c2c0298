"""Which files below a folder, or in an archive, are the pictures of which class, to train or to test on."""

from collections import Counter

from idbias.datasets.pictures import SUFFIXES, UNREAD
from idbias.errors import InputError
from idbias.streams import generator

# Names of folders, in small letters; of those of TESTS the first that there is.
TRAIN = ("train", "training")
TESTS = ("test", "testing", "val", "valid", "validation")
KNOWN = {*TRAIN, *TESTS}


def is_hidden(name):
    """Tell whether a member is what a file manager or a version control hides."""
    parts = name.split("/")
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)


def is_image(name):
    """Tell whether a member is a picture by its ending, and not hidden."""
    return name.lower().endswith(SUFFIXES) and not is_hidden(name)


def pictures_among(path, names, notes):
    """Return those of `names` that are pictures, and count the others by their endings in `notes`.

    Raises InputError if there are pictures of kinds that are not read.
    """
    unread = [name for name in names if name.lower().endswith(UNREAD) and not is_hidden(name)]
    if unread:
        raise InputError(
            f"{path}: {unread[0]} is of a kind that is not read ({len(unread)} such files); save it as "
            "PNG, TIFF or JPEG, or take it away."
        )
    chosen = [name for name in names if is_image(name)]
    for name in set(names) - set(chosen):
        last = name.rsplit("/", 1)[-1]
        ending = f".{last.rsplit('.', 1)[-1].lower()}" if "." in last else "no ending"
        notes[f"passed over: {'hidden' if is_hidden(name) else ending}"] += 1
    return chosen


def find_splits(path, files, folders=(), notes=None):
    """Return (train, test), dicts from name to class; test is None if there is no split.

    files: names of pictures; folders: those of folders, of which a class without pictures is refused.
    """
    notes = Counter() if notes is None else notes
    inner = {name: name.split("/") for name in files}
    depth = 0  # of the folders around it all
    while inner and len({p[0] for p in inner.values()}) == 1 and min(map(len, inner.values())) > 2:
        if next(iter(inner.values()))[0].lower() in (*TRAIN, *TESTS):
            break
        inner = {name: parts[1:] for name, parts in inner.items()}
        depth += 1
    around = next(iter(files), "").split("/")[:depth]
    folders = [f.split("/")[depth:] for f in folders if f.split("/")[:depth] == around]
    tops = {parts[0] for parts in inner.values()}
    spelt = {}
    for top in sorted(tops | {f[0] for f in folders if f}):
        spelt.setdefault(top.lower(), []).append(top)
    train, test = (_first(names, spelt, tops) for names in (TRAIN, TESTS))
    bare = [f[0] for f in folders if len(f) == 1 and f[0] not in tops and f[0].lower() in KNOWN]
    if bare:
        raise InputError(
            f"{path}: the folder {bare[0]!r} has no images; put images into its class folders, or take it away."
        )
    if train or test:
        return _split_by_folder(path, inner, folders, train, test, notes)
    chosen = {name: parts[0] for name, parts in inner.items()}
    _check_classes(path, inner, chosen, [f[0] for f in folders if len(f) == 1])
    return chosen, None


def _first(names, spelt, tops):
    """Return the folder that stands for a part: the first of `names`, in whatever letters."""
    return next((top for name in names for top in spelt.get(name, []) if top in tops), None)


def _split_by_folder(path, inner, folders, train, test, notes):
    tops = {parts[0] for parts in inner.values()}
    outside = sorted(top for top in tops if top.lower() not in KNOWN)
    if outside:
        raise InputError(
            f"{path} has {outside[0]!r} beside {', '.join(sorted(tops - set(outside)))}; put all images "
            "into train and test, or have class folders only."
        )
    parts = []
    for top in (train, test):
        here = {name: rest[1:] for name, rest in inner.items() if rest[0] == top}
        chosen = {name: rest[0] for name, rest in here.items()}
        classes = [f[1] for f in folders if len(f) == 2 and f[0] == top]
        _check_classes(path, here, chosen, classes)
        parts.append(chosen)
    for other in sorted(tops - {train, test}):
        number = sum(rest[0] == other for rest in inner.values())
        notes[f"passed over: pictures of {other}, beside {train or test} and {test}"] += number
    return parts[0], parts[1] if test else None


def _check_classes(path, inner, chosen, folders):
    """Raise InputError for pictures outside of class folders, and for classes without any."""
    loose = [name for name, parts in inner.items() if len(parts) < 2]
    if loose:
        raise InputError(
            f"{path}: {loose[0]} lies in no class folder; images belong into train/<class>/ and "
            "test/<class>/, or into <class>/."
        )
    empty = sorted(set(folders) - set(chosen.values()))
    empty = [name for name in empty if not is_hidden(name)]
    if empty and chosen:
        raise InputError(
            f"{path}: the folder {empty[0]!r} has no images ({len(empty)} such folders), and as a class "
            "without any it would shift the numbers of those after it; put images into it or take it away."
        )


def split(path, files, test_fraction, seed):
    """Return (train, test) with `test_fraction` of each class in test, drawn by `seed`."""
    random = generator("split of a dataset", seed)
    train, test = {}, {}
    for label in sorted(set(files.values())):
        members = sorted(name for name in files if files[name] == label)
        number = round(test_fraction * len(members))
        if not 0 < number < len(members):
            raise InputError(
                f"{path}: class {label!r} has {len(members)} image{'s' * (len(members) != 1)}, of which a "
                f"test_fraction of {test_fraction} leaves the training or the test set empty; add images or "
                "change test_fraction; for a network that is trained already, put all class folders into a "
                "folder test in it."
            )
        chosen = random.permutation(len(members))
        test |= {members[i]: label for i in chosen[:number]}
        train |= {members[i]: label for i in chosen[number:]}
    return train, test


def shuffled(files, random):
    """Return the dict `files` in an order drawn from the Generator `random`, whatever its order was."""
    files = sorted(files.items())
    return dict(files[i] for i in random.permutation(len(files)))
