"""Progress with rate and remaining time: a bar on a terminal, plain lines in a log file."""

import sys

from tqdm import tqdm


class _Lines(tqdm):
    """A tqdm that ends each update with a newline, because a log file cannot move its cursor back."""

    @staticmethod
    def status_printer(file):
        def print_status(text):
            if text.strip():
                file.write(text.strip() + "\n")
                file.flush()

        return print_status


def progress(iterable=None, *, total=None, initial=0, unit="it", label="", file=None):
    """Wrap `iterable`, or count up to `total` by `.update(n)`, and show rate and time left.

    On a terminal this is tqdm's bar, redrawn in place. Elsewhere (a log file) it writes one ASCII
    line at most every ten seconds, and one at the end, without control characters.
    `initial` counts what an earlier, interrupted run had finished.
    Returns the tqdm object: iterate it, or use it as a context manager and call `update`.
    """
    file = file if file is not None else sys.stderr
    common = {
        "total": total, "initial": initial, "unit": unit, "desc": label or None, "file": file,
    }  # fmt: skip
    if file.isatty():
        return tqdm(iterable, dynamic_ncols=True, **common)
    return _Lines(iterable, mininterval=10, maxinterval=10, ascii=True, ncols=100, **common)
