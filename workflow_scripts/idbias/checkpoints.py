"""Saving the state of long work so that a kill loses little, and leaving when asked to."""

import errno
import hashlib
import io
import json
import os
import signal
import sys
import threading
import time
import zipfile
from contextlib import contextmanager
from pathlib import Path

import torch

from idbias.errors import InputError, Unwritable
from idbias.machine import out_of_memory
from idbias.whole_files import replacing, system_number


def fingerprint(*parts):
    """Return a hash of tensors (their bytes, shapes and types) and of anything JSON can write."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, torch.Tensor):
            part = part.detach().cpu().resolve_conj().resolve_neg().contiguous()
            digest.update(f"{tuple(part.shape)} {part.dtype}".encode())
            digest.update(part.reshape(-1).view(torch.uint8).numpy())
        else:
            digest.update(json.dumps(part, sort_keys=True).encode())
    return digest.hexdigest()


def fingerprint_of_network(network):
    """Return a hash of what a network is made of and of its weights, as text."""
    # A module may add what is no tensor (get_extra_state).
    state = [
        part if isinstance(part, torch.Tensor) else repr(part)
        for _, part in sorted(network.state_dict().items())
    ]
    return fingerprint(repr(network), sorted(network.state_dict()), *state)


def save(path, key, state):
    """Write `state` (nested dicts of tensors and numbers) so that `path` is never half written.

    Where the disk is full or read-only, or the system refuses for another reason, that is said on stderr and
    the work goes on: it is worth more than a checkpoint of it.
    """
    try:
        # Not straight to the file: there torch hides what the system said.
        buffer = io.BytesIO()
        torch.save({"key": key, "state": state}, buffer)
        # Not by Path.write_bytes: where that fails, its own view of the buffer is left to the garbage
        # collector, which crashes on it in Python 3.12.
        with replacing(path) as temporary, open(temporary, "wb") as file:
            file.write(buffer.getbuffer())
    except (Unwritable, OSError, MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not out_of_memory(error):
            raise
        said = error if isinstance(error, Unwritable) else f"{path}: {error or 'out of memory'}"
        print(f"No checkpoint now, the work goes on without: {said}", file=sys.stderr)


def load(path, key):
    """Return the state saved at `path` under the same key, or None, with a line on stderr why.

    Raises InputError where the system refuses to read it: it may be whole, and hours of work in it.
    """
    try:
        content = Path(path).read_bytes()
        # torch does not check the zip's own checksums.
        if zipfile.ZipFile(io.BytesIO(content)).testzip() is not None:
            raise ValueError("a checksum in it is wrong")
        saved = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        if saved["key"] == key:
            return saved["state"]
        reason = "is of other settings, data or weights"
    except FileNotFoundError:
        return None
    except Exception as error:  # whatever a damaged file makes torch raise
        number = system_number(error)
        if number or out_of_memory(error):
            said = os.strerror(number or errno.ENOMEM)
            raise InputError(
                f"the checkpoint {path} cannot be read now ({said}) and may well be whole: fix that and run "
                "again; delete it only to start afresh."
            ) from None
        reason = f"cannot be read ({type(error).__name__})"
    print(f"Checkpoint {path} {reason}: it is ignored, the work starts afresh.", file=sys.stderr)
    return None


@contextmanager
def saving(path, key, state, seconds):
    """Yield a `Saving` of the work in the block: every `seconds`, and when SIGTERM comes.

    path: of the checkpoint, None for none; key: what `load` asks for; state: called for what `save` takes.
    """
    with terminated() as event:
        yield Saving(path, key, state, seconds, event)


class Saving:
    """When a long work's state is to be saved; the arguments of `saving` and an Event that ends the work."""

    def __init__(self, path, key, state, seconds, terminated):
        self.path, self.key, self.state, self.terminated = path, key, state, terminated
        self.seconds = seconds if path else float("inf")
        self.at = time.monotonic() + self.seconds

    def due(self):
        """Return whether the work should stop for a moment and call `save`."""
        return self.terminated.is_set() or time.monotonic() >= self.at

    def save(self):
        """Save the state; raise SystemExit(143) where SIGTERM came."""
        if self.path:
            save(self.path, self.key, self.state())
        self.at = time.monotonic() + self.seconds
        if self.terminated.is_set():
            raise SystemExit(143)


@contextmanager
def terminated():
    """Yield a threading.Event that SIGTERM sets; Slurm sends it at time limit and preemption.

    In a thread other than the main one, where Python allows no handlers, nothing sets it.
    """
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = signal.signal(signal.SIGTERM, lambda *_: event.set())
    try:
        yield event
    finally:
        signal.signal(signal.SIGTERM, before)
