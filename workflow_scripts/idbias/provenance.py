"""Which of the user's files a result was made of, so that another one in its place is noticed.

Snakemake runs a job again if a file it reads is newer than what was made of it. A file that was put in its place
with an older date (mv, cp -p, rsync -a) it takes for the one it was.
"""

import hashlib
import json
import os

from idbias.config.counts import files_named
from idbias.config.downloads import local_path

# Attribute of a result: path -> [bytes, date of change in ns, SHA-256] of each file it was made of, as JSON.
GIVEN = "given"


def described(names):
    """Return what a result is to say of the user's files it is made of, as its attribute GIVEN.

    names: of files, or of arrays in them (x.h5:/first). Folders and what is not there are left out.
    """
    said = {}
    for path in map(local_path, files_named(filter(None, names))):
        if os.path.isfile(path):
            status = os.stat(path)
            said[path] = [status.st_size, status.st_mtime_ns, file_sha256(path)]
    return said


def replaced(result, names):
    """Return the first of the user's files that is another than the one `result` was made of, or None.

    Of those that are newer Snakemake knows by itself. A checksum is taken only where size and date do not tell.
    """
    if not os.path.exists(result):
        return None
    made = os.stat(result).st_mtime
    older = [
        path
        for path in map(local_path, files_named(filter(None, names)))
        if os.path.isfile(path) and os.stat(path).st_mtime <= made
    ]
    if not older:
        return None
    from idbias import hdf5

    with hdf5.open_to_read(result) as file:
        said = json.loads(file.attrs.get(GIVEN, "{}"))
    for path in older:
        if path in said:
            status, (size, date, digest) = os.stat(path), said[path]
            alike = (status.st_size, status.st_mtime_ns) == (size, date)
            if not alike and (status.st_size != size or file_sha256(path) != digest):
                return path
    return None


def file_sha256(path):
    """Return the SHA-256 of a file, as hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
