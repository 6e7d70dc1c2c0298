"""Masks in training: a batch of slots, each with an image, its mask and the state of its Adam.

A step is a fixed sequence of operations on whole batches that asks nothing of the host. A slot whose
mask is finished is over: frozen, as an empty one is, its mask, step and losses no longer move. Every
`look_every` steps the host looks which are over, and only then do images leave and enter. On CPUs that is each
step; on a GPU, where a look stops the pipeline, it is not (docs/masks.md).
"""

import torch

from idbias.fourier import mask_gradient, pair_counts
from idbias.machine import out_of_memory
from idbias.masks import gpu
from idbias.masks.compressed import CompressedMasks

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # Adam's defaults, which the paper keeps


class Work:
    """What the workers of one call share: the images, which of them wait, and what is done.

    `waiting` holds positions of images; those that a worker or a checkpoint gave back have their
    state in `parked`. Workers touch different rows of `done` and `masks`, and take positions one by
    one, so no lock is needed.
    """

    def __init__(self, images, targets, settings, device, waiting):
        self.images, self.targets, self.settings, self.device = images, targets, settings, device
        self.dtype = torch.float64 if settings.dtype == "float64" else torch.float32
        count, channels, height, width = images.shape
        half = settings.spectrum == "half"
        self.size = (height, width)
        self.shape = (channels, height, width // 2 + 1 if half else width)
        self.fft = torch.fft.rfft2 if half else torch.fft.fft2
        # How many entries of the full spectrum each column stands for, in sum(M).
        counts = pair_counts(width) if half else torch.ones(width)
        self.counts = counts.to(device, self.dtype)
        self.waiting, self.parked = waiting, {}
        self.makers = []  # machine.made_by of this call, and of a checkpoint's
        self.masks = CompressedMasks(images.shape, half)
        self.done = {
            "step": torch.zeros(count, dtype=torch.int32),
            "converged": torch.zeros(count, dtype=torch.bool),
            "finite": torch.ones(count, dtype=torch.bool),
            "finished": torch.zeros(count, dtype=torch.bool),
        }
        # Adam's bias corrections for every step, computed in double as torch.optim.Adam does.
        steps = torch.arange(settings.max_steps + 1, dtype=torch.float64)
        rate = settings.learning_rate / (1 - BETA1**steps)
        root = (1 - BETA2**steps).sqrt()
        rate[0], root[0] = 0, 1  # for empty slots, which stay at step 0
        self.rate, self.root = rate.to(device, self.dtype), root.to(device, self.dtype)

    @property
    def bytes_of_a_slot(self):
        """Bytes of what an image in training has in `Slots.state`, twice while slots are moved."""
        entries = self.shape[0] * self.shape[1] * self.shape[2]
        return 2 * 5 * entries * self.rate.element_size()  # spectrum (complex), mask and Adam's two

    def finish(self, position, mask, steps, converged, finite):
        """Keep what training made of one image; a mask, on the CPU, that is not finite is none."""
        self.done["step"][position] = int(steps)
        self.done["converged"][position] = bool(converged)
        self.done["finite"][position] = bool(finite)
        self.masks[position] = mask if finite else None
        self.done["finished"][position] = True

    def inverse(self, spectra):
        """Return Re(F^-1 spectra), (B, C, H, W)."""
        if self.settings.spectrum == "half":
            return torch.fft.irfft2(spectra, s=self.size)
        return torch.fft.ifft2(spectra).real


class Slots:
    """Up to `size` images trained at once. `run` goes on until none is left or it is told to stop.

    input_gradient: images (B, C, H, W), classes (B,) -> cross-entropies (B,), their gradients.
    look_every: steps from one look at which masks are finished to the next; no mask depends on it.
    capture: gpu.captured, or None to run each step's operations one by one.
    """

    def __init__(self, work, input_gradient, size, look_every=1, capture=None):
        self.work, self.input_gradient = work, input_gradient
        self.look_every, self.capture = look_every, capture
        self.most = size
        self.positions = []  # of the image in each slot, None in an empty one
        self._resize(0)

    def _resize(self, size):
        """Make room for `size` images, keeping those in training (at most `size` of them)."""
        work, used = self.work, self._used()

        def zeros(dtype, *shape):
            return torch.zeros(size, *shape, dtype=dtype, device=work.device)

        # A captured step works on the old tensors, and holds on to as much memory as it needs.
        self.advance = None if self.capture else self.step
        state = {
            "over": ~zeros(torch.bool),
            "converged": zeros(torch.bool),
            "failed": zeros(torch.bool),
            "target": zeros(torch.int64),
            "spectrum": zeros(work.dtype.to_complex(), *work.shape),
            "step": zeros(torch.int64),
            "mask": zeros(work.dtype, *work.shape),
            "mean": zeros(work.dtype, *work.shape),
            "square": zeros(work.dtype, *work.shape),
            "losses": zeros(torch.float64, work.settings.window),
        }
        if used:
            kept = self._index(used)
            for name, tensor in state.items():
                tensor[: len(used)] = self.state[name][kept]
        self.positions = [self.positions[slot] for slot in used] + [None] * (size - len(used))
        self.state = state

    def run(self, stop):
        """Train until nothing waits and every slot is empty, or `stop` (an Event) is set."""
        enough = True
        while not stop.is_set():
            try:
                if not self.fill():
                    return
                self._train(stop)
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error) or self.most <= 1:
                    raise
                enough = False
            self.leave()
            if not enough:  # out of the block above: the error holds on to what the step allocated
                enough, self.most = True, self.most // 2
                self.park(keep=self.most)
                self._resize(min(self.most, len(self.positions)))
                gpu.give_back_memory(self.work.device)

    def _train(self, stop):
        """Go `look_every` steps, or until `stop` is set."""
        for _ in range(self.look_every):
            if stop.is_set():
                return
            if self.advance is None:
                self.advance = self.capture(self.step, self.state)
            self.advance()

    def fill(self):
        """Put waiting images into empty slots; return whether any image is in training."""
        work, used = self.work, len(self._used())
        taken = []
        while len(taken) < self.most - used and work.waiting:
            try:
                taken.append(work.waiting.popleft())
            except IndexError:  # another worker took the last one
                break
        try:
            size, needed = len(self.positions), used + len(taken)
            if needed > size or needed <= 3 * size // 4:  # a waning batch need not keep its size
                self._resize(
                    min(self.most, max(needed, self.input_gradient.smallest)) if needed else 0
                )
            if taken:
                self._enter(taken)
        except BaseException:
            work.waiting.extendleft(reversed(taken))
            raise
        return needed > 0

    def _enter(self, taken):
        """Put the images of these positions into empty slots."""
        work, state = self.work, self.state
        empty = [slot for slot, position in enumerate(self.positions) if position is None]
        slots, rows = self._index(empty[: len(taken)]), torch.tensor(taken)
        self._clear(slots)
        state["target"][slots] = work.targets[rows].to(work.device)
        state["spectrum"][slots] = work.fft(work.images[rows].to(work.device, work.dtype))
        state["mask"][slots] = 1
        for slot, position in zip(empty, taken, strict=False):
            for name, value in work.parked.get(position, {}).items():
                state[name][slot] = value.to(work.device)
        state["over"][slots] = False
        for slot, position in zip(empty, taken, strict=False):
            self.positions[slot] = position
            work.parked.pop(position, None)

    def step(self):
        """One step of each mask that is not over, asking nothing of the host."""
        loss, gradient = self.gradients()
        self.update(gradient)
        self.judge(loss)

    def gradients(self):
        """Return each slot's loss (B,) in double, and d loss / d M as the full spectrum sees it."""
        work, state = self.work, self.state
        mask, spectrum = state["mask"], state["spectrum"]
        entropy, pixels = self.input_gradient(work.inverse(mask * spectrum), state["target"])
        gradient = mask_gradient(spectrum, pixels, work.fft)
        penalty = work.settings.penalty
        total = (mask.sum(dim=(1, 2)) * work.counts).sum(dim=1)
        # Entries never are negative: sum(M) is the l1 norm. They part at 0, where torch gives |M| no gradient.
        push = mask.sign().mul_(penalty) if work.settings.norm == "l1" else penalty
        return entropy.double() + penalty * total.double(), gradient.add_(push)

    def update(self, gradient):
        """One step of torch.optim.Adam for each slot that is not over, then the clamp to [0, 1]."""
        work, state = self.work, self.state
        # All memory first: if it runs out, nothing has moved yet.
        over = state["over"]
        step = state["step"] + ~over
        root, rate = (table[step].view(-1, 1, 1, 1) for table in (work.root, work.rate))
        width = torch.empty_like(gradient)
        state["step"].copy_(step)
        state["mean"].lerp_(gradient, 1 - BETA1)
        state["square"].mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
        torch.sqrt(state["square"], out=width).div_(root).add_(EPSILON)
        change = torch.div(state["mean"], width, out=gradient).mul_(rate)
        state["mask"].sub_(change.masked_fill_(over.view(-1, 1, 1, 1), 0)).clamp_(0, 1)

    def judge(self, loss):
        """Record the losses that the step started from; freeze the masks that are finished."""
        state, settings = self.state, self.work.settings
        step, over, losses = state["step"], state["over"], state["losses"]
        column = ((step - 1) % settings.window).unsqueeze(1)
        before = losses.gather(1, column)
        losses.scatter_(1, column, torch.where(over.unsqueeze(1), before, loss.unsqueeze(1)))
        known = step.clamp(1, settings.window)
        recent = losses.sum(dim=1) / known  # unused entries are zero
        finite = torch.isfinite(loss)
        flat = (step > settings.min_steps) & ((loss - recent).abs() < settings.tolerance) & finite
        state["converged"].logical_or_(flat & ~over)
        state["failed"].logical_or_(~finite & ~over)
        over.logical_or_(flat | ~finite | (step >= settings.max_steps))

    def leave(self):
        """Move the images that are done out of their slots."""
        over, work = self.read_over(), self.work
        out = [slot for slot in self._used() if over[slot]]
        if not out:
            return
        slots = self._index(out)
        step, converged, failed, masks = (
            self.state[name][slots].cpu() for name in ("step", "converged", "failed", "mask")
        )
        for row, slot in enumerate(out):
            work.finish(
                self.positions[slot], masks[row], step[row], converged[row], not failed[row]
            )
        self._clear(slots)
        for slot in out:
            self.positions[slot] = None

    def read_over(self):
        """Return which slots are over; the only place where the host waits for the device."""
        return self.state["over"].cpu().tolist()

    def _used(self):
        return [slot for slot, position in enumerate(self.positions) if position is not None]

    def _index(self, slots):
        return torch.tensor(slots, dtype=torch.int64).to(self.work.device)

    def _clear(self, slots):
        """Empty slots go on as images of zeros, which cost what they cost and change nothing."""
        for name, value in self.state.items():
            value[slots] = name == "over"

    def park(self, keep=0):
        """Give all images in training but the first `keep` back to `work.waiting`, to go on later."""
        rest = self._used()[keep:]
        for position, state in self.export(rest).items():
            self.work.parked[position] = state
            self.work.waiting.appendleft(position)
        self._clear(self._index(rest))
        for slot in rest:
            self.positions[slot] = None

    def export(self, slots=None):
        """Return {position of the image: what must be known to go on with it}."""
        slots = self._used() if slots is None else slots
        names = ("step", "mask", "mean", "square", "losses")
        return {
            self.positions[slot]: {name: self.state[name][slot].cpu().clone() for name in names}
            for slot in slots
        }
