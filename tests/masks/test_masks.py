"""The mask engine against the reference of one image, and against everything that may befall it."""

import copy
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from mask_cases import same
from torch import nn
from torch.nn import functional

from idbias import checkpoints, machine
from idbias.classifiers.networks.by_name import build
from idbias.config.schema import Masks
from idbias.errors import InputError
from idbias.fourier import filtered, full_from_half, pair_counts
from idbias.masks import gradients
from idbias.masks.cpu_engine import convolutions
from idbias.masks.reference import train_mask
from idbias.masks.slots import Slots
from idbias.masks.training import train_masks

DATA = Path(os.environ.get("IDBIAS_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
pytest_plugins = ["mask_cases"]
pytestmark = pytest.mark.usefixtures("one_thread")
QUICK = Masks(min_steps=30, max_steps=60, tolerance=1e-3)
ROOT = Path(__file__).parents[2]


@pytest.mark.long
@pytest.mark.parametrize(("data", "count"), [("digits", 4), ("cifar", 1)])
def test_equals_the_reference_after_500_steps_in_double(data, count, request):
    classifier, images, targets = request.getfixturevalue(data)
    settings = Masks(min_steps=500, max_steps=500, dtype="float64")
    found = train_masks(classifier, images[:count], targets[:count], settings)
    double = copy.deepcopy(classifier).double()
    for i in range(count):
        mask, steps, *_ = train_mask(double, images[i].double(), int(targets[i]), settings)
        assert np.abs(found.masks[i] - mask.numpy()).max() < 1e-6
        assert found.steps[i] == steps == 500
        assert 0 < found.masks[i].mean() < 0.5


def test_stops_each_image_when_the_reference_stops(digits):
    classifier, images, targets = digits
    settings = Masks(min_steps=40, max_steps=400, tolerance=3e-4, dtype="float64")
    found = train_masks(classifier, images[:12], targets[:12], settings)
    double = copy.deepcopy(classifier).double()
    wanted = [
        train_mask(double, image.double(), int(target), settings)[:2]
        for image, target in zip(images[:12], targets[:12], strict=True)
    ]
    assert found.steps.tolist() == [steps for _, steps in wanted]
    assert len(set(found.steps)) > 3
    assert np.array_equal(found.converged, found.steps < 400)
    assert np.abs(found.masks - np.stack([mask.numpy() for mask, _ in wanted])).max() < 1e-6


def test_result_describes_the_stored_masks(digits):
    classifier, images, targets = digits
    wrong = targets[:8].clone()
    wrong[3] = (wrong[3] + 1) % 10  # in a few steps the mask cannot bring this image there
    found = train_masks(classifier, images[:8], wrong, Masks(min_steps=3, max_steps=3))
    logits = classifier(filtered(torch.tensor(found.masks), images[:8]))
    assert np.array_equal(found.predicted, logits.argmax(1))
    assert found.kept.tolist() == [True] * 3 + [False] + [True] * 4
    loss = functional.cross_entropy(logits, wrong, reduction="none")
    np.testing.assert_allclose(found.loss, loss + 0.01 * found.masks.sum((1, 2, 3)), rtol=1e-5)
    assert found.masks.dtype == np.float32
    assert not found.converged.any()


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 7), (1, 6, 5), (2, 1, 1), (1, 5, 2)])
def test_half_spectrum_is_the_full_one(shape):
    torch.manual_seed(1)
    images = torch.rand(3, *shape)
    weight = torch.randn(4, images[0].numel()) * 3
    classifier = nn.Sequential(nn.Flatten(), nn.Linear(images[0].numel(), 4))
    classifier[1].weight.data = weight
    targets = classifier(images).argmax(1)
    half, full = (
        train_masks(
            classifier, images, targets,
            Masks(min_steps=60, max_steps=60, dtype="float64", spectrum=spectrum),
        )
        for spectrum in ("half", "full")
    )  # fmt: skip
    assert np.abs(half.masks - full.masks).max() < 1e-6
    np.testing.assert_allclose(half.loss, full.loss, rtol=1e-6)
    assert half.masks.std() > 0.01 or shape[1:] == (1, 1)


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (8, 5), (5, 8), (1, 1), (2, 3)])
def test_full_from_half_restores_an_even_spectrum(size):
    spectrum = torch.fft.fft2(torch.randn(2, 3, *size, dtype=torch.float64)).abs()
    half = spectrum[..., : size[1] // 2 + 1]
    torch.testing.assert_close(full_from_half(half, size[1]), spectrum)
    total = (half.sum((0, 1, 2)) * pair_counts(size[1])).sum()
    torch.testing.assert_close(total, spectrum.sum())


@pytest.mark.parametrize("name", ["small_cnn", "resnet20", "cct7"])
def test_masks_do_not_depend_on_shards_batch_or_threads(name, digits, cifar):
    classifier, images, targets = digits if name == "small_cnn" else cifar
    if name == "cct7":
        torch.manual_seed(0)
        classifier = build("cct7", (3, 32, 32), 10).eval()
    count, steps = (40, 60) if name == "small_cnn" else (20, 3)
    settings = Masks(min_steps=steps // 2, max_steps=steps, tolerance=1e-3)
    whole = train_masks(classifier, images[:count], targets[:count], settings, batch_size=16)
    threads = torch.get_num_threads()
    try:
        for first, last, batch, cores in [(0, 5, None, 1), (5, 6, 1, 2), (6, count, 34, 2)]:
            torch.set_num_threads(cores)
            rows = slice(first, last)
            part = train_masks(classifier, images[rows], targets[rows], settings, batch_size=batch)
            assert same(whole, part, rows)
    finally:
        torch.set_num_threads(threads)


def test_one_bad_image_spoils_no_other(digits):
    classifier, images, targets = digits
    good = train_masks(classifier, images[:6], targets[:6], QUICK)
    broken = images[:6].clone()
    broken[1, 0, 3, 3] = float("nan")
    broken[4] = float("inf")
    found = train_masks(classifier, broken, targets[:6], QUICK)
    others = [0, 2, 3, 5]
    assert found.finite.tolist() == [True, False, True, True, False, True]
    assert np.array_equal(found.masks[others], good.masks[others])
    assert np.array_equal(found.steps[others], good.steps[others])
    assert not found.masks[[1, 4]].any()
    assert not found.kept[[1, 4]].any()
    arrays = [value for name, value in vars(found).items() if name not in ("engine", "makers")]
    assert all(np.isfinite(array).all() for array in arrays)


def test_running_out_of_memory_halves_the_batch_and_changes_nothing(digits, monkeypatch):
    classifier, images, targets = digits
    wanted = train_masks(classifier, images[:40], targets[:40], QUICK, batch_size=8)
    sizes, gradients_of = [], Slots.gradients

    def scarce(self):
        sizes.append(len(self.positions))
        if sizes[-1] > 8:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")
        return gradients_of(self)

    monkeypatch.setattr(Slots, "gradients", scarce)
    found = train_masks(classifier, images[:40], targets[:40], QUICK, batch_size=40)
    assert max(sizes) > 8
    assert min(sizes) <= 8
    assert same(wanted, found)


CHILD = """
import sys, torch
from idbias.masks.training import train_masks
folder = sys.argv[1]
case = torch.load(f"{folder}/case.pt", weights_only=False)
print("ready", flush=True)
train_masks(*case, checkpoint=f"{folder}/checkpoint", checkpoint_seconds=0.05)
"""


def test_killed_thrice_and_asked_to_leave_ends_with_the_same_masks(digits, tmp_path, monkeypatch):
    classifier, images, targets = digits
    case = (classifier, images[:64], targets[:64], Masks(min_steps=1500, max_steps=1500))
    torch.save(case, tmp_path / "case.pt")
    random = np.random.default_rng()
    for signal_number in [signal.SIGKILL] * 3 + [signal.SIGTERM]:
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, tmp_path], stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT / "workflow_scripts")},
        )  # fmt: skip
        child.stdout.readline()
        before = modified(tmp_path / "checkpoint")
        while modified(tmp_path / "checkpoint") == before and child.poll() is None:
            time.sleep(0.01)
        time.sleep(random.uniform(0, 0.3))
        assert child.poll() is None, "it finished before it could be killed"
        sent = time.monotonic()
        child.send_signal(signal_number)
        status = child.wait(timeout=30)
        assert status == (143 if signal_number == signal.SIGTERM else -signal.SIGKILL)
        assert time.monotonic() - sent < 10
    updates, update = [], Slots.update
    monkeypatch.setattr(Slots, "update", lambda *a: (updates.append(0), update(*a))[1])
    resumed = train_masks(*case, checkpoint=tmp_path / "checkpoint")
    steps_resumed = len(updates)
    assert same(train_masks(*case), resumed)
    assert steps_resumed < len(updates) - steps_resumed, "it did not go on from the checkpoint"


