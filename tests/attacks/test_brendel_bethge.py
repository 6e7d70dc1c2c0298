"""The Brendel-Bethge attack: real, small, and its failures an image at a time.

numba compiles foolbox's solver once, half a minute, for all tests here.
"""

import foolbox
import numpy as np
import pytest
import torch
from own_attacks import Stalls, Uncompiled
from torch import nn

from idbias.attacks import brendel_bethge
from idbias.errors import InputError

# Of foolbox's learning rate, 1e-3, the trust region of so small an image is too small to arrive.
ARGUMENTS = {"steps": 100, "lr": 0.05}
SETTINGS = {"attack": "L2BrendelBethgeAttack", "arguments": ARGUMENTS, "epsilon": None}
SHAPE = (1, 4, 4)
pytestmark = pytest.mark.long


class TwoSides(nn.Module):
    """Class 1 on one side of a plane through the middle of all images, class 0 on the other."""

    def __init__(self):
        super().__init__()
        self.normal = nn.Parameter(torch.linspace(-1, 1, 16) + 0.03)

    def forward(self, x):
        side = x.flatten(1) @ self.normal
        return torch.stack([torch.zeros_like(side), side], dim=1)


class OnlyBlack(nn.Module):
    """Class 2 at nearly black images, which no noise is; class 0 everywhere else."""

    def forward(self, x):
        dark = 50 * (0.02 - x.flatten(1).mean(1))
        return torch.stack([torch.zeros_like(dark), torch.full_like(dark, -9.0), dark], dim=1)


@pytest.fixture(scope="module")
def classifier():
    return TwoSides().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def images():
    random = np.random.default_rng(3)
    return random.uniform(0.3, 0.7, (5, *SHAPE)).astype(np.float32)


@pytest.fixture(scope="module")
def labels(classifier, images):
    return brendel_bethge.classify(classifier, images, "cpu")


@pytest.fixture(scope="module")
def attacked(classifier, images, labels):
    numba = pytest.importorskip("numba")
    # Compiling, not running, is what takes the time here.
    numba.config.OPT = type(numba.config.OPT)("0")
    index = np.arange(10, 15)
    assert set(labels) == {0, 1}
    return brendel_bethge.run(classifier, images, labels, index, SETTINGS, seed=0)


def test_it_finds_the_distance_to_the_boundary(attacked, classifier, images, labels):
    normal = classifier.normal.numpy().astype(np.float64)
    values = images.reshape(5, -1) @ normal
    assert attacked["success"].all()
    # No pixel meets a bound on the way, so that the nearest point of the plane is the answer.
    np.testing.assert_allclose(attacked["l2"], np.abs(values) / np.linalg.norm(normal), rtol=0.02)
    assert (attacked["adversarial_class"] != labels).all()
    assert attacked["started"].all()
    np.testing.assert_array_equal(attacked["start"], 1)
    np.testing.assert_array_equal(attacked["singular_steps"], 0)
    assert attacked["adversarial"].min() >= 0
    assert attacked["adversarial"].max() <= 1


def test_an_image_does_not_depend_on_its_neighbours(attacked, classifier, images, labels):
    rows = [3, 1]
    alone = brendel_bethge.run(
        classifier, images[rows], labels[rows], np.array([13, 11]), SETTINGS, seed=0
    )
    for name, values in alone.items():
        np.testing.assert_array_equal(values, attacked[name][rows], err_msg=name)


def test_images_without_a_start_or_misclassified_come_back_unchanged(
    attacked, classifier, images, labels
):
    only = OnlyBlack().eval()
    batch = np.concatenate([images[:2], np.zeros((1, *SHAPE), np.float32)])
    truth = np.array([0, 1, 2])
    found = brendel_bethge.run(only, batch, truth, np.arange(3), SETTINGS, seed=0)
    np.testing.assert_array_equal(found["started"], [False, False, True])
    np.testing.assert_array_equal(found["success"], [False, False, True])
    np.testing.assert_array_equal(found["adversarial"][:2], batch[:2])
    np.testing.assert_array_equal(found["l2"][:2], 0)


