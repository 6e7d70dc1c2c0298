"""config.yaml: its sections and keys, and what each may hold.

The reference in docs/configuration.md is written from here. Imported by the Snakefile, which every
cluster job parses again: nothing heavy is imported here.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from idbias.config.schema_attacks import Attack
from idbias.config.schema_entries import Classifier, Dataset
from idbias.config.schema_types import AsNumber, Count, ExperimentName, Name, Positive, Section


class MaskTraining(Section):
    """How a mask is trained, of an image or of a class."""

    penalty: Annotated[float, Field(ge=0), AsNumber] = Field(
        description="lambda, the weight of the penalty on what a mask keeps"
    )
    learning_rate: Positive = Field(0.01, description="Adam's learning rate")
    min_steps: Annotated[int, Field(ge=0)] = Field(
        500, description="steps (class_maps: epochs) before the stop is tested"
    )
    max_steps: Count = Field(5000, description="steps at which training ends, converged or not")
    tolerance: Positive = Field(description="stop when |loss - mean of last losses| is below this")
    window: Count = Field(20, description="how many losses that mean takes")

    @model_validator(mode="after")
    def _steps_are_ordered(self):
        if self.min_steps > self.max_steps:
            raise ValueError(
                f"min_steps ({self.min_steps}) must not exceed max_steps ({self.max_steps})"
            )
        return self


class Masks(MaskTraining):
    """Mask training (paper 1, sections 3.1 and 4.5)."""

    penalty: Annotated[float, Field(ge=0), AsNumber] = Field(0.01, description="weight of sum(M)")
    tolerance: Positive = Field(
        1e-5, description="stop when |loss - mean of last losses| is below this"
    )
    spectrum: Literal["half", "full"] = Field(
        "half", description="half: only the rfft half is trained; the same masks for half the work"
    )
    dtype: Literal["float32", "tf32", "float64", "bfloat16"] = Field(
        "float32",
        description="arithmetic; tf32 and bfloat16 are experimental: products round their factors to 10 bits "
        "on a GPU that can, or to 7, only in the classifier; each job compares them with float32 first",
    )
    norm: Literal["sum", "l1"] = Field(
        "sum",
        description="gradient of the penalty at 0: sum, that of sum(M); l1, none, as in the authors' code",
    )


class ClassMaps(MaskTraining):
    """Training of one mask per class; defaults are those of the authors' class_level_maps.py (2025)."""

    penalty: Annotated[float, Field(ge=0), AsNumber] = Field(0.001, description="weight of |M|_1")
    tolerance: Positive = Field(
        1e-3, description="stop when |loss - mean of last losses| is below this"
    )


class Correlation(Section):
    """The I_d test (paper 1, section 3.2), and the measures reported with it.

    The defaults are the protocol of 2023, with more shuffles. That of the authors' later code, of 2025, is
    `preprocess: standardise_unit_length`, `shuffles: 100` and, for images of 224 pixels, `pool: 7`
    (docs/correlation.md).
    """

    shuffles: Annotated[int, Field(ge=2)] = Field(
        999, description="replicates with one set shuffled; the papers take 50 and 100"
    )
    preprocess: Literal["none", "standardise_coordinates", "standardise_unit_length"] = Field(
        "none",
        description="before distances. standardise_coordinates: each coordinate gets mean 0 and standard "
        "deviation 1 over its set; standardise_unit_length: then each vector unit length",
    )
    pool: Count = Field(
        1,
        description="masks are max-pooled first, over squares of this side; 1: not at all. "
        "It must divide their height and width",
    )
    estimator: Literal["base", "ml", "mle"] = Field(
        "base",
        description="base, ml: algorithms of dadapy's TwoNN; mle: maximum likelihood of Levina and "
        "Bickel",
    )
    mu_fraction: Annotated[float, Field(gt=0, lt=1), AsNumber] = Field(
        0.9, description="base: fraction of the mu values that TwoNN fits"
    )
    neighbours: Annotated[int, Field(ge=2)] = Field(
        100, description="mle: nearest neighbours of each point"
    )
    shuffles_within: list[Literal["all", "class", "size", "spectrum"]] = Field(
        ["all"],
        min_length=1,
        description="what is shuffled among each other; each gives a row. all: all images; class: "
        "those of one class; size: of one class and with masks of like size; spectrum: of one "
        "class and with like size of the image's spectrum",
    )
    stratum: Annotated[int, Field(ge=2)] = Field(
        5, description="size, spectrum: images in a stratum, at least; up to twice as many"
    )
    baselines: bool = Field(
        True,
        description="also distance correlation and HSIC, on the same shuffles, and SVCCA",
    )
    svcca: bool | Literal["auto"] = Field(
        "auto",
        description="with `baselines`, SVCCA. auto: where images, or entries of a mask, are at most 1,024, "
        "since it costs more than the whole test; true: up to 4,096",
    )
    distances: Literal["float64", "float32"] = Field(
        "float64", description="storage of distances; float32 halves disk and memory"
    )

    @property
    def preprocessing(self):
        """The arguments of idbias.correlation.preprocessing.preprocessed."""
        return {"preprocess": self.preprocess, "pool": self.pool}

    @property
    def estimate(self):
        """The fields of idbias.correlation.estimators.Estimator that matter to it."""
        if self.estimator == "mle":
            return {"algorithm": "mle", "neighbours": self.neighbours}
        return {"algorithm": self.estimator, "mu_fraction": self.mu_fraction}

    @property
    def shuffles_folders(self):
        """Folders, below a comparison's, of the shuffles of each of `shuffles_within`."""
        return [
            "shuffles" if within == "all" else f"shuffles_within_{within}"
            for within in self.shuffles_within
        ]

    def within(self, folder):
        """Return which of `shuffles_within` the shuffles in `folder` are of."""
        return dict(zip(self.shuffles_folders, self.shuffles_within, strict=True))[folder]


