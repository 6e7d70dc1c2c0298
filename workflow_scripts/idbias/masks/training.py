"""Fourier masks of images: what a frozen classifier needs to see to give the target class.

Paper 1, sections 3.1 and 4.5. For an image x with target class y the mask M, real and of the image's
shape, starts as ones and is trained with Adam to minimise

    cross-entropy(classifier(x_F), y) + penalty * sum(M),    x_F = Re(F^-1(M * F x)),

and clamped to [0, 1] after each step. With l_t the loss that step t = 1, 2, .. starts from, training
ends after step t if t > min_steps and |l_t - mean(l_(t-window+1) .. l_t)| < tolerance, or if
t = max_steps. How this is done for many images at once: slots.py, gradients.py, docs/masks.md.
"""

import copy
import time
from collections import deque
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event

import numpy as np
import torch
from torch.nn import functional

from idbias import checkpoints
from idbias.config.schema import Masks
from idbias.errors import InputError
from idbias.fourier import filtered
from idbias.masks import gpu
from idbias.masks.compressed import CompressedMasks
from idbias.masks.cpu_engine.gradients import input_gradient
from idbias.masks.slots import Slots, Work

# What a core's batch may keep for the backward pass, unless told its size.
ACTIVATION_BYTES = 128 << 20
MOST = 64  # images in a core's batch; more do not run faster
LOOK_EVERY = 10  # steps between two looks of a GPU's host at what is finished
AUTOGRAD = 3  # times what autograd keeps for the backward pass: what it takes at its peak
FORMAT = 2  # of checkpoints


@dataclass
class MaskResult:
    """Masks of N images and how their training ended; everything is a numpy array.

    masks: float32 (N, C, H, W), full spectrum in the order of fft2, entries in [0, 1]; where the
        caller wants them compressed, CompressedMasks, which read the same.
    steps: int32 (N,), optimisation steps taken.
    loss: float64 (N,), cross-entropy + penalty * sum(M) of the mask as it is returned.
    converged: bool (N,), stopped by the tolerance and not by max_steps.
    predicted: int64 (N,), the class of the masked image, by the classifier as it was given.
    kept: bool (N,), predicted is the target.
    finite: bool (N,), False where a loss was infinite or not a number: that image was dropped, its
        mask is all zeros, its loss 0, its prediction -1, and it is neither converged nor kept.
    """

    masks: np.ndarray | CompressedMasks
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
    engine="auto",
    checkpoint=None,
    checkpoint_seconds=60,
    progress=None,
    look_every=None,
    compressed=False,
):
    """Train a mask per image and return a MaskResult.

    classifier: torch module, images (B, C, H, W) -> logits (B, K); used in eval mode, not changed.
    images: floating point (N, C, H, W), tensor or array. targets: integer (N,), in 0 .. K-1.
    settings: idbias.config.schema.Masks, the paper's if None. Neither the order and number of the images nor what
    follows here changes a mask (docs/masks.md says how exactly).
    batch_size: images trained at once, shared out among torch.get_num_threads() cores, at least
        as many each as gradients.py names; None: as many as run well. A core halves its own when
        memory runs out.
    device: where to train; None: where the classifier's parameters are.
    engine: "auto", or "torch" to do without the compiled convolutions of cpu_engine, and on a GPU
        without capturing steps as a CUDA graph.
    checkpoint: path; the state is saved there every `checkpoint_seconds` and on SIGTERM, which then
        raises SystemExit(143). A checkpoint of the same settings, images, targets and weights is
        continued from; any other, or a damaged one, is ignored with a line on stderr. The caller
        deletes it once the result is safe.
    progress: called with the number of images finished since it was last called, first with those of
        a checkpoint.
    look_every: steps from one look at which masks are finished to the next; None: 1 on a CPU,
        LOOK_EVERY on a GPU, which a look makes wait.
    compressed: leave the masks of the result compressed, for shards that are large in memory.

    Raises InputError (a ValueError) for images or targets of the wrong shape, type or range.
    """
    settings = settings or Masks()
    dtype = torch.float64 if settings.dtype == "float64" else torch.float32
    device = torch.device(device or next((p.device for p in classifier.parameters()), "cpu"))
    classifier = copy.deepcopy(classifier).to(device, dtype).eval().requires_grad_(False)
    images, targets = _checked(images, targets)
    if not len(images):
        return _result(classifier, Work(images, targets, settings, device, deque()), compressed)
    # Not one of the images, so that the choice of what to fuse does not depend on the shard.
    example = torch.linspace(0, 1, images[0].numel(), dtype=dtype, device=device)
    example = example.view(1, *images.shape[1:])
    _check_classes(classifier(example), targets)
    work = Work(images, targets, settings, device, deque(range(len(images))))
    autocast = settings.dtype == "bfloat16"
    gradient = input_gradient(classifier, example, autocast, engine)
    capture = gpu.captured if device.type == "cuda" and engine == "auto" else None
    look_every = look_every or (1 if device.type == "cpu" else LOOK_EVERY)
    threads, size = _batches(gradient, example, work, batch_size)
    workers = [Slots(work, gradient, size, look_every, capture) for _ in range(threads)]
    key = None
    if checkpoint:
        weights = classifier.state_dict()
        parts = [FORMAT, settings.model_dump(), images, targets, repr(classifier), sorted(weights)]
        key = checkpoints.fingerprint(*parts, *(weights[name] for name in sorted(weights)))
        _restore(work, checkpoints.load(checkpoint, key))
        if progress and work.done["finished"].any():
            progress(int(work.done["finished"].sum()))
    with gpu.arithmetic(settings.dtype), checkpoints.terminated() as terminated:
        while not work.done["finished"].all():
            seconds = checkpoint_seconds if checkpoint else float("inf")
            _train(work, workers, terminated, seconds, progress)
            if checkpoint:
                checkpoints.save(checkpoint, key, _state(work, workers))
            if terminated.is_set():
                raise SystemExit(143)
        with _threads(
            1, device
        ) as pool:  # one core, for sums in the same order however many there are
            return pool.submit(_result, classifier, work, compressed).result()


