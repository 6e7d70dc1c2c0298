"""The one exception that means: the input is at fault, and the message says how to mend it."""


class InputError(ValueError):
    """Bad input. Its message is one sentence: what is wrong, where, what is allowed, how to mend it."""