class Crossed(Section):
    """Own against other trainings with the image held fixed (docs/crossed.md)."""

    bands: Count = Field(
        8,
        description="masks and perturbations are summed over this many by this many bands of frequencies in "
        "each channel; the images' side, or more, is entry by entry. Choose it before looking",
    )
    margin: Annotated[float, Field(gt=0, lt=1), AsNumber] = Field(
        0.1,
        description="share of the ceiling below which a tie counts as none; an interval within it, on both "
        "sides, says so",
    )


class Execution(Section):
    """How the work is divided into jobs. What of it changes results, by rounding: docs/masks.md."""

    images_per_shard: Count = Field(512, description="images in one attack or mask job")
    shuffles_per_shard: Count = Field(1000, description="replicates in one shuffle job")
    attack_batch: Count = Field(
        128, description="images attacked at once; fewer where they are large, 32 of 224 pixels"
    )
    mask_batch: Count | Literal["auto"] = Field(
        "auto", description="masks trained at once; auto fits memory"
    )
    checkpoint_seconds: Positive = Field(60, description="how often a mask job saves its state")
    scratch: str = Field(
        "scratch",
        pattern=r"^[^~$]+$",
        description="folder of checkpoints, written out (~ and $ are not replaced); it must outlive a job",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        description="auto: a GPU if there is one; one that Slurm gave and torch cannot use is an error",
    )
    engine: Literal["auto", "torch", "reference", "captured"] = Field(
        "auto",
        description="auto: masks on a CPU train with compiled convolutions where they fit; torch: never; "
        "reference: one image after the other by the plain loop of idbias/masks/reference.py, and TwoNN's "
        "base estimate by that of idbias/correlation/reference.py; captured "
        "(experimental): steps on a GPU as a CUDA graph. How they round: docs/masks.md",
    )


class Experiment(Section):
    """One experiment: a dataset, the classifiers and attacks to try on it, and its overrides."""

    dataset: Name | Annotated[list[Name], Field(min_length=1)] = Field(
        description="a name under datasets; a list makes a family of experiments that differ in the "
        "dataset only, each named after the family and its dataset: paper2_mnist"
    )
    images: Count | None = Field(
        None, description="how many of its images are attacked and get masks, if not the dataset's"
    )
    first_image: Annotated[int, Field(ge=0)] = Field(
        0,
        description="position of the first of them; with analyses: [crossed] only, to confirm a result on "
        "images that were not looked at",
    )
    classifiers: list[Name] = Field(
        default_factory=list,
        description="names under classifiers, or models of paper 2, which need no entry",
    )
    attacks: list[Name] = Field(default_factory=list, description="names under attacks")
    seeds: list[Annotated[int, Field(ge=0)]] = Field(
        default_factory=list,
        description="train each classifier again from each of these: that of the seed at the top keeps "
        "its name, others are called NAME_seedN; left out: only from the seed at the top",
    )
    controls: list[
        Literal[
            "spectrum", "noise", "noise_attack_class", "other_seed", "other_network", "clean_image"
        ]
    ] = Field(
        default_factory=list,
        description="further rows for each attack, in which one of its masks is replaced, and the "
        "difference of both (docs/controls.md)",
    )
    other_network: Name | None = Field(
        None,
        description="whose essential masks the control other_network takes, a name under classifiers; "
        "left out: the next of this experiment's",
    )
    analyses: list[Literal["masks", "spectra", "class_maps", "class_curve", "crossed"]] = Field(
        ["masks", "spectra"],
        min_length=1,
        description="masks: train masks and test their dependence (paper 1); spectra: where the "
        "perturbations, gradients, weights and masks have their energy (paper 2); class_maps: one mask "
        "per class, and whether it undoes the attack (docs/class_maps.md); class_curve: the dependence of "
        "the masks of 1 to 10 classes, with as many pairs for each number (needs masks); crossed: "
        "whether essential masks go with the attacks on their own training more than with those on the "
        "other trainings, of `seeds` or of the classifiers, at least 3 (docs/crossed.md)",
    )
    overrides: dict[str, dict] = Field(
        default_factory=dict,
        description="settings of this experiment only, laid over the sections of the same name; "
        "`recipe` is laid over that of each classifier it trains",
    )


class Config(Section):
    """The whole of config.yaml."""

    experiments: list[Name] = Field(
        min_length=1,
        description="what to run: names under experiment_blocks, or members of a family",
    )
    seed: Annotated[int, Field(ge=0)] = Field(0, description="decides all random numbers")
    experiment_blocks: dict[ExperimentName, Experiment] = Field(
        description="every experiment there is"
    )
    datasets: dict[Name, Dataset]
    classifiers: dict[Name, Classifier]
    attacks: dict[Name, Attack]
    masks: Masks = Field(default_factory=Masks)
    class_maps: ClassMaps = Field(default_factory=ClassMaps)
    correlation: Correlation = Field(default_factory=Correlation)
    crossed: Crossed = Field(default_factory=Crossed)
    execution: Execution = Field(default_factory=Execution)
