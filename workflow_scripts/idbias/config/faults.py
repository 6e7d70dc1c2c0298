"""Faults of a configuration, collected so that all are said at once."""

import re
from contextlib import contextmanager

from idbias.errors import InputError


class Faults:
    """Sentences, each once, in the order they were found."""

    def __init__(self, sentences=()):
        self.sentences = dict.fromkeys(sentences)

    def add(self, sentence):
        """Add one or several sentences, a line each."""
        self.sentences |= dict.fromkeys(str(sentence).splitlines())

    @contextmanager
    def collected(self):
        """Keep what an InputError raised inside says, and go on after the block."""
        try:
            yield
        except InputError as error:
            self.add(error)

    def drop_echoes(self, keys, after):
        """Take out the sentences from number `after` on that are on `keys`, "section.name".

        Earlier ones said what is wrong there; what follows from it is no fault of its own.
        """
        sentences = list(self.sentences)
        named = [
            rf"(?<![\w.]){re.escape(key)}(?!\w)|'{re.escape(key.split('.')[-1])}'" for key in keys
        ]
        echoes = [
            sentence
            for sentence in sentences[after:]
            if any(re.search(pattern, sentence) for pattern in named)
        ]
        self.sentences = dict.fromkeys(sentence for sentence in sentences if sentence not in echoes)

    def raise_all(self):
        """Raise InputError with all sentences, if there are any."""
        if self.sentences:
            raise InputError("\n".join(self.sentences))
