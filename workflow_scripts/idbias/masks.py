"""Fourier masks of images: what a frozen classifier needs to see to give the target class.

Paper 1, sections 3.1 and 4.5. For an image x with target class y the mask M, real, of the image's
shape, starts as ones and is trained with Adam to minimise

    cross-entropy(classifier(x_F), y) + penalty * sum(M),    x_F = Re(F^-1(M * F x)),

clamped to [0, 1] after each step. With l_t the loss that step t started from, training ends after
step t if t > min_steps and |l_t - mean(l_(t-19) .. l_t)| < tolerance, or at t = max_steps.
"""

import hashlib
import json
import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from idbias.errors import InputError
from idbias.files import replacing
from idbias.fourier import full_from_half, pair_counts

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # Adam's defaults, which the paper keeps


@dataclass(frozen=True)
class MaskSettings:
    """How masks are trained. The defaults are those of paper 1, section 4.5, and of its code."""

    penalty: float = 0.01
    learning_rate: float = 0.01
    min_steps: int = 500
    max_steps: int = 5000
    tolerance: float = 1e-5
    window: int = 20
    spectrum: str = "half"
    dtype: str = "float32"

    def __post_init__(self):
        checks = {
            "penalty": (self.penalty >= 0, "a number >= 0"),
            "learning_rate": (self.learning_rate > 0, "a number > 0"),
            "max_steps": (self.max_steps >= 1, "a whole number >= 1"),
            "min_steps": (0 <= self.min_steps <= self.max_steps, "between 0 and max_steps"),
            "tolerance": (self.tolerance >= 0, "a number >= 0"),
            "window": (self.window >= 1, "a whole number >= 1"),
            "spectrum": (self.spectrum in ("half", "full"), "'half' or 'full'"),
            "dtype": (self.dtype in ("float32", "float64"), "'float32' or 'float64'"),
        }
        for name, (valid, allowed) in checks.items():
            if not valid:
                raise InputError(
                    f"Mask setting {name} = {getattr(self, name)!r} must be {allowed}."
                )


@dataclass
class MaskResult:
    """Masks of N images and how their training ended; everything is a numpy array.

    masks: float32 (N, C, H, W), full spectrum in the order of fft2, entries in [0, 1].
    steps: int32 (N,), optimisation steps taken.
    loss: float64 (N,), cross-entropy + penalty * sum(M) of the mask as it is returned.
    converged: bool (N,), stopped by the tolerance and not by max_steps.
    predicted: int64 (N,), the class of the masked image.
    kept: bool (N,), predicted is the target.
    finite: bool (N,), False where the loss became infinite or not a number: that image was dropped,
        its mask is all zeros, its loss 0, its prediction -1, and it is neither converged nor kept.
    """

    masks: np.ndarray
    steps: np.ndarray
    loss: np.ndarray
    converged: np.ndarray
    kept: np.ndarray
    predicted: np.ndarray
    finite: np.ndarray


def train_masks(
    classifier,
    images,
    targets,
    settings=None,
    *,
    batch_size=None,
    device=None,
    checkpoint=None,
    checkpoint_seconds=60,
    progress=None,
):
    """Train one mask an image and return a MaskResult.

    classifier: torch module in eval mode, images (B, C, H, W) -> logits (B, K); it is not changed.
    images: float32 (N, C, H, W), tensor or array. targets: int64 (N,), classes in 0 .. K-1.
    settings: MaskSettings, the paper's if None. batch_size: images trained at once (default 64).
    device: where to train; default: where the classifier's parameters are.
    checkpoint: path; the state is saved there every `checkpoint_seconds` and on SIGTERM, which then
        raises SystemExit(143). A checkpoint of the same call (settings, images, targets, weights)
        is continued from; any other, or a damaged one, is ignored with a line on stderr. The caller
        deletes it once the result is safe.
    progress: called with the number of images finished since it was last called.

    Raises InputError (a ValueError) for images or targets of the wrong shape, type or range.
    """
    settings = settings or MaskSettings()
    images, targets = _checked(images, targets)
    dtype = getattr(torch, settings.dtype)
    parameter = next(classifier.parameters(), torch.empty(0))
    device = torch.device(device or parameter.device)
    classifier = _frozen_copy(classifier, device, dtype)
    engine = _Engine(classifier, images, targets, settings, batch_size or 64, device, dtype)
    key = _fingerprint(classifier, images, targets, settings, batch_size) if checkpoint else None
    if checkpoint:
        engine.load(checkpoint, key)
    progress = progress or (lambda finished: None)
    reported = 0
    saved_at = time.monotonic()
    with _sigterm() as terminated:
        while True:
            if engine.finished > reported:
                progress(engine.finished - reported)
                reported = engine.finished
            if not engine.fill():
                break
            if terminated.is_set():
                if checkpoint:
                    engine.save(checkpoint, key)
                raise SystemExit(143)
            if checkpoint and time.monotonic() - saved_at >= checkpoint_seconds:
                engine.save(checkpoint, key)
                saved_at = time.monotonic()
            engine.step()
    return engine.result()


