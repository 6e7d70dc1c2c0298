"""What mask training does on a GPU, tested without one: masks that are frozen where they are, devices
that do not mix, no wait for the host within a step, a share of the memory, captured steps.

The device is tests/masks/standin.py.
"""

import copy
from collections import deque
from functools import partial
from threading import Event

import numpy as np
import pytest
import standin
import torch
from mask_cases import same
from torch.profiler import ProfilerActivity, profile

from idbias.config.schema import Masks
from idbias.masks import gpu, training
from idbias.masks.gradients import input_gradient
from idbias.masks.slots import Slots, Work
from idbias.masks.training import train_masks

pytest_plugins = ["mask_cases"]
pytestmark = pytest.mark.usefixtures("one_thread")
STOPS = Masks(learning_rate=0.1, min_steps=20, max_steps=45, tolerance=0.05)
# What makes the host wait for a GPU: numbers and shapes that depend on what was computed.
WAITS = {"item", "_local_scalar_dense", "nonzero", "is_nonzero", "equal", "masked_select", "unique"}


@pytest.fixture(autouse=True)
def device(monkeypatch):
    """The stand-in, with endless memory, of which a job gets 1 GiB."""
    monkeypatch.setattr(gpu, "share_of_memory", lambda device: 1 << 30)
    monkeypatch.setitem(standin.memory, "bytes", float("inf"))
    monkeypatch.setitem(standin.memory, "refusals", 0)
    standin.crossings.clear()
    return standin.DEVICE


def slots_on(device, case, settings=STOPS, size=16, **options):
    """Slots that hold the first `size` images of a case, trained with torch's own gradients."""
    classifier, images, targets = case
    work = Work(images, targets, settings, torch.device(device), deque(range(len(images))))
    classifier = copy.deepcopy(classifier).to(device, work.dtype)
    example = torch.zeros(1, *images.shape[1:], dtype=work.dtype).to(device)
    slots = Slots(work, input_gradient(classifier, example, engine="torch"), size, **options)
    slots.fill()
    return slots


@pytest.mark.parametrize("engine", ["auto", "torch"])
@pytest.mark.parametrize(("data", "count", "most"), [("digits", 60, 45), ("cifar", 18, 36)])
def test_frozen_masks_are_those_that_leave_at_once(data, count, most, engine, request):
    classifier, images, targets = request.getfixturevalue(data)
    images = images[:count].clone()
    images[3] = float("nan")
    settings = STOPS.model_copy(update={"max_steps": most})
    case = classifier, images, targets[:count], settings
    options = {"engine": engine, "batch_size": 16}
    leaving = train_masks(*case, **options)
    assert len(set(leaving.steps.tolist())) > 2
    for look_every in (7, 40):
        frozen = train_masks(*case, look_every=look_every, **options)
        assert same(leaving, frozen)


def test_a_whole_training_on_the_device_gives_the_masks_of_the_cpu(digits, device, tmp_path):
    classifier, images, targets = digits
    settings = STOPS.model_copy(update={"dtype": "float64"})
    case = classifier, images[:40], targets[:40], settings
    wanted = train_masks(*case)
    found = train_masks(*case, batch_size=16, device=device, checkpoint=tmp_path / "checkpoint")
    assert np.abs(found.masks - wanted.masks).max() < 1e-6
    assert np.array_equal(found.steps, wanted.steps)
    assert np.array_equal(found.predicted, wanted.predicted)


def test_training_on_the_device_goes_on_from_a_checkpoint(digits, device, tmp_path, monkeypatch):
    classifier, images, targets = digits
    case = classifier, images[:24], targets[:24], STOPS
    wanted = train_masks(*case, batch_size=16, device=device)
    steps, judge = [], Slots.judge

    def cut_off(self, loss):
        judge(self, loss)
        steps.append(0)
        if len(steps) == 60:
            training_event.set()

    training_event = Event()
    monkeypatch.setattr(Slots, "judge", cut_off)
    monkeypatch.setattr(training.checkpoints, "terminated", lambda: _entered(training_event))
    with pytest.raises(SystemExit):
        train_masks(*case, batch_size=16, device=device, checkpoint=tmp_path / "checkpoint")
    monkeypatch.undo()
    monkeypatch.setattr(gpu, "share_of_memory", lambda device: 1 << 30)
    found = train_masks(*case, batch_size=16, device=device, checkpoint=tmp_path / "checkpoint")
    assert same(wanted, found)


