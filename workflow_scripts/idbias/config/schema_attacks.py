"""The section of config.yaml on attacks: of foolbox, of your own, or made elsewhere."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from idbias.config.schema_types import Argument, Epsilon, Positive, Section

# Arguments of foolbox's classes, by what they may be.
COUNTS = (
    "steps", "binary_search_steps", "candidates", "population", "repeats", "directions", "random_steps",
    "initial_gradient_eval_steps", "max_gradient_eval_steps", "lr_num_decay", "num_translations",
    "num_rotations", "reduced_dims", "update_stats_every_k",
)  # fmt: skip
POSITIVE = (
    "rel_stepsize", "abs_stepsize", "stepsize", "initial_stepsize", "max_stepsize", "lr", "gamma",
    "initial_const", "init_epsilon", "adam_epsilon", "sampling_temperature", "mutation_range", "max_sigma",
    "spherical_step", "source_step", "xi",
)  # fmt: skip
NOT_NEGATIVE = ("overshoot", "confidence", "regularization", "min_stepsize")
SHARES = (
    "momentum", "adam_beta1", "adam_beta2", "quantile", "lr_decay", "mutation_probability", "target",
)  # fmt: skip
# name -> (whether a number may be that, in words)
ALLOWED = {
    **dict.fromkeys(COUNTS, (lambda x: isinstance(x, int) and x >= 1, "a whole number, 1 or more")),
    **dict.fromkeys(POSITIVE, (lambda x: x > 0, "above 0")),
    **dict.fromkeys(NOT_NEGATIVE, (lambda x: x >= 0, "0 or above")),
    **dict.fromkeys(SHARES, (lambda x: 0 <= x <= 1, "from 0 to 1")),
}
# Classes of foolbox.attacks that are not called after their norm; all others without one go by l2.
NORMS = {
    "PGD": "linf",
    "FGSM": "linf",
    "MIFGSM": "linf",
    "AdamPGD": "linf",
    "GenAttack": "linf",
    "EADAttack": "l1",
    "SparseL1DescentAttack": "l1",
}


class Attack(Section):
    """One attack: of foolbox, of your own, or images that were attacked elsewhere."""

    attack: str = Field(
        pattern=r"^[A-Za-z]\w*$|^[A-Za-z_][\w.]*:\w+$",
        description="class in foolbox.attacks, such as LInfFMNAttack; MODULE:NAME, a class or function "
        "of your own beside the Snakefile or of an installed package; or file",
    )
    arguments: dict[str, Argument] = Field(
        default_factory=dict, description="its constructor's arguments; its defaults otherwise"
    )
    epsilon: Epsilon | Annotated[list[Epsilon], Field(min_length=1)] | None = Field(
        None,
        description="size of the perturbation, such as 0.01 or 8/255; leave out for attacks that seek the "
        "smallest. A list makes an attack of each value: the first keeps the name, others are called "
        "NAME_VALUE",
    )
    one_at_a_time: bool = Field(
        False,
        description="attack one image at a time, each with its own random numbers: for attacks in which "
        "the images of a batch are not independent",
    )
    norm: Literal["linf", "l2", "l1"] | None = Field(
        None,
        description="in which epsilon and the control noise measure its perturbations; of foolbox's "
        "classes it is known",
    )
    time_limit: Positive = Field(
        3600,
        description="only Brendel-Bethge: seconds an image may take; one that takes longer counts as "
        "not succeeded",
    )
    path: str | None = Field(
        None,
        description="file: attacked images (N, C, H, W) in [0, 1], as x.npy, x.npz:NAME or x.h5:/NAME",
    )
    index: str | None = Field(
        None,
        description="file: which images of the dataset they are, an array of positions from 0; left "
        "out, row i is image i",
    )
    labels: str | None = Field(
        None, description="file: an array of their true classes, compared with the dataset's"
    )

    @model_validator(mode="after")
    def _fits_its_kind(self):
        if self.attack == "file":
            if not self.path:
                raise ValueError("attack: file needs a path to the attacked images")
            if self.arguments or self.epsilon or self.one_at_a_time:
                raise ValueError("attack: file takes no arguments, epsilon or one_at_a_time")
        elif self.path or self.index or self.labels:
            raise ValueError(
                "path, index and labels belong to attack: file; leave them out of other attacks"
            )
        if "time_limit" in self.model_fields_set and not self.brendel_bethge:
            raise ValueError(
                "time_limit belongs to Brendel-Bethge attacks; leave it out of other attacks"
            )
        if self.of_foolbox:
            known = norm_of_foolbox(self.attack)
            if self.arguments.get("abort_early") and not self.one_at_a_time:
                raise ValueError(
                    "arguments.abort_early ends the search of all images of a batch at once, so that an image's "
                    "result would depend on the others; leave it out, or set one_at_a_time: true"
                )
            if self.arguments.get("distance", "l2") not in ("l1", "l2", "linf"):
                raise ValueError("arguments.distance must be l1, l2 or linf")
            if self.norm not in (None, known):
                raise ValueError(f"norm is {self.norm}, but foolbox's {self.attack} is of {known}")
            check_arguments(self.arguments)
        check_epsilon(self.epsilon, self.perturbation_norm)
        return self

    @property
    def of_foolbox(self):
        """Whether it is one of foolbox's own classes."""
        return ":" not in self.attack and self.attack != "file"

    @property
    def perturbation_norm(self):
        """The norm it keeps small: "linf", "l2", "l1", or None if it is the user's own and does not say."""
        if self.of_foolbox:
            return self.arguments.get("distance") or norm_of_foolbox(self.attack)
        return self.norm

    @property
    def brendel_bethge(self):
        """Whether it is Brendel and Bethge's: an image at a time, mostly on the processor."""
        return "BrendelBethge" in self.attack and ":" not in self.attack

    @property
    def settings(self):
        """What decides its result. Keys of later versions only where set: results stay as they are."""
        first = ("attack", "arguments", "epsilon")
        return {name: getattr(self, name) for name in first} | self.model_dump(
            exclude=set(first), exclude_defaults=True
        )

    @property
    def files(self):
        """The arrays of attack: file, key -> name."""
        return {key: getattr(self, key) for key in ("path", "index", "labels")}


def norm_of_foolbox(name):
    """Return the norm that a class of foolbox.attacks keeps small: "linf", "l2" or "l1"."""
    beginning = name.lower()
    by_name = next((norm for norm in ("linf", "l1") if beginning.startswith(norm)), "l2")
    return NORMS.get(name, by_name)


def check_arguments(arguments):
    """Raise ValueError if an argument of one of foolbox's attacks has a value that nobody can mean."""
    for name, value in arguments.items():
        if name not in ALLOWED:
            continue
        fits, words = ALLOWED[name]
        if isinstance(value, (bool, str)) or not fits(value):
            raise ValueError(f"arguments.{name} is {value!r}; it must be {words}")


def check_epsilon(epsilon, norm):
    """Raise ValueError if epsilon, a number or a list, is larger than the pixel range in the linf norm."""
    values = epsilon if isinstance(epsilon, list) else [epsilon]
    for value in values:
        if value is not None and norm == "linf" and value > 1:
            raise ValueError(
                f"epsilon is {value:g}, but images lie in [0, 1]: give it in units of that range, such as "
                f"{value / 255:.6f} for {value:g}/255"
            )