class _Engine:
    """A batch of slots, each with an image's mask and Adam state; done images make room for new."""

    def __init__(self, classifier, images, targets, settings, batch_size, device, dtype):
        self.classifier, self.settings, self.device, self.dtype = (
            classifier,
            settings,
            device,
            dtype,
        )
        self.images, self.targets = images, targets
        total, self.channels, self.height, self.width = images.shape
        self.batch_size = min(batch_size, max(total, 1))
        half = settings.spectrum == "half"
        columns = self.width // 2 + 1 if half else self.width
        counts = pair_counts(self.width) if half else torch.ones(self.width)
        self.counts = counts.to(device, dtype)
        self.fft = torch.fft.rfft2 if half else torch.fft.fft2
        self.inverse = self._inverse_half if half else self._inverse_full
        shape = (self.batch_size, self.channels, self.height, columns)
        self.slots = {  # the image in each slot (-1: none) and the state of its training
            "image": torch.full((self.batch_size,), -1, dtype=torch.int64, device=device),
            "step": torch.zeros(self.batch_size, dtype=torch.int64, device=device),
            "mask": torch.zeros(shape, dtype=dtype, device=device),
            "mean": torch.zeros(shape, dtype=dtype, device=device),
            "square": torch.zeros(shape, dtype=dtype, device=device),
            "losses": torch.zeros(
                self.batch_size, settings.window, dtype=torch.float64, device=device
            ),
        }
        self.done = {  # what is known of each image
            "mask": torch.zeros(total, *shape[1:], dtype=dtype),
            "step": torch.zeros(total, dtype=torch.int32),
            "loss": torch.zeros(total, dtype=torch.float64),
            "converged": torch.zeros(total, dtype=torch.bool),
            "predicted": torch.full((total,), -1, dtype=torch.int64),
            "finite": torch.ones(total, dtype=torch.bool),
        }
        self.next = self.finished = 0
        self._load_slots(torch.arange(self.batch_size))
        steps = torch.arange(settings.max_steps + 2, dtype=torch.float64)
        # Adam's two bias corrections, as torch.optim.Adam computes them: in double, then rounded.
        self.rate = (settings.learning_rate / (1 - BETA1**steps)).to(device, dtype)
        self.root = (1 - BETA2**steps).sqrt().to(device, dtype)

    def _inverse_half(self, spectrum):
        return torch.fft.irfft2(spectrum, s=(self.height, self.width))

    def _inverse_full(self, spectrum):
        return torch.fft.ifft2(spectrum).real

    def _load_slots(self, slots):
        """Put the spectra and targets of the slots' images in place."""
        if not hasattr(self, "spectra"):
            shape = self.slots["mask"].shape
            complex_dtype = torch.complex64 if self.dtype == torch.float32 else torch.complex128
            self.spectra = torch.zeros(shape, dtype=complex_dtype, device=self.device)
            self.classes = torch.zeros(self.batch_size, dtype=torch.int64, device=self.device)
        used = slots[self.slots["image"][slots].cpu() >= 0]
        if len(used):
            index = self.slots["image"][used].cpu()
            pixels = self.images[index].to(self.device, self.dtype)
            self.spectra[used] = self.fft(pixels)
            self.classes[used] = self.targets[index].to(self.device)

    def fill(self):
        """Put waiting images into free slots; return whether any slot is in use."""
        free = (self.slots["image"] < 0).nonzero().flatten().cpu()
        take = min(len(free), len(self.images) - self.next)
        if take:
            slots = free[:take]
            self.slots["image"][slots] = torch.arange(
                self.next, self.next + take, device=self.device
            )
            self.slots["step"][slots] = 0
            self.slots["mask"][slots] = 1
            self.slots["mean"][slots] = 0
            self.slots["square"][slots] = 0
            self.next += take
            self._load_slots(slots)
        return bool((self.slots["image"] >= 0).any())

    def step(self):
        """One Adam step of every slot; then the images that are done leave."""
        slots, settings = self.slots, self.settings
        mask, mean, square = slots["mask"], slots["mean"], slots["square"]
        pixels = self.inverse(mask * self.spectra).requires_grad_()
        entropy = functional.cross_entropy(self.classifier(pixels), self.classes, reduction="none")
        (gradient,) = torch.autograd.grad(entropy.sum(), pixels)
        loss = entropy.detach().double() + settings.penalty * self._sum(mask)
        # d x_F / d M(k): what the full spectrum's entry k would get, and -k gets the same.
        back = self.fft(gradient).conj()
        slope = (self.spectra * back).real / (self.height * self.width) + settings.penalty
        slots["step"] += 1
        step = slots["step"]
        mean.lerp_(slope, 1 - BETA1)
        square.mul_(BETA2).addcmul_(slope, slope, value=1 - BETA2)
        shaped = (-1, 1, 1, 1)
        width = square.sqrt().div_(self.root[step].view(shaped)).add_(EPSILON)
        mask.sub_(mean.div(width).mul_(self.rate[step].view(shaped))).clamp_(0, 1)
        slots["losses"][torch.arange(len(step)), (step - 1) % settings.window] = loss
        self._leave(loss, step)

    def _sum(self, mask):
        return (mask.sum(dim=(1, 2)) * self.counts).sum(dim=1).double()

    def _leave(self, loss, step):
        settings, used = self.settings, self.slots["image"] >= 0
        finite = torch.isfinite(loss)
        filled = step.clamp(max=settings.window)
        kept = torch.arange(settings.window, device=self.device) < filled[:, None]
        recent = (self.slots["losses"] * kept).sum(dim=1) / filled
        flat = (step > settings.min_steps) & ((loss - recent).abs() < settings.tolerance)
        out = used & (flat | (step >= settings.max_steps) | ~finite)
        if not out.any():
            return
        gone = out.nonzero().flatten()
        index = self.slots["image"][gone].cpu()
        self.done["step"][index] = step[gone].cpu().int()
        self.done["converged"][index] = (flat & finite)[gone].cpu()
        self.done["finite"][index] = finite[gone].cpu()
        good = gone[finite[gone]]
        self.done["mask"][self.slots["image"][good].cpu()] = self.slots["mask"][good].cpu()
        # An empty slot goes on as an image of zeros, so that the batch keeps its size.
        for state in ("mask", "mean", "square", "losses", "step"):
            self.slots[state][gone] = 0
        self.spectra[gone] = 0
        self.slots["image"][gone] = -1
        self.finished += len(gone)

    @torch.no_grad()
    def result(self):
        """Classify the masked images and return the MaskResult."""
        done, total = self.done, len(self.images)
        for start in range(0, total, self.batch_size):
            index = torch.arange(start, start + self.batch_size) % total
            mask = done["mask"][index].to(self.device)
            spectra = self.fft(self.images[index].to(self.device, self.dtype))
            logits = self.classifier(self.inverse(mask * spectra))
            classes = self.targets[index].to(self.device)
            entropy = functional.cross_entropy(logits, classes, reduction="none")
            loss = entropy.double() + self.settings.penalty * self._sum(mask)
            done["loss"][index] = loss.cpu()
            done["predicted"][index] = logits.argmax(dim=1).cpu()
        done["loss"][~done["finite"]] = 0
        done["predicted"][~done["finite"]] = -1
        masks = done["mask"]
        if self.settings.spectrum == "half":
            masks = full_from_half(masks, self.width)
        return MaskResult(
            masks=masks.float().numpy(),
            steps=done["step"].numpy(),
            loss=done["loss"].numpy(),
            converged=done["converged"].numpy(),
            kept=(done["predicted"] == self.targets).numpy() & done["finite"].numpy(),
            predicted=done["predicted"].numpy(),
            finite=done["finite"].numpy(),
        )

    def save(self, path, key):
        """Write the state to `path`, which never holds a part of a checkpoint."""
        state = {"key": key, "slots": self.slots, "done": self.done}
        state |= {"next": self.next, "finished": self.finished}
        with replacing(path) as temporary:
            torch.save(state, temporary)

    def load(self, path, key):
        """Continue from `path` if it is a checkpoint of the same call, else say why not."""
        if not Path(path).exists():
            return
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            found = state["key"]
        except Exception as error:
            print(f"Checkpoint {path} is damaged ({error}); starting afresh.", flush=True)
            return
        if found != key:
            print(f"Checkpoint {path} is of other masks; starting afresh.", flush=True)
            return
        self.slots = {name: value.to(self.device) for name, value in state["slots"].items()}
        self.done = state["done"]
        self.next, self.finished = state["next"], state["finished"]
        self._load_slots(torch.arange(self.batch_size))


