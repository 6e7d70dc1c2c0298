"""What the functions of idbias.api refuse, each in a sentence."""

import numpy as np
import pytest
import torch
from torch import nn

import idbias
from idbias.errors import InputError


class Bright(nn.Module):
    """Class 1 of images whose mean is above a half, class 0 of the others."""

    def forward(self, images):
        above = images.flatten(1).mean(1) - 0.5
        return torch.stack([-above, above], dim=1)


IMAGES = np.random.default_rng(0).uniform(0.3, 0.7, (4, 1, 4, 4)).astype(np.float32)
LABELS = (IMAGES.mean((1, 2, 3)) > 0.5).astype(np.int64)
PGD = {"name": "LinfPGD", "epsilon": 0.3}


def attack(**changes):
    given = {"images": IMAGES, "labels": LABELS, **PGD, **changes}
    return idbias.attack(Bright(), given.pop("images"), given.pop("labels"), **given)


def train_masks(**changes):
    given = {"images": IMAGES, "targets": LABELS, "engine": "torch", **changes}
    return idbias.train_masks(Bright(), given.pop("images"), given.pop("targets"), **given)


@pytest.mark.parametrize("epsilon", ["76.5/255", np.float32(0.3), torch.tensor(0.3)])
def test_a_number_may_be_written_in_several_ways(epsilon):
    expected = attack()["adversarial"]
    np.testing.assert_allclose(attack(epsilon=epsilon)["adversarial"], expected, atol=1e-6)


def test_lists_and_whole_floats_are_arrays():
    found = attack(images=IMAGES.tolist(), labels=LABELS.astype(float).tolist())
    np.testing.assert_array_equal(found["adversarial"], attack()["adversarial"])


BOTH = {
    "pixels up to 255": ({"images": IMAGES * 255}, r"pixels lie from .* to 1\d\d\.?\d*; give images in \[0, 1\]"),
    "pixels that are no numbers": ({"images": IMAGES * np.nan}, "4 of 4 images have pixels that are not finite"),
    "an image without its batch": (
        {"images": IMAGES[0]},
        r"images have shape \(1, 4, 4\).*give real numbers \(N, C, H, W\)",
    ),
    "words": ({"images": ["a", "b"]}, "images are no array of numbers"),
}  # fmt: skip
WRONG_CLASSES = {
    "fractions": (LABELS + 0.5, r"have [01]\.5; give whole numbers"),
    "one-hot": (np.eye(2)[LABELS], r"have shape \(4, 2\); give 4 whole numbers.*argmax\(1\)"),
    "below 0": (LABELS - 2, "have -[12]; give whole numbers, 0 or above"),
    "out of range": (LABELS + 2, "classes 0 to 1"),
    "too few": (LABELS[:3], r"have shape \(3,\); give 4"),
}


@pytest.mark.parametrize("function", [attack, train_masks])
@pytest.mark.parametrize(("changes", "said"), BOTH.values(), ids=BOTH)
def test_images(function, changes, said):
    with pytest.raises(InputError, match=f"idbias.{function.__name__}: {said}"):
        function(**changes)


@pytest.mark.parametrize("function", [attack, train_masks])
@pytest.mark.parametrize(("classes", "said"), WRONG_CLASSES.values(), ids=WRONG_CLASSES)
def test_classes(function, classes, said):
    with pytest.raises(InputError, match=said):
        function(**{"labels" if function is attack else "targets": classes})


@pytest.mark.parametrize(
    ("function", "changes", "said"),
    [
        (attack, {"epsilon": "much"}, "idbias.attack: epsilon is 'much'; it should be a valid number"),
        (attack, {"epsilon": -0.1}, "idbias.attack: epsilon is -0.1; it should be greater than 0"),
        (attack, {"epsilon": [0.1, 0.2]}, r"epsilon is \[0.1, 0.2\]; give one number, and call attack once"),
        (attack, {"epsilon": 3}, "idbias.attack: epsilon is 3, but images lie in"),
        (attack, {"arguments": {"steps": 0}}, "arguments.steps is 0; it must be a whole number"),
        (attack, {"labels": 1 - LABELS}, "the classifier gets 4 of 4 images wrong"),
        (train_masks, {"penalty": -1}, "idbias.train_masks: penalty is -1; it should be greater than or equal"),
        (train_masks, {"engine": "fast"}, "engine is 'fast'; it must be one of auto, torch"),
    ],
)  # fmt: skip
def test_settings(function, changes, said):
    with pytest.raises(InputError, match=said) as caught:
        function(**changes)
    assert "\n" not in str(caught.value)


def test_a_classifier_that_does_not_take_the_images():
    linear = nn.Sequential(nn.Flatten(), nn.Linear(9, 2))
    with pytest.raises(InputError, match=r"raised RuntimeError: .* on float32 images \(1, 4, 4\)"):
        idbias.attack(linear, IMAGES, LABELS, **PGD)
