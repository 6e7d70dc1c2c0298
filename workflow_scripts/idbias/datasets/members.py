"""Reading the files in a tar or zip archive, or below a folder, without ever unpacking one."""

import re
import stat
import tarfile
import zipfile
from contextlib import contextmanager
from pathlib import Path

from idbias.errors import InputError


def names(path):
    """Return the names of the files in an archive or below a folder, with "/" between the parts.

    A folder's come sorted, an archive's in its own order. Raises InputError if `path` is missing,
    truncated or damaged, or if an archive has a member that leads out of it.
    """
    return list(dict.fromkeys(name for name, _ in walk(path)))


def contents(path, wanted=None):
    """Yield (name, bytes) for the files of an archive or folder, as `names` orders them.

    wanted: a container of the names to read; the others are passed over.
    """
    for name, read in walk(path):
        if wanted is None or name in wanted:
            with explained(path, name):
                content = read()
            yield name, content


def walk(path):
    """Yield (name, function that reads it now) for each file."""
    path = Path(path)
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.is_file():
                yield file.relative_to(path).as_posix(), file.read_bytes
    elif not path.is_file():
        raise InputError(f"{path} does not exist; give an existing archive or folder.")
    else:
        with explained(path):
            is_zip = zipfile.is_zipfile(path)
        yield from walk_zip(path) if is_zip else walk_tar(path)


def walk_zip(path):
    with explained(path):
        archive = zipfile.ZipFile(path)
    with archive:
        for member in archive.infolist():
            if not member.is_dir():
                linked = stat.S_ISLNK(member.external_attr >> 16)
                name = safe_name(path, member.filename, linked)
                yield name, lambda member=member: archive.read(member)


def walk_tar(path):
    with explained(path):
        archive = tarfile.open(path)  # noqa: SIM115
    with archive:
        while True:
            with explained(path):
                member = archive.next()
            if member is None:
                break
            if not member.isdir():
                name = safe_name(path, member.name, not member.isfile())
                yield name, lambda member=member: archive.extractfile(member).read()
            archive.members = []  # or a million members stay in memory
        # Cut or damaged between two members, a tar reads like a whole one but for its end mark; and
        # a gzip's checksum is compared only by reading to its end.
        with explained(path):
            archive.fileobj.seek(archive.offset)
            if archive.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
                raise EOFError("it stops before its end mark")
            while archive.fileobj.read(1 << 20):
                pass


def safe_name(path, name, linked):
    """Return a member's name without a leading "./"; raise InputError if it leads out."""
    parts = name.removeprefix("./").split("/")
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
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{path}{member} is truncated or damaged ({text}); get the file again."
        ) from None