def modified(path):
    return path.stat().st_mtime_ns if path.exists() else None


@pytest.mark.parametrize("harm", ["cut short", "other settings", "other weights"])
def test_a_checkpoint_of_something_else_is_ignored(digits, tmp_path, harm, capsys):
    classifier, images, targets = digits
    path, settings = tmp_path / "checkpoint", Masks(min_steps=5, max_steps=5)
    train_masks(classifier, images[:4], targets[:4], settings, checkpoint=path)
    assert path.exists()
    if harm == "cut short":
        path.write_bytes(path.read_bytes()[:1000])
    elif harm == "other settings":
        settings = Masks(min_steps=6, max_steps=6)
    else:
        classifier = copy.deepcopy(classifier)
        classifier.head.bias += 1
    wanted = train_masks(classifier, images[:4], targets[:4], settings)
    assert same(wanted, train_masks(classifier, images[:4], targets[:4], settings, checkpoint=path))
    assert "it is ignored" in capsys.readouterr().err


def test_a_saved_state_comes_back_under_its_key_only(tmp_path):
    state = {"a": torch.arange(3), "b": {7: {"c": torch.ones(2)}}}
    checkpoints.save(tmp_path / "x", "key", state)
    assert str(checkpoints.load(tmp_path / "x", "key")) == str(state)
    assert checkpoints.load(tmp_path / "x", "another") is None
    assert checkpoints.load(tmp_path / "missing", "key") is None


