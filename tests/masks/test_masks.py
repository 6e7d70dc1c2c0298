"""The mask engine against the reference of one image, and against everything that may befall it."""

import copy
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from mask_reference import same, train_mask
from torch import fx, nn
from torch.nn import functional

from idbias import checkpoints
from idbias.classifiers.networks.by_name import build
from idbias.config.schema import Masks
from idbias.errors import InputError
from idbias.fourier import filtered, full_from_half, half_from_full, pair_counts
from idbias.masks.cpu_engine import convolutions, gradients, segments
from idbias.masks.cpu_engine.folding import folded
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
        mask, steps, _ = train_mask(double, images[i].double(), int(targets[i]), settings)
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
    half = half_from_full(spectrum)
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
    assert all(np.isfinite(value).all() for value in vars(found).values())


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


def test_folding_changes_no_logit(cifar):
    classifier, images, _ = cifar
    traced = folded(classifier)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in traced.modules() if m in used(traced))
    torch.testing.assert_close(traced(images[:4]), classifier(images[:4]), rtol=1e-4, atol=1e-4)


def used(traced):
    modules = dict(traced.named_modules())
    return {modules[n.target] for n in traced.graph.nodes if n.op == "call_module"}


class Untraceable(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Linear(3, 4)

    def forward(self, x):
        x = self.norm(self.conv(x))
        return self.head((x if x.sum() > 0 else -x).mean((2, 3)))


class Odd(nn.Module):
    """A convolution read twice, one called twice, one with groups, shortcuts, a constant added."""

    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Conv2d(1, 16, 5, padding=2), nn.BatchNorm2d(16)
        self.twice = nn.Conv2d(16, 16, 3, padding=1)
        self.grouped, self.after = nn.Conv2d(16, 32, 3, 2, 1, groups=2), nn.BatchNorm2d(32)
        self.shortcut, self.head = nn.Conv2d(16, 32, 1, 2), nn.Linear(32, 7)
        self.relu, self.offset = nn.ReLU(inplace=True), nn.Parameter(torch.rand(1, 16, 9, 11))

    def forward(self, x):
        raw = self.first(x)
        x = functional.relu(self.norm(raw) + raw)
        x = torch.relu(self.twice(x) + x)
        x = self.twice(x) + self.offset + 0.1
        x = self.relu(self.after(self.grouped(x)) + self.shortcut(x))
        return self.head(x.mean((2, 3)))


@pytest.mark.parametrize("network", [Untraceable, Odd])
def test_gradients_of_unusual_networks(network):
    torch.manual_seed(0)
    classifier = network()
    for module in classifier.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    classifier.eval().requires_grad_(False)
    images, classes = torch.rand(5, 1, 9, 11), torch.arange(5) % 4
    wanted = gradients.Autograd(copy.deepcopy(classifier).double())(images.double(), classes)
    gradient = gradients.input_gradient(classifier, images[:1])
    if network is Odd and convolutions.library():
        assert isinstance(gradient, gradients.Fused)
    for found, want in zip(gradient(images, classes), wanted, strict=True):
        torch.testing.assert_close(found.double(), want, rtol=1e-3, atol=1e-5)


needs_compiler = pytest.mark.skipif(convolutions.library() is None, reason="no C++ compiler")


@needs_compiler
@pytest.mark.parametrize(
    ("channels", "kernel", "stride", "padding", "size"),
    [
        ((16, 16), 3, 1, 1, (32, 32)), ((3, 16), 3, 1, 1, (8, 8)), ((32, 64), 3, 1, 1, (5, 13)),
        ((64, 48), 3, 1, 1, (7, 7)), ((16, 32), 3, 2, 1, (9, 8)), ((32, 64), 1, 2, 0, (8, 7)),
        ((3, 40), 7, 2, 3, (15, 18)), ((5, 20), 5, 1, 2, (9, 9)), ((17, 33), 3, 1, 0, (8, 9)),
        ((3, 8), (3, 5), 3, (0, 2), (11, 10)),
    ],
)  # fmt: skip
def test_convolutions_are_those_of_torch(channels, kernel, stride, padding, size):
    """With additions and ReLUs, there and back, however many images are at work at once."""

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.before = nn.Conv2d(2, channels[0], 1)
            self.one = nn.Conv2d(*channels, kernel, stride, padding)
            self.other = nn.Conv2d(*channels, kernel, stride, padding, bias=False)

        def forward(self, x):
            x = self.before(x).relu()
            return torch.relu(self.one(x) + self.other(x)).sum((2, 3))

    torch.manual_seed(0)
    network = Network().requires_grad_(False)
    images, classes = torch.randn(5, 2, *size), torch.arange(5) % channels[1]
    fused = gradients.Fused(fx.symbolic_trace(network), images[:1])
    assert len(fused.layers) == 3
    found = fused(images, classes)
    want = gradients.Autograd(copy.deepcopy(network).double())(images.double(), classes)
    assert_close(found, want)
    for segment in (stage for stage in fused.stages if isinstance(stage, segments.Segment)):
        segment.forward_program.chunk = 2
        for program, _ in segment.backward_programs.values():
            program.chunk = 2
    for once, again in zip(found, fused(images, classes), strict=True):
        assert torch.equal(once, again)


def assert_close(found, want):
    for have, right in zip(found, want, strict=True):
        largest = right.abs().max().item()
        torch.testing.assert_close(have.double(), right, rtol=1e-4, atol=1e-5 * largest)


@needs_compiler
@pytest.mark.parametrize("seed", range(5))
def test_what_is_fused_is_used_unless_it_is_wrong(seed, monkeypatch, capsys):
    """Not even a ReLU whose input rounds to another sign makes it unused."""
    torch.manual_seed(seed)
    network = build("resnet20", (3, 32, 32), 10).eval().requires_grad_(False)
    example = torch.rand(1, 3, 32, 32)
    assert isinstance(gradients.input_gradient(network, example), gradients.Fused)
    monkeypatch.setattr(convolutions, "POINTS", (0.0, 0.7, -0.7, 1.4, -1.4))
    assert isinstance(gradients.input_gradient(network, example), gradients.Autograd)
    assert "differs by" in capsys.readouterr().err


@needs_compiler
def test_fused_layers_keep_a_nan_in_its_image():
    torch.manual_seed(0)
    layers = (nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 3, 3, padding=1))
    network = nn.Sequential(*layers, nn.Flatten()).requires_grad_(False)
    images = torch.randn(2, 16, 6, 6)
    images[0, 3, 2, 2] = float("nan")
    entropy, gradient = gradients.Fused(fx.symbolic_trace(network), images[:1])(
        images, torch.zeros(2, dtype=torch.int64)
    )
    assert torch.isnan(entropy).tolist() == [True, False]
    assert torch.isfinite(gradient[1]).all()


