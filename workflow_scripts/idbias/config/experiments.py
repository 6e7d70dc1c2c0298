"""A resolved experiment: its settings, and what the rules ask of it. Imports nothing heavy.

`idbias.config.checking.check` makes one `Experiment` of each block under `experiment_blocks`.
"""

from dataclasses import dataclass, field
from functools import cached_property

from idbias.classifiers.networks.by_name import NETWORKS
from idbias.config import layout, schema, schema_entries
from idbias.config.arms import CONTROLS
from idbias.config.comparisons import Comparison
from idbias.config.counts import files_named, known_images, shards
from idbias.config.crossings import crossings_of
from idbias.config.downloads import downloads, local_path, weights_name
from idbias.config.kept_shards import kept
from idbias.config.kernels import kernels_of, zoo_models
from idbias.own_code import own_file


@dataclass(frozen=True)
class Experiment:
    """One experiment with every setting that holds for it.

    family: the block it comes from, whose name it has unless that block names several datasets.
    classifiers, attacks: only those that it uses, by name, in the order it names them, an entry for
    each arm (config.arms); classifier_arm_of, attack_arm_of: what an arm is of.
    images_key: that which says how many images. controls: names of CONTROLS. extra_classifiers: further
    classifiers, whose essential masks controls take in the place of a classifier's own; substitutes:
    (control, classifier) -> which.
    """

    name: str
    family: str
    dataset_name: str
    dataset: schema_entries.Dataset
    classifiers: dict[str, schema_entries.Classifier]
    attacks: dict[str, schema.Attack]
    analyses: list[str]
    masks: schema.Masks
    class_maps: schema.ClassMaps
    correlation: schema.Correlation
    crossed: schema.Crossed
    execution: schema.Execution
    seed: int
    first_image: int = 0
    images_key: str = ""
    classifier_arm_of: dict[str, tuple[str, int]] = field(default_factory=dict)
    attack_arm_of: dict[str, str] = field(default_factory=dict)
    controls: list[str] = field(default_factory=list)
    extra_classifiers: dict[str, schema_entries.Classifier] = field(default_factory=dict)
    training_seeds: dict[str, int] = field(default_factory=dict)
    substitutes: dict[tuple[str, str], str] = field(default_factory=dict)

    # ---- What it asks for

    def analysed(self, analysis):
        """Return whether it has images and asks for this of its `analyses`."""
        return bool(self.classifiers) and analysis in self.analyses

    @property
    def writes_dataset(self):
        """Whether a dataset file is written: the user's arrays are read where they lie."""
        return self.dataset.source != "arrays"

    @cached_property
    def comparisons(self):
        """Each two sets that are tested, as Comparison."""
        if not self.classifiers:
            return [Comparison(self)]
        if not self.analysed("masks"):
            return []
        return self.attack_comparisons

    @cached_property
    def control_comparisons(self):
        """Each control of each of `comparisons`, as Comparison."""
        if not self.analysed("masks"):
            return []
        return [
            Comparison(self, comparison.classifier, comparison.attack, control)
            for comparison in self.attack_comparisons
            for control in self.controls
            if CONTROLS[control] == "adversarial"
            or control == "spectrum"
            or (control, comparison.classifier) in self.substitutes
        ]

    @cached_property
    def crossings(self):
        """Each attack on each group of trainings that are crossed, as crossings.Crossing."""
        return crossings_of(self) if self.analysed("crossed") else []

    @property
    def has_seeds(self):
        """Whether a classifier is trained from several seeds."""
        return bool(self.classifier_arm_of)

    @property
    def with_epsilons(self):
        """Those of `comparisons` whose attack has several epsilons."""
        return [
            comparison for comparison in self.comparisons if comparison.attack in self.attack_arm_of
        ]

    @cached_property
    def trained(self):
        """Every classifier that is made, name -> schema_entries.Classifier: its own and those of controls."""
        return {**self.extra_classifiers, **self.classifiers}

    @cached_property
    def attack_comparisons(self):
        """Each attack on each classifier, as Comparison, tested or not."""
        return [
            Comparison(self, classifier, attack)
            for classifier in self.classifiers
            for attack in self.attacks
        ]

    def paths(self, pattern):
        """Return `pattern` with {experiment}, and each {classifier} and {attack}, filled in."""
        classifiers = self.classifiers if "{classifier}" in pattern else [""]
        attacks = self.attacks if "{attack}" in pattern else [""]
        return [
            pattern.format(experiment=self.name, classifier=classifier, attack=attack)
            for classifier in classifiers
            for attack in attacks
        ]

    def names(self, classifier="", attack=""):
        """Return the first columns of a row: experiment, dataset, classifier, attack.

        Also the seed of a classifier that is trained from several, and the epsilon of an attack that
        has several.
        """
        names = {"experiment": self.name, "dataset": self.dataset_name}
        if classifier in self.classifier_arm_of:
            name, seed = self.classifier_arm_of[classifier]
            names |= {"classifier": name, "seed": seed}
        else:
            names["classifier"] = classifier
        names["attack"] = self.attack_arm_of.get(attack, attack)
        if attack in self.attack_arm_of:
            names["epsilon"] = self.attacks[attack].epsilon
        return names

    # ---- How its work is cut up

    @cached_property
    def images(self):
        """How many images are attacked and get masks."""
        return self.dataset.images or known_images(self.dataset) - self.first_image

    @property
    def classes(self):
        """How many classes its images have."""
        return self.dataset.class_count

    @cached_property
    def image_shards(self):
        """Names of the shards of its images; those that are finished stay as they are."""
        size, finished = self.execution.images_per_shard, kept(self.name)
        return shards(self.images, size, self.first_image, finished)

    @property
    def shuffle_shards(self):
        """Names of the shards of its shuffles."""
        return shards(self.correlation.shuffles, self.execution.shuffles_per_shard)

    # ---- Files it reads

    def strata_files(self, shuffles):
        """Return what the shuffles in this folder need besides the pairs: the images, or nothing."""
        spectrum = self.correlation.within(shuffles) == "spectrum"
        return self.paths(layout.DATASET) if spectrum else []

    @property
    def dataset_files(self):
        """Files the dataset is read from: the user's own, or those that are downloaded."""
        if self.dataset.path:
            return [local_path(path) for path in self.dataset.paths]
        return [f"resources/{self.dataset.source}/{name}" for name in downloads(self.dataset)]

    def weights_files(self, classifier):
        """Return the checkpoint a classifier starts from, as a list of one file or of none."""
        weights = self.trained[classifier].weights
        if not weights:
            return []
        if weights.path:
            return [local_path(weights.path)]
        return [f"resources/weights/{weights_name(weights)}"]

    def training_seed(self, classifier):
        """Return the seed that a classifier is trained from."""
        return self.training_seeds.get(classifier, self.seed)

    def whole(self, classifier, stage):
        """Return the file of all images of a stage (layout.STAGES): its only shard, or what joins them."""
        first, *more = self.image_shards
        pattern = layout.WHOLE if more else layout.SHARD
        return pattern.format(experiment=self.name, classifier=classifier, stage=stage, shard=first)

    def attack_file(self, classifier, attack):
        """Return the file of an attack on all images."""
        return self.whole(classifier, layout.ATTACK.format(attack=attack))

    def made_elsewhere(self, attack):
        """Return the checked images of an attack made elsewhere, as a list of one file or of none."""
        if self.attacks[attack].attack != "file":
            return []
        return [layout.MADE_ELSEWHERE.format(experiment=self.name, attack=attack)]

    def masks_files(self, classifier, attack):
        """Return both kinds of masks of an attack, kind -> file; empty if it trains no masks."""
        if not self.analysed("masks"):
            return {}
        adversarial = layout.ADVERSARIAL.format(attack=attack)
        return {
            "essential": self.whole(classifier, layout.ESSENTIAL),
            "adversarial": self.whole(classifier, adversarial),
        }

    def files_of(self, classifier, attack):
        """Return the file of an attack and those of `masks_files`, kind -> file."""
        return {
            "attack": self.attack_file(classifier, attack),
            **self.masks_files(classifier, attack),
        }

    def all_masks(self, classifier):
        """Return the files of its essential masks and of the adversarial ones of each attack."""
        by_attack = [self.masks_files(classifier, attack) for attack in self.attacks]
        return [by_attack[0]["essential"], *(masks["adversarial"] for masks in by_attack)]

    @property
    def arrays(self):
        """The two sets of an experiment without classifiers, named as correlation.arrays reads them."""
        if self.dataset.source == "spiral":
            (file,) = self.paths(layout.DATASET)
            return {"first": f"{file}:/first", "second": f"{file}:/second"}
        return {
            "first": self.dataset.first,
            "second": self.dataset.second,
            "labels": self.dataset.labels,
        }

    @property
    def array_files(self):
        """The files of `arrays`, without what names an array inside them."""
        return files_named(self.arrays.values())

    def network_module(self, classifier):
        """Return the file a classifier's network is in, below idbias/ or the user's own, or None."""
        network = self.trained[classifier].network
        if network.startswith("timm:"):
            return "classifiers/networks/timm_models.py"
        if ":" in network:
            return own_file(network)
        return f"classifiers/networks/{NETWORKS[network][0]}.py"

    def attack_module(self, attack):
        """Return the user's file that an attack is in, or None."""
        name = self.attacks[attack].attack
        return own_file(name) if ":" in name else None

    # ---- Kernels (paper 2)

    @cached_property
    def kernels(self):
        """Convolutional models of the zoo: classifier -> (family, side of the kernel, training seed)."""
        return kernels_of(self.classifiers, self.classifier_arm_of, self.training_seed)

    @property
    def zoo_models(self):
        """Models of the zoo among its classifiers: name -> arguments of zoo."""
        return zoo_models(self.classifiers)

    @property
    def has_both_kernels(self):
        """Whether it has a local and a full convolution that differ only in the kernel."""
        local = {family for family, side, _ in self.kernels.values() if side}
        return any(not side and family in local for family, side, _ in self.kernels.values())


def within_experiment(names):
    """Return those of a row's first columns `names` that tell figures of one experiment apart.

    As text: numbers, a seed or an epsilon, follow the name of their column.
    """
    return {
        key: value if isinstance(value, str) else f"{key} {value:g}"
        for key, value in names.items()
        if value != "" and key != "experiment"
    }
