"""idbias as a package: the test of two sets, classifiers, attacks and masks, without the workflow.

    import idbias
    row = idbias.correlate(a, b)

The functions are those of idbias.api, and are imported when they are asked for: the test needs no torch.
"""

FUNCTIONS = ("attack", "correlate", "load_classifier", "train_masks")


def __getattr__(name):
    if name not in FUNCTIONS:
        raise AttributeError(
            f"module 'idbias' has no attribute {name!r}; it has {', '.join(FUNCTIONS)}."
        )
    import importlib

    return getattr(importlib.import_module("idbias.api"), name)


def __dir__():
    return [*globals(), *FUNCTIONS]