@needs_compiler
def test_linear_layers_are_fused_too():
    torch.manual_seed(0)
    layers = (nn.Flatten(), nn.Linear(50, 21), nn.ReLU(), nn.Linear(21, 4, bias=False))
    network = nn.Sequential(*layers).requires_grad_(False)
    images, classes = torch.randn(9, 2, 5, 5), torch.arange(9) % 4
    fused = gradients.Fused(fx.symbolic_trace(network), images[:1])
    assert len(fused.layers) == 2
    want = gradients.Autograd(copy.deepcopy(network).double())(images.double(), classes)
    assert_close(fused(images, classes), want)


def test_works_without_a_compiler(digits, monkeypatch):
    classifier, images, targets = digits
    monkeypatch.setattr(convolutions, "library", lambda: None)
    settings = Masks(min_steps=20, max_steps=20, dtype="float64")
    found = train_masks(classifier, images[:3], targets[:3], settings)
    mask, _, _ = train_mask(
        copy.deepcopy(classifier).double(), images[0].double(), int(targets[0]), settings
    )
    assert np.abs(found.masks[0] - mask.numpy()).max() < 1e-6
    assert isinstance(gradients.input_gradient(classifier, images[:1]), gradients.Autograd)


def test_progress_counts_every_image_once(digits):
    classifier, images, targets = digits
    counts = []
    train_masks(classifier, images[:20], targets[:20], QUICK, progress=counts.append)
    assert sum(counts) == 20


def test_progress_counts_those_of_a_checkpoint_too(digits, tmp_path):
    classifier, images, targets = digits
    case = (classifier, images[:8], targets[:8], Masks(min_steps=5, max_steps=5))
    train_masks(*case, checkpoint=tmp_path / "checkpoint")
    counts = []
    train_masks(*case, checkpoint=tmp_path / "checkpoint", progress=counts.append)
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


def test_the_engine_can_be_switched_off(digits):
    classifier, images, targets = digits
    example = torch.zeros(1, *images.shape[1:])
    frozen = classifier.eval().requires_grad_(False)
    assert isinstance(gradients.input_gradient(frozen, example, engine="torch"), gradients.Autograd)
    fused = isinstance(gradients.input_gradient(frozen, example), gradients.Fused)
    assert fused == (convolutions.library() is not None)
    few = images[:8], targets[:8], Masks(min_steps=20, max_steps=30)
    torch_s = train_masks(classifier, *few, engine="torch")
    np.testing.assert_allclose(torch_s.masks, train_masks(classifier, *few).masks, atol=1e-4)


def test_a_layout_that_is_not_the_compiled_one_is_refused(monkeypatch):
    kernels = convolutions.library()
    if kernels is None:
        pytest.skip("no compiler here")
    swapped = [*convolutions.Step._fields_[:-2], *convolutions.Step._fields_[:-3:-1]]
    other = type("Step", (ctypes.Structure,), {"_fields_": [*swapped, ("more", ctypes.c_int)]})
    monkeypatch.setattr(convolutions, "Step", other)
    with pytest.raises(RuntimeError, match="is laid out as"):
        convolutions._declared(kernels)
