"""The exceptions that mean: something outside of the code is at fault, and the message says what to do."""

# Set in the environment of jobs whose run's console prints the sentence that their log ends with.
SAID_BY_CONSOLE = "IDBIAS_SAID_BY_CONSOLE"
# Likewise: the user's configuration files, which messages of stages call config.yaml.
CONFIGURATION = "IDBIAS_CONFIGURATION"


class InputError(ValueError):
    """Bad input. Its message is one sentence: what is wrong, where, what is allowed, how to fix it."""


class Unwritable(InputError):
    """A file could not be written: its disk is full or read-only. The message is one sentence."""


def said(error):
    """Return an exception's kind and the first line of its message."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def first_line(error):
    """Return the first line of an exception's message, of one without a message its kind."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def one_line(error):
    """Return what an exception says, without line breaks."""
    return " ".join(str(error).split())


def first_few(names, most=3):
    """Return the first of some names as text, with dots where there are more."""
    return ", ".join(map(str, names[:most])) + (", ..." if len(names) > most else "")