def _checked(images, targets):
    images, targets = torch.as_tensor(images), torch.as_tensor(targets)
    if images.ndim != 4 or not images.is_floating_point():
        raise InputError(
            f"Images to mask have shape {tuple(images.shape)} and type {images.dtype}; "
            "they must be floating point (N, C, H, W)."
        )
    if targets.shape != images.shape[:1] or targets.is_floating_point():
        raise InputError(
            f"Targets have shape {tuple(targets.shape)} and type {targets.dtype}; "
            f"they must be {len(images)} class numbers, one an image."
        )
    return images.cpu(), targets.long().cpu()


def _frozen_copy(classifier, device, dtype):
    import copy

    return copy.deepcopy(classifier).to(device, dtype).eval().requires_grad_(False)


def _fingerprint(classifier, images, targets, settings, batch_size):
    """Return a hash of everything that decides the masks."""
    digest = hashlib.sha256(json.dumps([asdict(settings), batch_size, torch.__version__]).encode())
    digest.update(repr(classifier).encode())
    for tensor in (images, targets, *classifier.state_dict().values()):
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


@contextmanager
def _sigterm():
    """Yield an event that SIGTERM sets (Slurm's time limit and preemption send it)."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = signal.signal(signal.SIGTERM, lambda *_: event.set())
    try:
        yield event
    finally:
        signal.signal(signal.SIGTERM, before)
