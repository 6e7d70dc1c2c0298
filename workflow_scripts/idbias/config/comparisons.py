"""Two sets that are tested for dependence, and the files of it."""

from dataclasses import dataclass

from idbias.config import layout
from idbias.config.arms import CONTROLS


@dataclass(frozen=True)
class Comparison:
    """Two sets that are tested: of one attack, of a control of it, or of two arrays.

    experiment: config.experiments.Experiment; control: one of CONTROLS, or "" for the attack's own
    masks.
    """

    experiment: object
    classifier: str = ""
    attack: str = ""
    control: str = ""

    @property
    def folder(self):
        """Its folder below results/."""
        of_attack = layout.OF_CONTROL if self.control else layout.OF_ATTACK
        pattern = of_attack if self.classifier else layout.OF_ARRAYS
        return pattern.format(
            experiment=self.experiment.name, classifier=self.classifier, attack=self.attack,
            control=self.control,
        )  # fmt: skip

    @property
    def row(self):
        """The file of its row."""
        return layout.ROW.format(comparison=self.folder)

    @property
    def contrast(self):
        """The file of the attack's row minus this control's."""
        return layout.CONTRAST.format(comparison=self.folder)

    @property
    def attack_comparison(self):
        """The attack's own comparison that a control stands beside."""
        return Comparison(self.experiment, self.classifier, self.attack)

    @property
    def mask_sets(self):
        """The files of the masks it pairs, essential -> file and adversarial -> file."""
        own = self.experiment.masks_files(self.classifier, self.attack)
        if CONTROLS[self.control] == "adversarial":
            stage = layout.CONTROL_MASKS.format(attack=self.attack, control=self.control)
            return {**own, "adversarial": self.experiment.whole(self.classifier, stage)}
        other = self.experiment.substitutes[self.control, self.classifier]
        return {**own, "essential": self.experiment.masks_files(other, self.attack)["essential"]}

    @property
    def predictions(self):
        """The file of its classifier's predictions."""
        return layout.PREDICTIONS.format(
            experiment=self.experiment.name, classifier=self.classifier
        )

    @property
    def attack_file(self):
        """The file of its attack."""
        return self.experiment.attack_file(self.classifier, self.attack)

    @property
    def names(self):
        """The first columns of its row."""
        names = self.experiment.names(self.classifier, self.attack)
        return {**names, "control": self.control} if self.control else names

    @property
    def attack_names(self):
        """The first columns of its attack's row."""
        epsilon = self.experiment.attacks[self.attack].epsilon
        return {**self.names, "epsilon": epsilon, "images": self.experiment.images}


def by_folder(experiments):
    """Return folder -> Comparison, for all comparisons of `experiments`, controls among them."""
    return {
        comparison.folder: comparison
        for experiment in experiments
        for comparison in [*experiment.comparisons, *experiment.control_comparisons]
    }