def test_works_without_a_compiler(digits, monkeypatch):
    classifier, images, targets = digits
    monkeypatch.setattr(convolutions, "library", lambda: None)
    settings = Masks(min_steps=20, max_steps=20, dtype="float64")
    found = train_masks(classifier, images[:3], targets[:3], settings)
    mask, *_ = train_mask(
        copy.deepcopy(classifier).double(), images[0].double(), int(targets[0]), settings
    )
    assert np.abs(found.masks[0] - mask.numpy()).max() < 1e-6
    assert isinstance(gradients.input_gradient(classifier, images[:1]), gradients.Autograd)


def test_progress_counts_every_image_once(digits):
    classifier, images, targets = digits
    counts = []
    train_masks(classifier, images[:20], targets[:20], QUICK, progress=counts.append)
    assert sum(counts) == 20


def test_masks_of_a_checkpoint_of_another_machine_name_both(digits, tmp_path, monkeypatch):
    classifier, images, targets = digits
    case = classifier, images[:4], targets[:4], QUICK
    train_masks(*case, checkpoint=tmp_path / "checkpoint")
    monkeypatch.setattr(machine, "processor", lambda device: "another")
    makers = train_masks(*case, checkpoint=tmp_path / "checkpoint").makers
    assert len(makers) == 2
    assert makers[1]["processor"] == "another"


def test_progress_counts_those_of_a_checkpoint_too(digits, tmp_path):
    classifier, images, targets = digits
    case = (classifier, images[:8], targets[:8], Masks(min_steps=5, max_steps=5))
    train_masks(*case, checkpoint=tmp_path / "checkpoint")
    counts = []
    again = train_masks(*case, checkpoint=tmp_path / "checkpoint", progress=counts.append)
    assert [maker["processor"] for maker in again.makers] == [machine.processor("cpu")]
    assert sum(counts) == 8


def test_no_images_give_no_masks(digits):
    classifier, images, targets = digits
    found = train_masks(classifier, images[:0], targets[:0])
    assert found.masks.shape == (0, 1, 8, 8)


def test_bad_input_is_named(digits):
    classifier, images, targets = digits
    with pytest.raises(InputError, match=r"class 12.*0 to 9"):
        train_masks(classifier, images[:2], torch.tensor([1, 12]))
    with pytest.raises(InputError, match=r"\(N, C, H, W\)"):
        train_masks(classifier, images[0], targets[:1])
    with pytest.raises(InputError, match="4 integers"):
        train_masks(classifier, images[:4], targets[:3])
