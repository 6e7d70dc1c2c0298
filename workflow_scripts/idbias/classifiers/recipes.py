"""What a training recipe may say. Imports no torch. Those of appendix A.1 are in config.yaml."""

from dataclasses import dataclass

from idbias.errors import InputError

CHOICES = {
    "optimizer": ("sgd", "adam"),
    "schedule": ("constant", "steps", "onecycle"),
    "trainable": ("all", "head"),
}


@dataclass(frozen=True)
class Recipe:
    """A training recipe; left alone it is ResNet-20's of appendix A.1.

    optimizer: "sgd" or "adam"; momentum: of "sgd".
    learning_rate: the first one; of schedule "onecycle" the greatest.
    batch_size: images a step; epochs: passes over the training images.
    schedule: "constant", "steps" (a tenth after each of `milestones`, in epochs), or "onecycle"
        (Smith & Topin 2019, arXiv:1708.07120, moved on each batch).
    weight_decay: factor of the weights added to their gradient, an L2 penalty.
    augment: random horizontal flips, and random crops after padding by 4 pixels.
    trainable: "all", or "head": the last linear layer alone; everything else stays as it is,
        running statistics of batch norm included.
    Raises InputError for a word that is none of the choices.
    """

    optimizer: str = "sgd"
    learning_rate: float = 0.1
    batch_size: int = 128
    epochs: int = 200
    schedule: str = "steps"
    milestones: tuple[int, ...] = (100, 150)
    weight_decay: float = 1e-4
    augment: bool = True
    trainable: str = "all"
    momentum: float = 0.9

    def __post_init__(self):
        object.__setattr__(self, "milestones", tuple(self.milestones))
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise InputError(
                    f"A recipe's {name} is one of {', '.join(allowed)}; "
                    f"{getattr(self, name)!r} is none of them."
                )
