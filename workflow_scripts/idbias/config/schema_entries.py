"""Sections of config.yaml on what is studied: datasets and classifiers."""

import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from idbias.classifiers.paper2 import ZOO
from idbias.config.schema_types import (
    Argument,
    AsNumber,
    Count,
    Name,
    Normalisation,
    Positive,
    Section,
)
from idbias.datasets.published import PUBLISHED

# What is read of a dataset besides its source: of images however they come, and of the user's own.
OF_IMAGES = ("images", "masked", "normalisation")
OF_OWN = {
    "spiral": {"points"},
    "arrays": {"first", "second", "labels"},
    "folder": {
        "path", "size", "fit", "channels", "test_fraction", "classes", "class_index", *OF_IMAGES,
    },
}  # fmt: skip


class Dataset(Section):
    """One dataset: where its images come from and how many of them get masks."""

    source: Literal["spiral", "arrays", "folder", *PUBLISHED] = Field(
        description="digits: scikit-learn's handwritten digits; spiral: the two scalars of Table 1; "
        "arrays: two arrays of your own, whose row i is the same point; "
        "folder: your own images, sorted into folders by class; others: the published archives"
    )
    normalisation: Normalisation | None = Field(
        None,
        description="what classifiers trained on it do to their images, which attacks and masks see "
        "as they are; left out: nothing",
    )
    path: str | None = Field(
        None,
        description="local file or folder to read instead of downloading; for folder (a folder, zip "
        "or tar) and imagenet (ILSVRC2012_img_val.tar or its folder) it is needed",
    )
    first: str | None = Field(
        None, description="arrays: the first set, as x.npy, x.npz:NAME, x.h5:/NAME or x.csv"
    )
    second: str | None = Field(None, description="arrays: the second set, which is shuffled")
    labels: str | None = Field(
        None,
        description="imagenet: the devkit archive or a text file, if path is not in class folders; "
        "arrays: an array of classes, for correlation.shuffles_within",
    )
    images: Count | None = Field(
        None,
        description="images that are attacked and get masks, from the first; all if left out, which "
        "folder and a path of your own do not allow, since their number is not known beforehand",
    )
    masked: Literal["test", "all"] = Field(
        "test",
        description="all: training images get masks too, after the test images (section 4.7)",
    )
    size: Count | None = Field(
        None, description="images are scaled to size by size pixels; needed if they differ in size"
    )
    fit: Literal["crop", "stretch"] = Field(
        "crop", description="how scaling treats images that are not square; imagenette stretches"
    )
    channels: Literal[1, 3] = Field(3, description="folder: 3 for colour, 1 for grey")
    test_fraction: Annotated[float, Field(gt=0, lt=1), AsNumber] = Field(
        0.2, description="folder: share of each class to test on, if there is no test folder"
    )
    train_images: Count = Field(600, description="digits: images used to train, the others test")
    points: Count = Field(5000, description="spiral: number of points")
    classes: Count | None = Field(
        None,
        description="folder: how many classes it has, which class_maps asks beforehand; with class_index, "
        "how many outputs the network has",
    )
    class_index: dict[str, Annotated[int, Field(ge=0)]] | str | None = Field(
        None,
        description="folder, imagenet: which number each class has among the outputs of a network that "
        "knows more classes than there are folders: a map from folder to number, or a file (JSON of number "
        "-> name, such as imagenet_class_index.json, or a text file with one name per line); left out: folders "
        "are numbered in alphabetical order",
    )

    @model_validator(mode="after")
    def _needs_are_met(self):
        if self.source in ("folder", "imagenet") and not self.path:
            raise ValueError(f"source {self.source} needs a path to your images")
        if self.source == "arrays" and not (self.first and self.second):
            raise ValueError("source arrays needs first and second: files of the two arrays")
        known = PUBLISHED.get(self.source)
        read = OF_OWN.get(self.source) or {"path", *OF_IMAGES, *(known.options if known else ())}
        if "index" in read:
            read = {*read, "class_index", "classes"}
        if self.source == "digits":
            read = read - {"path"}
        if unread := sorted(self.model_fields_set - read - {"source"}):
            raise ValueError(
                f"source {self.source} does not take {', '.join(unread)}, which would be ignored; leave "
                f"{'it' if len(unread) == 1 else 'them'} out"
            )
        if self.class_index is not None and self.labels:
            raise ValueError("labels say which class each image is of: leave class_index out")
        if isinstance(self.class_index, dict) and not self.classes:
            raise ValueError(
                "with class_index as a map, give classes: how many outputs the network has"
            )
        if self.source not in ("digits", "spiral", "arrays") and self.path and not self.images:
            raise ValueError("with a path, give images: how many of its images get masks")
        return self

    @property
    def source_settings(self):
        """What decides the dataset's file: all but how its images are used."""
        if self.class_index is not None:
            return self.model_dump(exclude={"images", "normalisation"})
        return self.model_dump(exclude={"images", "normalisation", "classes", "class_index"})

    @property
    def published(self):
        """How a published dataset is read: reader, options and size of its entry; {} of the user's own."""
        known = PUBLISHED.get(self.source)
        return (
            {"reader": known.reader, "options": list(known.options), "size": known.size}
            if known
            else {}
        )

    @property
    def channel_count(self):
        """How many channels its images have."""
        known = PUBLISHED.get(self.source)
        return known.channels if known else self.channels

    @property
    def side(self):
        """Height and width of its images, or None where that is not known beforehand."""
        known = PUBLISHED.get(self.source)
        return self.size or (known and (known.size or known.side)) or None

    @property
    def class_count(self):
        """How many classes it has, or None where that is not known beforehand."""
        known = PUBLISHED.get(self.source)
        return self.classes or (known.classes if known else None)

    @property
    def paths(self):
        """The user's own files that it is read from, in the order that idbias.datasets.writing asks for."""
        index = self.class_index if isinstance(self.class_index, str) else None
        return [path for path in (self.path, self.labels, index) if path]


