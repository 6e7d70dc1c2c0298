"""Files that appear under their name only when they are complete. Imports nothing heavy: the Snakefile does."""

import errno
import hashlib
import os
import re
import secrets
import socket
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from idbias.errors import Unwritable

# What only writing meets, and what the reading of another file may as well.
OF_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
OF_EITHER = (errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE, errno.ENAMETOOLONG)
# Bytes of a file's name in that of its temporary file: file systems allow 255, some that encrypt 143.
NAME_BYTES = 80


@contextmanager
def replacing(path):
    """Yield a temporary path beside `path`; move it there, flushed to disk, if the block succeeds.

    If the block raises, the temporary file is removed and `path` stays as it was; those that killed processes
    left are removed as well. Raises Unwritable where the system refuses to write, because the disk is full or
    read-only or for another reason of its own, whatever the block's library made of that.
    """
    path = Path(path)
    begins = path.name.encode()[:NAME_BYTES].decode(errors="ignore")
    # Two clones of the workflow may share a scratch, on nodes where process numbers are the same.
    own = f".{begins}.{_processes()}-{os.getpid()}-{secrets.token_hex(3)}.tmp"
    temporary = path.with_name(own)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent, f".{begins}.{_processes()}-")
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except (OSError, RuntimeError) as error:
        if reason := _unwritable(error, path, temporary):
            raise Unwritable(
                f"{path} cannot be written ({reason}); make room or fix that and run again: what is "
                "finished stays, masks and training go on from their checkpoints."
            ) from None
        raise
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _unwritable(error, path, temporary):
    """Return in words what the system says if an error says that `path` cannot be written, or None."""
    number = system_number(error)
    if number in OF_WRITING:
        return os.strerror(number)
    # A block may read other files, whose names their errors tell.
    named = getattr(error, "filename", None)
    ours = named is None or str(named) == str(temporary) or path.is_relative_to(os.fsdecode(named))
    return (
        os.strerror(number) if isinstance(error, OSError) and number in OF_EITHER and ours else None
    )


@cache
def _processes():
    """Return 6 hexadecimal digits that say among which processes a process number is one: of this machine."""
    names = socket.gethostname()
    with suppress(OSError):  # a container counts its own
        names += os.readlink("/proc/self/ns/pid")
    return hashlib.sha256(names.encode()).hexdigest()[:6]


def _sweep(folder, begins):
    """Remove the temporary files in `folder` whose names begin so and whose processes have ended."""
    with suppress(OSError):
        for name in os.listdir(folder):
            left = re.fullmatch(rf"{re.escape(begins)}(\d+)-\w+\.tmp", name)
            if left and _ended(int(left[1])):
                (folder / name).unlink(missing_ok=True)


def _ended(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass  # it is another's
    return False


def system_number(error):
    """Return the system's error number in an exception or those before it, or None.

    HDF5 gives it as text, and sometimes only in the exception before the last one.
    """
    while error is not None:
        said = re.search(r"errno = (\d+)", str(error))
        number = int(said[1]) if said else getattr(error, "errno", None)
        if number:
            return number
        error = error.__context__
    return None
