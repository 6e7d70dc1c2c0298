"""Masks in training: a batch of slots, each with an image, its mask and the state of its Adam."""

import torch

from idbias.fourier import pair_counts

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # Adam's defaults, which the paper keeps


class Work:
    """What the workers of one call share: the images, which of them wait, and what is done.

    `waiting` holds positions of images; those that a worker or a checkpoint gave back have their
    state in `parked`. Workers touch different rows of `done`, and take positions one by one, so no
    lock is needed.
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
        self.done = {
            "mask": torch.zeros(count, *self.shape, dtype=self.dtype),
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

    def inverse(self, spectra):
        """Return Re(F^-1 spectra), (B, C, H, W)."""
        if self.settings.spectrum == "half":
            return torch.fft.irfft2(spectra, s=self.size)
        return torch.fft.ifft2(spectra).real


class Slots:
    """Up to `size` images trained at once. `run` goes on until none is left or it is told to stop.

    input_gradient: images (B, C, H, W), classes (B,) -> cross-entropies (B,), their gradients.
    """

    def __init__(self, work, input_gradient, size):
        self.work, self.input_gradient = work, input_gradient
        self.most = size
        self._resize(0)

    def _resize(self, size):
        """Make room for `size` images, keeping those in training (at most `size` of them)."""
        work, settings = self.work, self.work.settings
        old, used = getattr(self, "state", None), []
        if old:
            used = (old["image"] >= 0).nonzero().flatten()
        options = {"dtype": work.dtype, "device": work.device}
        whole = {"dtype": torch.int64, "device": work.device}
        complex_type = torch.complex128 if work.dtype == torch.float64 else torch.complex64
        self.state = {
            "image": torch.full((size,), -1, **whole),
            "target": torch.zeros(size, **whole),
            "spectrum": torch.zeros(size, *work.shape, dtype=complex_type, device=work.device),
            "step": torch.zeros(size, **whole),
            "mask": torch.zeros(size, *work.shape, **options),
            "mean": torch.zeros(size, *work.shape, **options),
            "square": torch.zeros(size, *work.shape, **options),
            "losses": torch.zeros(size, settings.window, dtype=torch.float64, device=work.device),
        }
        for name in self.state if len(used) else ():
            self.state[name][: len(used)] = old[name][used]

    def run(self, stop):
        """Train until nothing waits and every slot is empty, or `stop` (an Event) is set."""
        while not stop.is_set() and self.fill():
            try:
                loss, gradient = self.gradients()
            except (MemoryError, RuntimeError) as error:
                if not _out_of_memory(error) or self.most <= 1:
                    raise
                self.most //= 2
                self.park(keep=self.most)
                self._resize(self.most)
                continue
            self.update(gradient)
            self.leave(loss)

    def fill(self):
        """Put waiting images into empty slots; return whether any image is in training."""
        work, state = self.work, self.state
        used = int((state["image"] >= 0).sum())
        taken = []
        while len(taken) < self.most - used and work.waiting:
            try:
                taken.append(work.waiting.popleft())
            except IndexError:  # another worker took the last one
                break
        size, needed = len(state["image"]), used + len(taken)
        if needed > size or needed <= 3 * size // 4:  # a waning batch need not keep its size
            self._resize(min(self.most, max(needed, self.input_gradient.smallest)) if needed else 0)
            state = self.state
        if not taken:
            return needed > 0
        slots = (state["image"] < 0).nonzero().flatten()[: len(taken)]
        index = torch.tensor(taken)
        self._clear(slots)
        state["image"][slots] = index.to(work.device)
        state["target"][slots] = work.targets[index].to(work.device)
        state["spectrum"][slots] = work.fft(work.images[index].to(work.device, work.dtype))
        state["mask"][slots] = 1
        for slot, position in zip(slots, taken, strict=True):
            for name, value in work.parked.pop(position, {}).items():
                state[name][slot] = value.to(work.device)
        return True

    def gradients(self):
        """Return each slot's loss (B,) in double, and d loss / d M as the full spectrum sees it."""
        work, state = self.work, self.state
        mask, spectrum = state["mask"], state["spectrum"]
        entropy, pixels = self.input_gradient(work.inverse(mask * spectrum), state["target"])
        # With g the gradient at the pixels, d / d M(k) = Re(F x (k) conj(F g (k))) / (H W). It is
        # even in k, so that in a half spectrum it is that of M(k), not of M(k) and M(-k) together.
        gradient = (spectrum * work.fft(pixels).conj()).real.div_(work.size[0] * work.size[1])
        penalty = work.settings.penalty
        total = (mask.sum(dim=(1, 2)) * work.counts).sum(dim=1)
        # Entries never are negative: sum(M) is the l1 norm. They part at 0, where torch gives |M| no gradient.
        push = mask.sign().mul_(penalty) if work.settings.norm == "l1" else penalty
        return entropy.double() + penalty * total.double(), gradient.add_(push)

    def update(self, gradient):
        """One step of torch.optim.Adam for each slot, then the clamp to [0, 1]."""
        work, state = self.work, self.state
        state["step"] += state["image"] >= 0
        step = state["step"]
        state["mean"].lerp_(gradient, 1 - BETA1)
        state["square"].mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
        root, rate = (table[step].view(-1, 1, 1, 1) for table in (work.root, work.rate))
        width = state["square"].sqrt().div_(root).add_(EPSILON)
        state["mask"].sub_(state["mean"].div(width).mul_(rate)).clamp_(0, 1)

    def leave(self, loss):
        """Record the losses the step started from; move images that are done out of their slots."""
        work, state, settings = self.work, self.state, self.work.settings
        step, used = state["step"], state["image"] >= 0
        row = torch.arange(len(step), device=work.device)
        state["losses"][row, (step - 1) % settings.window] = loss
        known = step.clamp(1, settings.window)
        recent = state["losses"].sum(dim=1) / known  # unused entries are zero
        finite = torch.isfinite(loss)
        flat = (step > settings.min_steps) & ((loss - recent).abs() < settings.tolerance) & finite
        out = (used & (flat | (step >= settings.max_steps) | ~finite)).nonzero().flatten()
        if not len(out):
            return
        index, done = state["image"][out].cpu(), work.done
        finite = finite[out].cpu()
        done["step"][index] = step[out].cpu().int()
        done["converged"][index] = flat[out].cpu()
        done["finite"][index] = finite
        done["mask"][index] = torch.where(finite.view(-1, 1, 1, 1), state["mask"][out].cpu(), 0)
        done["finished"][index] = True
        self._clear(out)

    def _clear(self, slots):
        """Empty slots go on as images of zeros, which cost what they cost and change nothing."""
        for value in self.state.values():
            value[slots] = 0
        self.state["image"][slots] = -1

    def park(self, keep=0):
        """Give all images in training but the first `keep` back to `work.waiting`, to go on later."""
        used = (self.state["image"] >= 0).nonzero().flatten()[keep:]
        for position, state in self.export(used).items():
            self.work.parked[position] = state
            self.work.waiting.appendleft(position)
        self._clear(used)

    def export(self, slots=None):
        """Return {position of the image: what must be known to go on with it}."""
        if slots is None:
            slots = (self.state["image"] >= 0).nonzero().flatten()
        names = ("step", "mask", "mean", "square", "losses")
        return {
            int(self.state["image"][slot]): {n: self.state[n][slot].cpu().clone() for n in names}
            for slot in slots
        }


def _out_of_memory(error):
    told = str(error).lower()
    known = ("out of memory", "not enough memory", "can't allocate memory")
    return isinstance(error, MemoryError) or any(words in told for words in known)
