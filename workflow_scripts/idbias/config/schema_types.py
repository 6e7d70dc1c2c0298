"""What a value in config.yaml may be: names, and numbers as people write them."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

NAME = r"^[A-Za-z0-9][A-Za-z0-9_+.-]*$"
Name = Annotated[str, Field(pattern=NAME)]
# Its results lie beside these folders of results/.
RESERVED = ("tables", "figures", "benchmarks")


def number(value):
    """Return a number that YAML takes for text as a number, 1e-3 and 8/255; anything else as it is."""
    written = isinstance(value, str) and re.fullmatch(
        r"([\d.eE+-]+)(?:\s*/\s*([\d.eE+-]+))?", value
    )
    if not written:
        return value
    try:
        return float(written[1]) / float(written[2] or 1)
    except (ValueError, ZeroDivisionError):
        return value


AsNumber = BeforeValidator(number)
Real = Annotated[float, AsNumber]
Positive = Annotated[float, Field(gt=0), AsNumber]
FRACTION = Annotated[str, Field(pattern=r"^[\d.eE+-]+ */ *[\d.eE+-]+$")]
Epsilon = Annotated[
    float,
    Field(gt=0),
    BeforeValidator(
        number, json_schema_input_type=Annotated[float, Field(gt=0), AsNumber] | FRACTION
    ),
]
# Text stays text, also of digits; 1e-3 is none.
Argument = Annotated[
    bool | int | float | str,
    BeforeValidator(lambda value: number(value) if re.search("[eE/]", str(value)) else value),
]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, protected_namespaces=(), allow_inf_nan=False
    )


def _free(name):
    if name in RESERVED:
        raise ValueError(f"results/{name} holds other files; call the experiment something else")
    return name


ExperimentName = Annotated[Name, AfterValidator(_free)]


class Normalisation(Section):
    """What a classifier does to images in [0, 1] first: subtract the mean, divide by std."""

    mean: list[Real] = Field(description="one per channel")
    std: list[Positive] = Field(description="one per channel")

    @model_validator(mode="after")
    def _are_of_one_length(self):
        if len(self.mean) != len(self.std):
            raise ValueError(
                f"mean has {len(self.mean)} numbers and std {len(self.std)}; give one of each per channel"
            )
        return self