def _threads(count, device):
    """Return a pool of threads each of which computes on one core, or uses the GPU `device`.

    Threads within an operation would wait for each other at every layer of the classifier.
    """

    def begin():
        torch.set_num_threads(1)
        if device.type == "cuda":
            torch.cuda.set_device(device)

    return ThreadPoolExecutor(count, initializer=begin)


def _batches(gradient, example, work, batch_size):
    """Return how many workers train at once, a core each (for a GPU: one), and how many images each."""
    most = len(work.images) if batch_size is None else batch_size
    on_cpu = work.device.type == "cpu"
    threads = torch.get_num_threads() if on_cpu else 1
    least = gradient.smallest
    threads = max(1, min(threads, most // least, len(work.images) // least))
    if not on_cpu:  # whatever the batch: this job takes no more than its share
        share = gpu.share_of_memory(work.device)
    if batch_size is None:
        kept = _activation_bytes(gradient, example)
        if on_cpu:
            most = min(MOST, ACTIVATION_BYTES // kept) * threads
        else:
            most = share // (AUTOGRAD * kept + work.bytes_of_a_slot)
    return threads, max(least, min(-(-most // threads), -(-len(work.images) // threads)))


def _activation_bytes(gradient, example):
    """Return how many bytes autograd keeps of the forward pass of one image."""
    kept = {}
    # Layers that keep their weights keep no copy of them.
    weights = {p.untyped_storage()._cdata for p in gradient.plain.classifier.parameters()}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        gradient.plain(example, torch.zeros(1, dtype=torch.int64, device=example.device))
    return max(1, sum(kept.values()))


def _train(work, workers, terminated, seconds, progress):
    """Let the workers train for `seconds`, until SIGTERM, or until all masks are finished."""
    stop, until = Event(), time.monotonic() + seconds
    reported = int(work.done["finished"].sum())
    with _threads(len(workers), work.device) as pool:
        try:
            futures = [pool.submit(worker.run, stop) for worker in workers]
            running = futures
            while running:
                done, running = wait(running, timeout=0.2, return_when=FIRST_EXCEPTION)
                finished = int(work.done["finished"].sum())
                if progress and finished > reported:
                    progress(finished - reported)
                reported = finished
                failed = any(future.exception() for future in done)
                if failed or terminated.is_set() or time.monotonic() > until:
                    stop.set()
            for future in futures:
                future.result()
        finally:
            stop.set()


def _state(work, workers):
    """Return all that a checkpoint needs; the workers must not be running."""
    parked = dict(work.parked)
    for worker in workers:
        parked |= worker.export()
    return {"done": work.done, "masks": work.masks.state(), "parked": parked}


def _restore(work, state):
    if state is None:
        return
    work.done, work.parked = state["done"], state["parked"]
    work.masks.restore(state["masks"])
    finished = work.done["finished"]
    rest = [i for i in range(len(finished)) if not finished[i] and i not in work.parked]
    work.waiting = deque([*work.parked, *rest])


@torch.no_grad()
def _result(classifier, work, compressed):
    """Classify the masked images with the classifier as it was given, and return the MaskResult."""
    done, count, masks = work.done, len(work.images), work.masks
    loss = torch.zeros(count, dtype=torch.float64)
    predicted = torch.full((count,), -1)
    size = max(16, min(MOST, count))  # smaller batches may round otherwise
    for start in range(0, count, size):
        index = torch.arange(start, start + size) % count  # the last batch is filled up
        used = torch.from_numpy(masks[index.tolist()]).to(work.device, work.dtype)
        images = work.images[index].to(work.device, work.dtype)
        logits = classifier(filtered(used, images))
        classes = work.targets[index].to(work.device)
        entropy = functional.cross_entropy(logits, classes, reduction="none").double()
        loss[index] = (entropy + work.settings.penalty * used.double().sum(dim=(1, 2, 3))).cpu()
        predicted[index] = logits.argmax(dim=1).cpu()
    finite = done["finite"] & torch.isfinite(loss)
    loss[~finite], predicted[~finite] = 0, -1
    for row in (~finite).nonzero().flatten().tolist():
        masks[row] = None
    return MaskResult(
        masks=masks if compressed else masks[:],
        steps=done["step"].numpy(),
        loss=loss.numpy(),
        converged=(done["converged"] & finite).numpy(),
        kept=((predicted == work.targets) & finite).numpy(),
        predicted=predicted.numpy(),
        finite=finite.numpy(),
    )


def _checked(images, targets):
    images, targets = torch.as_tensor(images).cpu(), torch.as_tensor(targets).cpu()
    if images.ndim != 4 or not images.is_floating_point():
        raise InputError(
            f"The images to mask have shape {tuple(images.shape)} and type {images.dtype}; "
            "give them as floating point numbers (N, C, H, W)."
        )
    if targets.shape != images.shape[:1] or targets.is_floating_point():
        raise InputError(
            f"The targets have shape {tuple(targets.shape)} and type {targets.dtype}; "
            f"give {len(images)} integers, a class for each image."
        )
    return images, targets.long()


def _check_classes(logits, targets):
    classes = logits.shape[1]
    wrong = ((targets < 0) | (targets >= classes)).nonzero().flatten()
    if len(wrong):
        raise InputError(
            f"The target of image {wrong[0]} is class {targets[wrong[0]]}; the classifier has "
            f"classes 0 to {classes - 1}: give targets of the data that it was trained on."
        )
