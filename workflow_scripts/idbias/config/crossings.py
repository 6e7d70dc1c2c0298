"""Trainings that are crossed: own attacks against others' on the same images, and the files of it."""

from dataclasses import dataclass

from idbias.config import layout
from idbias.errors import InputError

# Trainings below which the jackknife over them leaves too few.
LEAST = 3
# Of classifiers that are no seeds of one: what their group is called in paths.
CLASSIFIERS = "classifiers"


@dataclass(frozen=True)
class Crossing:
    """One attack on a group of trainings of equal standing.

    experiment: config.experiments.Experiment; trainings: the group's name, that of the classifier whose
    seeds they are, or CLASSIFIERS; classifiers: the names of its arms.
    """

    experiment: object
    trainings: str
    classifiers: tuple[str, ...]
    attack: str

    @property
    def folder(self):
        """Its folder below results/, or below results/figures/."""
        return layout.OF_CROSSING.format(**self._names)

    @property
    def products(self):
        """The file of products between the trainings' vectors."""
        return layout.CROSSED_PRODUCTS.format(**self._names)

    @property
    def _names(self):
        names = {"trainings": self.trainings, "attack": self.attack}
        return {"experiment": self.experiment.name, **names}

    @property
    def inputs(self):
        """The files it is made of: kind -> file of each training, in the order of `classifiers`."""
        experiment, attack = self.experiment, self.attack
        stages = {"essential": layout.ESSENTIAL, "attacked": layout.ATTACK.format(attack=attack)}
        if experiment.analysed("masks"):
            stages["adversarial_masks"] = layout.ADVERSARIAL.format(attack=attack)
        for control in ("noise", "clean_image"):
            if control in experiment.controls:
                stages[control] = layout.CONTROL_MASKS.format(attack=attack, control=control)
        return {
            kind: [experiment.whole(name, stage) for name in self.classifiers]
            for kind, stage in stages.items()
        }

    @property
    def masks(self):
        """The files of masks among its inputs."""
        return [path for kind, paths in self.inputs.items() if kind != "attacked" for path in paths]

    @property
    def names(self):
        """The first columns of its rows."""
        several = self.trainings == CLASSIFIERS
        names = self.experiment.names("", self.attack)
        return {**names, "classifier": ", ".join(self.classifiers) if several else self.trainings}

    @property
    def labels(self):
        """What tells its trainings apart: their seeds, or their names."""
        origins = self.experiment.classifier_arm_of
        return [str(origins[name][1]) if name in origins else name for name in self.classifiers]


def crossings_of(experiment):
    """Return each attack on each group of trainings of an experiment, a list of Crossing.

    A classifier's seeds are a group; without seeds all its classifiers are one.
    """
    groups = {}
    for arm in experiment.classifiers:
        own = experiment.classifier_arm_of.get(arm, (arm, None))[0]
        groups.setdefault(own if experiment.has_seeds else CLASSIFIERS, []).append(arm)
    return [
        Crossing(experiment, trainings, tuple(arms), attack)
        for trainings, arms in groups.items()
        for attack in experiment.attacks
    ]


def check_crossings(experiment, here):
    """Raise InputError, with the place `here`, if an experiment's crossed trainings are too few."""
    for crossing in experiment.crossings:
        if len(crossing.classifiers) < LEAST:
            raise InputError(
                f"{here}.analyses has crossed, which needs {LEAST} trainings of equal standing or more, but "
                f"{crossing.names['classifier']} has {len(crossing.classifiers)}: give seeds, such as seeds: "
                "[0, 1, 2, 3, 4] (weights that are used as they are have none), or more classifiers."
            )