def test_a_candidate_starts_where_noise_cannot(attacked, images):
    only = OnlyBlack().eval()
    candidates = np.stack([images[4], np.zeros(SHAPE, np.float32), np.full(SHAPE, 0.01)])
    candidates = candidates.astype(np.float32)
    found = brendel_bethge.run(
        only, images[:1], np.array([0]), np.arange(1), SETTINGS, seed=0, candidates=candidates
    )
    np.testing.assert_array_equal(found["start"], [2])
    assert found["success"].all()
    # The way to the boundary, where the mean is 0.02: as far as that from everywhere.
    expected = (images[0].mean() - 0.02) * np.sqrt(16)
    np.testing.assert_allclose(found["l2"], expected, rtol=0.02)


@pytest.fixture
def uncompiled(monkeypatch):
    attack = foolbox.attacks.L2BrendelBethgeAttack
    monkeypatch.setattr(attack, "instantiate_optimizer", attack.instantiate_optimizer)
    monkeypatch.setattr(brendel_bethge, "OneImage", Uncompiled)


def test_in_a_process_with_a_time_limit_it_does_the_same(uncompiled, classifier, images, labels):
    arguments = classifier, images, labels, np.arange(10, 15), SETTINGS
    here = brendel_bethge.run(*arguments, seed=0)
    there = brendel_bethge.run(*arguments, seed=0, time_limit=60)
    assert here["success"].all()
    for name, values in there.items():
        np.testing.assert_array_equal(values, here[name], err_msg=name)


def test_an_image_on_which_it_never_returns_is_ended_and_counted(
    uncompiled, images, monkeypatch, capfd
):
    images = images[:3].copy()
    images[1, 0, 0, 0] = 0.25
    labels, index = (images.mean((1, 2, 3)) > 0.5).astype(np.int64), np.array([4, 5, 6])
    # It stalls on that image, so its class is not asked for in the end, in this process.
    monkeypatch.setattr(brendel_bethge, "classify", lambda *_, **__: 1 - labels)
    found = brendel_bethge.run(
        Stalls().eval(), images, labels, index, SETTINGS, seed=0, time_limit=3, label="bb"
    )
    np.testing.assert_array_equal(found["timed_out"], [False, True, False])
    np.testing.assert_array_equal(found["success"], [True, False, True])
    np.testing.assert_array_equal(found["adversarial"][1], images[1])
    assert (found["l2"][[0, 2]] > 0).all()
    assert "bb image 5 took longer than time_limit, 3 s" in capfd.readouterr().err


class Scripted:
    """A solver whose answers are given: exceptions are raised, arrays returned."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def solve(self, *_):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def solve(solver, normal):
    return solver.solve(np.zeros(3), np.zeros(3), np.array(normal, np.float32), 0, 1, 0.1, 1.0)


def test_singular_steps_are_counted_and_not_taken():
    solver = brendel_bethge.CountingSolver(
        Scripted(
            ZeroDivisionError("division by zero"),
            np.linalg.LinAlgError("Matrix is singular to machine precision."),
            np.array([0.1, np.nan, 0]),
            np.array([0.1, 0.2, 0.3]),
        )
    )
    for _ in range(3):
        np.testing.assert_array_equal(solve(solver, [1, 0, 0]), 0)
    np.testing.assert_array_equal(solve(solver, [1, 0, 0]), [0.1, 0.2, 0.3])
    assert solver.singular == 3


@pytest.mark.parametrize("normal", [[0, 0, 0], [np.nan, 1, 0], [np.inf, 1, 0]])
def test_gradients_on_which_foolbox_would_not_return_never_reach_it(normal):
    solver = brendel_bethge.CountingSolver(Scripted())
    np.testing.assert_array_equal(solve(solver, normal), 0)
    assert solver.singular == 1


def test_other_attacks_are_refused(classifier, images, labels):
    settings = {"attack": "L2FMNAttack", "arguments": {}, "epsilon": None}
    with pytest.raises(InputError, match="not a Brendel-Bethge attack"):
        brendel_bethge.run(classifier, images, labels, np.arange(5), settings, seed=0)
