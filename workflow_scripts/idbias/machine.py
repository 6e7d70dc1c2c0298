"""The machine that a job runs on: folders nobody else writes in, its processor, packages in the way."""

import atexit
import ctypes
import importlib.machinery
import os
import platform
import shutil
import site
import stat
import tempfile
from pathlib import Path

# Packages that decide numbers.
PINNED = ("numpy", "scipy", "torch", "h5py", "foolbox", "dadapy", "numba", "sklearn", "pandas")

# mallopt's options (glibc, malloc.h) -> values: M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX, M_ARENA_MAX.
GLIBC = {-1: -1, -2: 64 * 2**20, -4: 0, -8: 1}


def private_folders(*candidates):
    """Yield those of `candidates` (paths) that only this user can write in, then a new one of that kind.

    A folder that is missing is made. It must be a folder and no link, this user's, of mode 0700 (which it is
    given if nobody else could write in it before), and so that no other user could put another in its place:
    the folders above it are this user's or root's, and who else may write in them may not rename (the
    sticky bit of /tmp). The new one lies in the folder of temporary files and goes when the process ends.
    """
    for candidate in candidates:
        try:
            # Of what is above it, where links lead: a link may be made to lead elsewhere later.
            folder = Path(candidate).parent.resolve() / Path(candidate).name
            _make(folder)
            if _private(folder):
                yield folder
        except OSError:
            continue
    fresh = Path(tempfile.mkdtemp(prefix="idbias-"))
    atexit.register(shutil.rmtree, fresh, ignore_errors=True)
    yield fresh


def own_file(path):
    """Return whether `path` is a file, no link, of this user, and nobody else may write to it."""
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return (
        stat.S_ISREG(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022
    )


def _make(folder):
    for path in (*reversed(folder.parents), folder):
        if not os.path.lexists(path):
            path.mkdir(mode=0o700, exist_ok=True)


def _private(folder):
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o022:
        return False
    for above in folder.parents:
        mode = os.lstat(above)
        kept = mode.st_mode & stat.S_ISVTX or not mode.st_mode & 0o022
        if mode.st_uid not in (0, os.getuid()) or not kept:
            return False
    if status.st_mode & 0o077:
        folder.chmod(0o700)
    return True


def keep_freed_memory():
    """Let glibc reuse what large arrays leave behind, where each would come from the system page by page.

    With images of 224 pixels that took a third of a job's time (benchmarks/RESULTS.md, "Freed memory"). One
    arena for all threads, no mapping of its own for a large array, nothing given back. Elsewhere nothing is done.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, value in GLIBC.items():
            mallopt(option, value)


def made_by(device, engine=None):
    """Return what a file says of what made it: device ("cpu", "cuda"), processor (its name), engine."""
    made = {"device": device, "processor": processor(device)}
    return made if engine is None else {"engine": engine, **made}


def processor(device):
    """Return the name of the GPU that this process uses, or of the machine's processor."""
    if device != "cpu":
        import torch

        if torch.cuda.is_available():
            return torch.cuda.get_device_name()
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        text = ""
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.processor() or platform.machine()


def out_of_memory(error):
    """Return whether an exception, of Python, torch or CUDA, says that memory ran out, on a CPU or a GPU."""
    told = str(error).lower()
    known = ("out of memory", "not enough memory", "t allocate memory", "alloc_failed")
    return isinstance(error, MemoryError) or any(words in told for words in known)


def in_the_way():
    """Return a warning, one sentence, about packages that come from outside the installed environment, or None.

    PYTHONPATH and the user's own site-packages come before it, or hide what it lacks.
    """
    outside = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    if site.ENABLE_USER_SITE:
        outside.append(site.getusersitepackages())
    outside = [os.path.realpath(path) + os.sep for path in outside]
    shadowed = []
    for name in PINNED:
        spec = importlib.machinery.PathFinder.find_spec(name)
        origin = os.path.realpath(spec.origin) if spec and spec.origin else ""
        if any(origin.startswith(path) for path in outside):
            shadowed.append(f"{name} ({os.path.dirname(os.path.dirname(origin))})")
    if not shadowed:
        return None
    return (
        f"warning: not from the environment of this workflow, but from PYTHONPATH or ~/.local: "
        f"{', '.join(shadowed)}; their versions are not those that were tested: unset PYTHONPATH, "
        "export PYTHONNOUSERSITE=1."
    )
