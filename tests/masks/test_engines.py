"""Which engine trains masks, and what experimental arithmetic does to be believed."""

import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT
from mask_cases import same

from idbias.config.schema import Masks
from idbias.errors import InputError
from idbias.masks import experimental, gradients
from idbias.masks.cpu_engine import convolutions
from idbias.masks.reference import train_mask
from idbias.masks.training import train_masks

pytest_plugins = ["mask_cases"]
pytestmark = pytest.mark.usefixtures("one_thread")
FEW = Masks(min_steps=20, max_steps=60, tolerance=1e-3)


def few(digits, count=8):
    classifier, images, targets = digits
    return classifier, images[:count], targets[:count]


@pytest.mark.parametrize("norm", ["sum", "l1"])
@pytest.mark.parametrize("engine", ["auto", "torch"])
def test_engines_train_the_masks_of_the_reference(engine, norm, digits):
    settings = FEW.model_copy(update={"dtype": "float64", "norm": norm, "learning_rate": 0.05})
    wanted = train_masks(*few(digits), settings, engine="reference")
    found = train_masks(*few(digits), settings, engine=engine)
    assert np.abs(found.masks - wanted.masks).max() < 1e-6
    assert np.array_equal(found.steps, wanted.steps)
    assert np.array_equal(found.converged, wanted.converged)
    assert wanted.engine == "reference"
    assert (wanted.masks == 0).any()


def test_the_reference_is_run_as_it_is(digits, tmp_path):
    classifier, images, targets = few(digits, 3)
    images = images.clone()
    images[1, 0, 2, 2] = float("nan")
    found = train_masks(
        classifier, images, targets, FEW, engine="reference", checkpoint=tmp_path / "state"
    )
    mask, steps, _, converged = train_mask(classifier, images[0], int(targets[0]), FEW)
    assert np.array_equal(found.masks[0], mask)
    assert (found.steps[0], found.converged[0]) == (steps, converged)
    assert found.finite.tolist() == [True, False, True]
    assert not found.masks[1].any()
    again = train_masks(
        classifier, images, targets, FEW, engine="reference", checkpoint=tmp_path / "state"
    )
    assert same(found, again)


def test_the_reference_knows_no_lower_precision(digits):
    settings = FEW.model_copy(update={"dtype": "bfloat16"})
    with pytest.raises(InputError, match=r"masks\.dtype is bfloat16.*execution\.engine"):
        train_masks(*few(digits), settings, engine="reference")


def test_a_result_says_which_engine_made_it(digits):
    compiled = "compiled" if convolutions.library() else "torch"
    assert train_masks(*few(digits), FEW).engine == compiled
    assert train_masks(*few(digits), FEW, engine="torch").engine == "torch"
    double = FEW.model_copy(update={"dtype": "float64"})
    assert train_masks(*few(digits), double).engine == "torch"


WITHOUT = """
import sys, torch
from idbias.config.schema import Masks
from idbias.masks.training import train_masks
network = torch.nn.Sequential(torch.nn.Conv2d(1, 16, 3), torch.nn.Flatten(), torch.nn.Linear(576, 3))
images, targets = torch.rand(4, 1, 8, 8), torch.zeros(4, dtype=torch.int64)
train_masks(network, images, targets, Masks(min_steps=2, max_steps=2), engine=sys.argv[1])
print(any("cpu_engine" in name for name in sys.modules))
"""


@pytest.mark.parametrize("engine", ["torch", "reference"])
def test_other_engines_compile_nothing(engine, tmp_path):
    environment = {"PATH": str(tmp_path), "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    environment |= {"PYTHONPATH": str(ROOT / "workflow_scripts"), "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT, engine], env=environment, capture_output=True, text=True
    )
    assert ran.stdout.strip() == "False", ran.stderr
    assert "compiler" not in ran.stderr
    assert not list(tmp_path.rglob("*.so"))


def test_bfloat16_that_rounds_is_used_and_said(digits):
    settings = FEW.model_copy(update={"dtype": "bfloat16"})
    assert train_masks(*few(digits), settings).engine == "torch bfloat16"


class Coarse(gradients.Autograd):
    """Arithmetic that is wrong by more than rounding: a stand-in for a GPU's that was never tried."""

    def __call__(self, images, classes):
        entropy, gradient = super().__call__(images, classes)
        return entropy, gradient.flip(-1) if self.autocast else gradient


@pytest.mark.parametrize("how", ["otherwise", "not finite"])
def test_bfloat16_that_differs_is_said_and_not_used(how, digits, monkeypatch, capsys):
    def wrong(self, images, classes):
        entropy, gradient = super(Coarse, self).__call__(images, classes)
        return entropy, gradient * float("nan")

    if how == "not finite":
        monkeypatch.setattr(Coarse, "__call__", wrong)
    make = gradients.input_gradient

    def input_gradient(classifier, example, autocast=False, engine="auto"):
        return Coarse(classifier, True) if autocast else make(classifier, example, False, engine)

    monkeypatch.setattr(experimental, "input_gradient", input_gradient)
    settings = FEW.model_copy(update={"dtype": "bfloat16"})
    found = train_masks(*few(digits), settings)
    monkeypatch.undo()
    wanted = train_masks(*few(digits), FEW)
    assert same(found, wanted)
    assert "bfloat16 is experimental" in capsys.readouterr().err