class Recipe(Section):
    """How a classifier is trained (paper 1, appendix A.1).

    Defaults are those of paper 1's ResNet-20; for a network of paper 2's zoo they are those of its
    Tables 5 to 9 for the dataset (docs/classifiers.md).
    """

    optimizer: Literal["sgd", "adam"] = Field("sgd", description="method of training")
    momentum: Annotated[float, Field(ge=0, lt=1), AsNumber] = Field(
        0.9, description="momentum of sgd"
    )
    learning_rate: Positive = Field(
        0.1, description="learning rate of the first epoch; with onecycle the greatest"
    )
    epochs: Count = Field(200, description="passes over the training images")
    batch_size: Count = Field(128, description="images per step")
    schedule: Literal["steps", "onecycle", "constant"] = Field(
        "steps", description="steps: the rate is cut to a tenth after each milestone"
    )
    milestones: list[Count] = Field(
        [100, 150], description="epochs after which steps cuts the rate"
    )
    weight_decay: Annotated[float, Field(ge=0), AsNumber] = Field(1e-4, description="l2 penalty")
    augment: bool = Field(True, description="random flips and crops")
    trainable: Literal["all", "head"] = Field("all", description="head: only the last layer")
    # Left out where they are the default, so that what was trained before there were these keys stays.
    stop_accuracy: Annotated[float, Field(gt=0, lt=1), AsNumber] | None = Field(
        None,
        exclude_if=lambda value: value is None,
        description="stop training once the last 100 batches of an epoch have this accuracy; left out: "
        "train all epochs",
    )
    precision: Literal["float32", "mixed"] = Field(
        "float32",
        exclude_if=lambda value: value == "float32",
        description="mixed, for GPUs: bfloat16 where torch's autocast considers it safe, channels last, and "
        "the network compiled; it rounds otherwise, like another seed",
    )


class Weights(Section):
    """A checkpoint to start from: safetensors, or what torch.save wrote (no code in it is run)."""

    path: str | None = Field(None, description="local file")
    urls: list[str] = Field(default_factory=list, description="sources of one file, tried in turn")
    huggingface: str | None = Field(
        None,
        pattern=r"^[\w.-]+/[\w.-]+$",
        description="model.safetensors of this repository of huggingface.co, such as "
        "timm/resnet50d.ra2_in1k",
    )
    sha256: str | None = Field(
        None,
        pattern=r"^[0-9a-fA-F]{64}$",
        description="checksum; without it, what was fetched is taken as it is",
    )
    accuracy: float | None = Field(
        None,
        gt=0,
        le=1,
        description="test accuracy that its authors report, 0.9564 for 95.64 %; the console warns where it is "
        "missed",
    )
    new_head: bool = Field(
        False, description="leave the last layer untrained, to fine-tune to other classes"
    )
    # Left out where it is not given, so that what was loaded before there was this key stays.
    key: str | None = Field(
        None,
        exclude_if=lambda value: value is None,
        description="which of several sets of tensors in the file, such as state_dict_ema; dots lead "
        "into nested ones",
    )

    @model_validator(mode="after")
    def _has_one_source(self):
        if sum(map(bool, (self.path, self.urls, self.huggingface))) != 1:
            raise ValueError("give one of path, urls and huggingface")
        for url in self.urls:
            if not re.fullmatch(r"\w+://.+/[^/]+", url):
                raise ValueError(
                    f"{url!r} is no address of a file, such as https://example.org/network.pth; of a local file "
                    "give path"
                )
        return self

    @property
    def addresses(self):
        """Where it is downloaded from: URLs of one file, tried in turn; none of a local file."""
        if self.huggingface:
            return [f"https://huggingface.co/{self.huggingface}/resolve/main/model.safetensors"]
        return self.urls


class Classifier(Section):
    """One classifier: its network and how it comes to its weights."""

    network: str = Field(
        description="architecture: a name in idbias/classifiers/networks, timm:NAME, or "
        "MODULE:FUNCTION of your own beside the Snakefile"
    )
    arguments: dict[str, Argument] = Field(
        default_factory=dict,
        description="further arguments of the network's constructor, such as kernel: 5 for a local "
        "convolution",
    )
    normalisation: Literal["none"] | Name | Normalisation | None = Field(
        None,
        description="none, the name of a dataset whose normalisation it is, or mean and std; left "
        "out: that of the dataset. Needed with weights, which came with one of their own",
    )
    weights: Weights | None = Field(None, description="checkpoint to start from")
    recipe: Recipe | None = Field(
        None,
        description="training; left out, the weights are used as they are, and a network of paper 2's "
        "zoo without weights is trained by that paper's recipe",
    )

    @property
    def settings(self):
        """What decides its weights: all but where they can be had and what others say of them."""
        return self.model_dump(exclude={"weights": {"accuracy", "urls"}} if self.weights else None)

    @model_validator(mode="after")
    def _comes_to_weights(self):
        if not self.weights and not self.recipe and self.network not in ZOO:
            raise ValueError("give weights, a recipe to train it, or both to fine-tune it")
        if self.weights and not self.normalisation:
            raise ValueError(
                "weights came with a normalisation of their own: give normalisation, as mean and std, "
                "the name of a dataset that has it, or none"
            )
        if self.weights and self.weights.new_head and not self.recipe:
            raise ValueError("weights.new_head leaves the last layer untrained: give a recipe too")
        return self