class _entered:
    def __init__(self, value):
        self.value = value

    def __enter__(self):
        return self.value

    def __exit__(self, *_):
        return False


@pytest.mark.parametrize("data", ["digits", "cifar"])
def test_a_hundred_steps_bring_nothing_to_the_host(data, device, request):
    case = request.getfixturevalue(data)
    few = (case[0], case[1][:4], case[2][:4])
    steps = 100 if data == "digits" else 10
    slots = slots_on(device, few, size=4)
    standin.crossings.clear()
    for _ in range(steps):
        slots.step()
    assert standin.crossings == []
    slots.leave()
    assert standin.crossings, "a look at what is over is what the host waits for"


def test_the_trace_of_a_hundred_steps_has_no_operation_that_waits(cifar):
    slots = slots_on("cpu", (cifar[0], cifar[1][:2], cifar[2][:2]), size=2)
    with profile(activities=[ProfilerActivity.CPU]) as trace:
        for _ in range(100):
            slots.step()
    found = {event.key.removeprefix("aten::") for event in trace.key_averages()}
    assert {"convolution_backward", "_fft_r2c", "lerp_"} <= found
    assert not WAITS & found
    with profile(activities=[ProfilerActivity.CPU]) as trace:
        slots.state["over"].nonzero()
        slots.state["mask"].sum().item()
    assert {"nonzero", "item"} <= {e.key.removeprefix("aten::") for e in trace.key_averages()}


STATE = ["over", "converged", "failed", "target", "spectrum", "step", "mask", "mean", "square"]


@pytest.mark.parametrize("left", [*STATE, "losses", "counts", "rate", "root", "weights"])
def test_a_tensor_left_on_the_cpu_is_refused(left, digits, device):
    classifier, images, targets = digits
    slots = slots_on(device, (classifier, images[:4], targets[:4]), size=4)
    slots.step()
    if left == "weights":
        network = slots.input_gradient.classifier
        network.head.weight = torch.nn.Parameter(network.head.weight.cpu(), requires_grad=False)
    elif left in slots.state:
        slots.state[left] = slots.state[left].cpu()
    else:
        setattr(slots.work, left, getattr(slots.work, left).cpu())
    with pytest.raises(RuntimeError, match="found one on the CPU"):
        slots.step()


def test_images_left_on_the_cpu_are_refused(digits, device, monkeypatch):
    classifier, images, targets = digits
    slots = slots_on(device, (classifier, images[:8], targets[:8]), size=4)
    monkeypatch.setattr(slots.work, "fft", lambda images: torch.fft.rfft2(images.cpu()))
    slots.park()
    with pytest.raises(RuntimeError, match="found one on the CPU"):
        slots.fill()


def test_an_allocator_that_refuses_halves_the_batch_and_changes_nothing(
    digits, device, monkeypatch
):
    classifier, images, targets = digits
    settings = STOPS.model_copy(update={"dtype": "float64"})
    case = classifier, images[:40], targets[:40], settings
    wanted = train_masks(*case, batch_size=8, device=device)
    result = training.mask_result

    def unlimited(*arguments):
        standin.memory["bytes"] = float("inf")
        return result(*arguments)

    monkeypatch.setattr(training, "mask_result", unlimited)
    standin.memory["bytes"] = standin.memory["taken"] + (1 << 20)
    found = train_masks(*case, batch_size=40, device=device)
    assert standin.memory["refusals"] > 0
    assert np.abs(found.masks - wanted.masks).max() < 1e-9
    assert np.array_equal(found.steps, wanted.steps)
    standin.memory["bytes"] = standin.memory["taken"] + (1 << 16)
    with pytest.raises(torch.OutOfMemoryError):
        train_masks(*case, batch_size=40, device=device)


