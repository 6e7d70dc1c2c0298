"""What is worth saying as soon as a job has ended: a classifier's accuracy, an attack's success."""

from math import sqrt
from pathlib import Path

# So far below what a checkpoint's authors report, its images are likely prepared in another way.
FAR = 0.03


def accuracy_said(accuracy, images, classes, expected=None):
    """Return what to say of a classifier's test accuracy, warnings included.

    accuracy: share; images: how many were tested; classes: how many there are; expected: the accuracy that
    the checkpoint's authors report, or None.
    """
    said = f"test accuracy {accuracy:.1%}"
    chance = 1 / classes
    if near_chance(accuracy, images, classes):
        said += (
            f". WARNING: that is near chance ({chance:.1%}); look at normalisation, the order of classes and the "
            "weights before masks are trained"
        )
    elif expected is not None and accuracy < expected - FAR:
        said += (
            f". WARNING: its checkpoint is said to have {expected:.1%}; look at normalisation, size and the order "
            "of classes before masks are trained"
        )
    return said


def near_chance(accuracy, images, classes):
    """Return whether an accuracy, a share of `images`, is hardly more than that of guessing among `classes`."""
    chance = 1 / classes
    return accuracy < chance + max(3 * sqrt(chance * (1 - chance) / max(images, 1)), 0.3 * chance)


def success_said(succeeded, attacked, failed=0):
    """Return what to say of an attack's success on `attacked` images, on `failed` of which it gave no answer."""
    if not attacked:
        return "no image to attack"
    said = f"succeeds on {succeeded / attacked:.1%} of {attacked:,} images"
    if failed > attacked / 2:
        said += f". WARNING: it failed on {failed:,} of them; the log of its shards says why"
    elif succeeded < max(0.05 * attacked, 3):
        said += ". WARNING: hardly any adversarial mask will come of it; raise epsilon or its steps"
    return said


def of_classifier(folder, expected=None):
    """Return what to say of the classifier in `folder` (results/EXPERIMENT/CLASSIFIER), or "" without file."""
    import h5py

    path = Path(folder, "predictions.h5")
    if not path.exists():
        return ""
    with h5py.File(path) as file:
        return accuracy_said(
            float(file.attrs["test_accuracy"]),
            len(file["index"]),
            file["logits"].shape[1],
            expected,
        )


def of_attack(folder, shards):
    """Return what to say of the `shards` (names) of an attack in `folder`, or "" without any."""
    import h5py

    counts = []
    for shard in shards:
        with h5py.File(Path(folder, f"{shard}.h5")) as file:
            failed = int(file["failed"][()].sum()) if "failed" in file else 0
            counts.append((int(file["success"][()].sum()), len(file["success"]), failed))
    return success_said(*map(sum, zip(*counts, strict=True))) if counts else ""
