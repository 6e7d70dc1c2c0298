"""Reading the files in a tar or zip archive, or below a folder, without ever unpacking one."""

import gzip
import os
import re
import stat
import tarfile
import zipfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from idbias.errors import InputError, first_line


def names(path):
    """Return the names of the files in an archive or below a folder, with "/" between the parts.

    A folder's come sorted, an archive's in its own order. Raises InputError if `path` is missing,
    truncated or damaged, or if an archive has a member that leads out of it.
    """
    return listing(path)[0]


def listing(path):
    """Return (names of the files, names of the folders that are listed), as `names` does."""
    members = list(walk(path))
    parts = [
        [name for name, read in members if (read is None) == folder] for folder in (False, True)
    ]
    return [list(dict.fromkeys(part)) for part in parts]


def contents(path, wanted=None):
    """Yield (name, bytes) for the files of an archive or folder, as `names` orders them.

    wanted: name -> whether to read it; the others are passed over.
    """
    for name, read in walk(path):
        if read is not None and (wanted is None or wanted(name)):
            with explained(path, name):
                content = read()
            yield name, content


def walk(path):
    """Yield (name, function that reads it now) for each file, (name, None) for each folder."""
    path = Path(path)
    if path.is_dir():
        for file in sorted(below(path)):
            name = file.relative_to(path).as_posix()
            yield name, None if file.is_dir() else file.read_bytes
    elif not path.is_file():
        raise InputError(f"{path} does not exist; give an existing archive or folder.")
    else:
        with explained(path):
            is_zip = zipfile.is_zipfile(path)
        yield from walk_zip(path) if is_zip else walk_tar(path)


def below(path):
    """Return what lies below a folder, also behind links to folders; never one folder within itself."""
    paths = []

    def stop(error):
        raise InputError(
            f"{error.filename} cannot be read ({error.strerror}); give yourself the right to."
        )

    for folder, folders, files in os.walk(path, followlinks=True, onerror=stop):
        around = {os.path.realpath(parent) for parent in (folder, *Path(folder).parents)}
        folders[:] = [
            name for name in folders if os.path.realpath(f"{folder}/{name}") not in around
        ]
        for name in files:
            if os.path.islink(f"{folder}/{name}") and not os.path.exists(f"{folder}/{name}"):
                raise InputError(
                    f"{folder}/{name} is a link to what does not exist; fix or remove the link."
                )
        paths += [Path(folder, name) for name in (*folders, *files)]
    return [path for path in paths if path.is_dir() or path.is_file()]


def walk_zip(path):
    with explained(path):
        archive = zipfile.ZipFile(path)
    with archive:
        for member in archive.infolist():
            linked = stat.S_ISLNK(member.external_attr >> 16)
            name = safe_name(path, member.filename, linked)
            yield name.rstrip("/"), None if member.is_dir() else partial(archive.read, member)


def walk_tar(path):
    with explained(path):
        archive = tarfile.open(path)  # noqa: SIM115
    with archive:
        while True:
            with explained(path):
                member = archive.next()
            if member is None:
                break
            name = safe_name(path, member.name, not (member.isfile() or member.isdir()))
            yield name, None if member.isdir() else partial(extracted, archive, member)
            archive.members = []  # or a million members stay in memory
        # Cut or damaged between two members, a tar reads like a whole one but for its end mark; and
        # a gzip's checksum is compared only by reading to its end.
        with explained(path):
            archive.fileobj.seek(archive.offset)
            if archive.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
                raise EOFError("it stops before its end mark")
            while archive.fileobj.read(1 << 20):
                pass


def extracted(archive, member):
    """Return the content of a member of a tar."""
    return archive.extractfile(member).read()


def safe_name(path, name, linked):
    """Return a member's name without a leading "./"; raise InputError if it leads out."""
    parts = name.removeprefix("./").split("/")
    parts = ["."] if name in (".", "./") else parts
    if linked or ".." in parts or parts[0] == "" or "\\" in name or re.match("[A-Za-z]:", name):
        what = "a link or device" if linked else "a path that leads out of the archive"
        raise InputError(
            f"{path}: its member {name!r} is {what}; such an archive is not read: get it from a "
            "source you trust, or pack it again with plain files and relative names."
        )
    return "/".join(parts)


@contextmanager
def explained(path, name=None):
    """Turn what a reader raises on a damaged file into an InputError naming file and member."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # tarfile, zipfile, gzip, lzma and zlib each raise their own
        member = f" (member {name!r})" if name else ""
        if isinstance(error, OSError) and error.errno and not isinstance(error, gzip.BadGzipFile):
            # The system's word, not the file's: nothing is known to be wrong with it.
            raise InputError(
                f"{path}{member} cannot be read ({error.strerror}); fix that and run again."
            ) from None
        raise InputError(
            f"{path}{member} is truncated or damaged ({first_line(error)}); get the file again."
        ) from None
