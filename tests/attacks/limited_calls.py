"""What tests call with a time limit. Imports nothing heavy: its process starts at once."""

import time


class Answers:
    """Answers with the number of its call; some requests take too long, some fail."""

    def prepare(self):
        self.calls = 0

    def warm_up(self):
        time.sleep(0.3)

    def __call__(self, what):
        self.calls += 1
        if what == "stall":
            time.sleep(1000)
        if what == "fail":
            raise ValueError("as asked")
        return what, self.calls
