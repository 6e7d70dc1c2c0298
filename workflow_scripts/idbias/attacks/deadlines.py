"""Calls that are given a time limit: made in a process that can be ended.

A compiled loop that never returns heeds no signal of Python's; only ending its process ends it.
"""

import ctypes
import os
import pickle
import signal
import subprocess
import sys
import traceback
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from idbias.errors import InputError


def answers(function, requests, seconds):
    """Yield function(*request) for each of `requests`, None for one that took more than `seconds`.

    function: an object that can be pickled; in the process that calls it `function.prepare()` and
        `function.warm_up()` come first, which count towards no limit.
    After a call that was ended the next one is made in a new process, prepared anew.
    Raises InputError if `function` cannot be pickled, or what it raises.
    """
    try:
        pickled = pickle.dumps(function)
    except Exception as error:
        raise InputError(
            "attacks: time_limit hands the classifier to a process of its own, but it cannot be "
            f"pickled ({error}); define its classes and functions at the top level of their module."
        ) from None
    process = None
    try:
        for request in requests:
            process = process or Process(pickled)
            answer, in_time = process.ask(request, seconds)
            if not in_time:
                process.end()
                process = None
            yield answer
    finally:
        if process:
            process.end()


class Process:
    """A process of Python with a pickled function, that answers requests."""

    def __init__(self, pickled):
        self.connection, theirs = Pipe()
        # As in this process, so that modules of the user's own are found.
        paths = os.pathsep.join(filter(None, sys.path))
        log = sys.stderr if _has_descriptor(sys.stderr) else None
        self.process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env={**os.environ, "PYTHONPATH": paths},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        theirs.close()
        self.connection.send_bytes(pickled)
        self._received()

    def ask(self, request, seconds):
        """Return (answer, True), or (None, False) if it takes longer than `seconds`."""
        self.connection.send(request)
        if not self.connection.poll(seconds):
            return None, False
        return self._received(), True

    def end(self):
        """End the process, whatever it is doing."""
        self.process.kill()
        self.process.wait()
        self.connection.close()

    def _received(self):
        try:
            kind, answer = self.connection.recv()
        except EOFError:
            code = self.process.wait()
            if code == -signal.SIGKILL:
                raise InputError(
                    "the process of an attack with a time limit was killed, most likely because memory "
                    "ran out; ask for more, or make execution.images_per_shard smaller."
                ) from None
            raise RuntimeError(
                f"the process of an attack with a time limit ended by itself, with code {code}"
            ) from None
        if kind == "bad input":
            raise InputError(answer)
        if kind == "error":
            raise RuntimeError(f"in the process of an attack with a time limit:\n{answer}")
        return answer


def serve(connection):
    """Answer requests that come by `connection` until it is closed."""
    try:
        function = pickle.loads(connection.recv_bytes())
        function.prepare()
        function.warm_up()
        connection.send(("ready", None))
        while True:
            connection.send(("answer", function(*connection.recv())))
    except EOFError:
        return
    except InputError as error:
        connection.send(("bad input", str(error)))
    except Exception:
        connection.send(("error", traceback.format_exc()))


def _has_descriptor(file):
    try:
        return file.fileno() >= 0
    except (AttributeError, OSError, ValueError):
        return False


if __name__ == "__main__":
    # A loop without end must not outlive the job: Linux ends this process with its parent.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    serve(Connection(int(sys.argv[1])))
