"""Two sets that are tested for dependence, and the files of it."""

from dataclasses import dataclass

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
        kind = "controls" if self.control else "correlations"
        parts = (self.experiment.name, self.classifier, kind, self.attack, self.control)
        return "/".join(filter(None, parts))

    @property
    def row(self):
        """The file of its row."""
        return f"results/{self.folder}/row.csv"

    @property
    def contrast(self):
        """The file of the attack's row minus this control's."""
        return f"results/{self.folder}/contrast.csv"

    @property
    def controlled(self):
        """The attack's own comparison that a control stands beside."""
        return Comparison(self.experiment, self.classifier, self.attack)

    @property
    def mask_sets(self):
        """The files of the masks it pairs, essential -> file and adversarial -> file."""
        own = self.experiment.masks_files(self.classifier, self.attack)
        if CONTROLS[self.control] == "adversarial":
            folder = f"results/{self.folder}/masks"
            return {**own, "adversarial": self.experiment.joined(folder)}
        other = self.experiment.stand_ins[self.control, self.classifier]
        return {**own, "essential": self.experiment.masks_files(other, self.attack)["essential"]}

    @property
    def predictions(self):
        """The file of its classifier's predictions."""
        return f"results/{self.experiment.name}/{self.classifier}/predictions.h5"

    @property
    def attacked(self):
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
        pair.folder: pair
        for experiment in experiments
        for pair in [*experiment.comparisons, *experiment.controlled]
    }