def test_a_job_takes_half_of_what_is_free_and_no_more(monkeypatch):
    monkeypatch.undo()  # not the stand-in's share
    capped = []
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (60 << 30, 80 << 30))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 2 << 30)
    monkeypatch.setattr(
        torch.cuda, "set_per_process_memory_fraction", lambda share, device: capped.append(share)
    )
    assert gpu.share_of_memory("cuda") == 30 << 30
    assert capped == [32 / 80]


def test_the_batch_fits_the_share(digits, device, monkeypatch):
    classifier, images, targets = digits
    slots = slots_on(device, (classifier, images, targets), size=1)
    example = torch.zeros(1, 1, 8, 8).to(device)
    near = slots_on("cpu", (classifier, images, targets), size=1)
    kept = training.activation_bytes(near.input_gradient, torch.zeros(1, 1, 8, 8))
    first_layer = 64 * 16 * 4
    assert first_layer < kept < 10 * first_layer  # and not the weights, which are more
    kept = training.activation_bytes(slots.input_gradient, example)
    one = training.AUTOGRAD * kept + slots.work.bytes_of_a_slot
    for images_that_fit in (20, 100):
        monkeypatch.setattr(gpu, "share_of_memory", lambda _, n=images_that_fit: n * one)
        workers = training._batches(slots.input_gradient, example, slots.work, None)
        assert workers == (1, images_that_fit)


def recorded(step):
    """What a graph does, done by running the step."""
    return lambda: step()


def wrongly_recorded(step):
    """A graph that leaves the first mask where it was."""

    def replay():
        slots = step.__self__
        first = slots.state["mask"][0].clone()
        step()
        slots.state["mask"][0] = first

    return replay


def not_recorded(step):
    raise RuntimeError("operation not permitted when stream is capturing")


@pytest.mark.parametrize("record", [recorded, wrongly_recorded, not_recorded])
def test_captured_steps_give_the_same_masks_or_are_not_used(record, digits, capsys):
    classifier, images, targets = digits
    case = classifier, images[:40].clone(), targets[:40]
    case[1][2] = float("nan")  # which is equal to nothing
    plain = slots_on("cpu", case)
    plain.run(Event())
    slots = slots_on("cpu", case, look_every=5, capture=partial(gpu.captured, record=record))
    used = []
    capture = slots.capture
    slots.capture = lambda step, state: used.append(capture(step, state)) or used[-1]
    slots.run(Event())
    assert np.array_equal(slots.work.masks[:], plain.work.masks[:])
    assert torch.equal(slots.work.done["step"], plain.work.done["step"])
    assert len(used) > 1, "a batch of another size is captured anew"
    said = capsys.readouterr().err
    if record is recorded:
        assert not said
        assert all(replay != slots.step for replay in used)
    else:
        wrong = record is wrongly_recorded
        reason = "it does not give the same masks" if wrong else "operation not permitted"
        assert f"not captured as a CUDA graph: {reason}" in said
        assert used[0] == slots.step


def test_memory_that_runs_out_while_capturing_halves_the_batch(digits):
    classifier, images, targets = digits
    case = classifier, images[:20], targets[:20]
    plain = slots_on("cpu", case)
    plain.run(Event())

    def record(step):
        if len(step.__self__.positions) > 16:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return recorded(step)

    slots = slots_on("cpu", case, size=20, capture=partial(gpu.captured, record=record))
    slots.most = 32
    slots.run(Event())
    assert slots.most == 16
    assert np.abs(slots.work.masks[:] - plain.work.masks[:]).max() < 1e-5


@pytest.mark.parametrize("dtype", ["float32", "tf32", "bfloat16", "float64"])
def test_only_tf32_lets_a_gpu_round_its_products(dtype):
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    with gpu.arithmetic(dtype):
        assert torch.backends.cudnn.enabled  # the default of torch's own flags() is that it is not
        assert torch.backends.cudnn.deterministic
        assert torch.backends.cudnn.allow_tf32 == (dtype == "tf32")
        assert torch.backends.cuda.matmul.allow_tf32 == (dtype == "tf32")
    assert before == (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32)


def test_tf32_is_float32_on_a_cpu(digits):
    classifier, images, targets = digits
    settings = STOPS.model_copy(update={"dtype": "tf32"})
    case = classifier, images[:8], targets[:8]
    assert same(train_masks(*case, STOPS), train_masks(*case, settings))
