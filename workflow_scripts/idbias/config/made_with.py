"""What a file of the results says of itself if it is the one that the configuration asks for.

Snakemake compares settings with those of its own records only. Where it has none (a copied folder, a file put
there by hand) or was told not to look (--touch, --rerun-triggers mtime), a file of other settings would be
taken for this configuration's. So jobs compare what they read with this (idbias.stage).
"""

import re

from idbias.config import layout


def made_with(path, experiments):
    """Return attributes of a file below results/, name -> value, None where it must not have one; {} of others.

    path: of a classifier, its predictions, or a shard or the whole of an attack, of masks or of a control's
    images; experiments: name -> Experiment.
    """
    for pattern, expected in PATTERNS:
        match = pattern.fullmatch(path)
        if match and match["experiment"] in experiments:
            names = match.groupdict()
            return expected(experiments[names["experiment"]], names)
    return {}


def _classifier(experiment, names):
    name = names["classifier"]
    if name not in experiment.trained:
        return {}
    return {
        "classifier": name,
        "settings": experiment.trained[name].settings,
        "seed": experiment.training_seed(name),
    }


def _predictions(_, names):
    return {"classifier": names["classifier"]}


def _attack(experiment, names):
    if names["attack"] not in experiment.attacks:
        return {}
    settings = experiment.attacks[names["attack"]].settings
    return {**_of(names), "control": None, "settings": settings, "seed": experiment.seed}


def _masks(experiment, names):
    of = {"attack": None, "control": None, **_of(names)}
    return {**of, "settings": experiment.masks.model_dump()}


def _control_images(experiment, names):
    return {**_of(names), "seed": experiment.seed}


def _whole(expected):
    """What the file that joins shards says: their settings, and which stage it is of."""

    def of_whole(experiment, names):
        of_shard = expected(experiment, names)
        made = {name: of_shard[name] for name in ("settings", "seed") if name in of_shard}
        return {"classifier": names["classifier"], "stage": names["stage"], **made}

    return of_whole


def _of(names):
    return {name: value for name, value in names.items() if name != "experiment"}


def _pattern(path):
    """Return the regular expression of a path of layout.py, with a group for each of its wildcards."""
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path)))


def _pattern_of_whole(stage):
    path = _pattern(layout.WHOLE.replace("{stage}", stage)).pattern
    return re.compile(
        path.replace(_pattern(stage).pattern, f"(?P<stage>{_pattern(stage).pattern})")
    )


PATTERNS = [
    (_pattern(layout.CLASSIFIER), _classifier),
    (_pattern(layout.PREDICTIONS), _predictions),
    (_pattern(layout.CONTROL_IMAGES), _control_images),
    *(
        pair
        for stage, expected in (
            (layout.ATTACK, _attack),
            (layout.ESSENTIAL, _masks),
            (layout.ADVERSARIAL, _masks),
            (layout.CONTROL_MASKS, _masks),
        )
        for pair in (
            (_pattern(layout.shard_of(stage)), expected),
            (_pattern_of_whole(stage), _whole(expected)),
        )
    ),
]
