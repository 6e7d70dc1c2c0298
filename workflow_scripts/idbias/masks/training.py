"""Fourier masks of images: what a frozen classifier needs to see to give the target class.

Paper 1, sections 3.1 and 4.5. For an image x with target class y the mask M, real and of the image's
shape, starts as ones and is trained with Adam to minimise

    cross-entropy(classifier(x_F), y) + penalty * sum(M),    x_F = Re(F^-1(M * F x)),

and clamped to [0, 1] after each step. With l_t the loss that step t = 1, 2, .. starts from, training
ends after step t if t > min_steps and |l_t - mean(l_(t-window+1) .. l_t)| < tolerance, or if
t = max_steps. How this is done for many images at once: slots.py, gradients.py, docs/masks.md.
"""

from collections import deque
from concurrent.futures import FIRST_EXCEPTION, wait
from threading import Event

import torch

from idbias import checkpoints
from idbias.classifiers.conversion import copied
from idbias.config.schema import Masks
from idbias.errors import InputError
from idbias.machine import made_by
from idbias.masks import experimental, gpu, threads
from idbias.masks.gradients import Autograd
from idbias.masks.reference import OneAtATime
from idbias.masks.result import mask_result
from idbias.masks.slots import Slots, Work

# What a core's batch may keep for the backward pass, unless told its size.
ACTIVATION_BYTES = 128 << 20
MOST = 64  # images in a core's batch; more do not run faster
LOOK_EVERY = 10  # steps between two looks of a GPU's host at what is finished
AUTOGRAD = 3  # times what autograd keeps for the backward pass: what it takes at its peak
ENGINES = ("auto", "torch", "reference", "captured")
FORMAT = 3  # of checkpoints


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
    follows here, but for device and engine, changes a mask (docs/masks.md says how exactly).
    batch_size: images trained at once, shared out among torch.get_num_threads() cores, at least
        as many each as gradients.py names; None: as many as run well. A core halves its own when
        memory runs out.
    device: where to train; None: where the classifier's parameters are.
    engine: "auto"; "torch" to do without the compiled convolutions of cpu_engine; "reference" to train one
        image after the other as reference.py does; "captured" (experimental) to let a GPU run each step
        as a CUDA graph.
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
    if engine not in ENGINES:
        raise InputError(f"engine is {engine!r}; it must be one of {', '.join(ENGINES)}.")
    dtype = torch.float64 if settings.dtype == "float64" else torch.float32
    device = torch.device(device or next((p.device for p in classifier.parameters()), "cpu"))
    classifier = copied(classifier, device, dtype)
    images, targets = _checked(images, targets)
    if engine == "reference":
        settings = _of_reference(settings)
    work = Work(images, targets, settings, device, deque(range(len(images))))
    if not len(images):
        return mask_result(classifier, work, engine, compressed)
    # Not one of the images, so that the choice of what to fuse does not depend on the shard.
    example = torch.linspace(0, 1, images[0].numel(), dtype=dtype, device=device)
    example = example.view(1, *images.shape[1:])
    _check_logits(classifier(example), targets, dtype)
    products = settings.dtype
    if engine == "reference":
        count = _cores(device, len(images))
        workers, used = [OneAtATime(work, classifier) for _ in range(count)], engine
    else:
        gradient, products = experimental.gradient(classifier, example, settings, engine)
        capture = gpu.captured if device.type == "cuda" and engine == "captured" else None
        look_every = look_every or (1 if device.type == "cpu" else LOOK_EVERY)
        count, size = _batches(gradient, example, work, batch_size)
        workers = [Slots(work, gradient, size, look_every, capture) for _ in range(count)]
        used = "torch" if isinstance(gradient, Autograd) else "compiled"
        lower = [products] if products in experimental.ROUNDING else []
        used = " ".join([used, *lower, *(["captured"] if capture else [])])
    key, work.makers = None, [made_by(device.type, used)]
    if checkpoint:
        network = checkpoints.fingerprint_of_network(classifier)
        parts = [FORMAT, settings.model_dump(), images, targets, network, used]
        key = checkpoints.fingerprint(*parts)
        _restore(work, checkpoints.load(checkpoint, key))
        if progress and work.done["finished"].any():
            progress(int(work.done["finished"].sum()))
    saving = checkpoints.saving(checkpoint, key, lambda: _state(work, workers), checkpoint_seconds)
    with gpu.arithmetic(products), saving as saved:
        while not work.done["finished"].all():
            _train(work, workers, saved, progress)
            saved.save()
        # One core, for sums in the same order however many there are.
        with threads.pool(1, device) as pool:
            return pool.submit(mask_result, classifier, work, used, compressed).result()


def _of_reference(settings):
    """Return settings as the reference takes them: it knows only the full spectrum."""
    if settings.dtype not in ("float32", "float64"):
        raise InputError(
            f"masks.dtype is {settings.dtype}, but the reference (execution.engine in config.yaml) knows "
            "only float32 and float64: choose one of them, or another engine."
        )
    return settings.model_copy(update={"spectrum": "full"})


def _cores(device, most):
    """Return how many workers may train at once, at most `most`: a core each, for a GPU one."""
    return max(1, min(torch.get_num_threads() if device.type == "cpu" else 1, most))


def _batches(gradient, example, work, batch_size):
    """Return how many workers train at once, a core each (for a GPU: one), and how many images each."""
    most = len(work.images) if batch_size is None else batch_size
    on_cpu = work.device.type == "cpu"
    least = gradient.smallest
    count = _cores(work.device, min(most // least, len(work.images) // least))
    if not on_cpu:  # whatever the batch: this job takes no more than its share
        share = gpu.share_of_memory(work.device)
    if batch_size is None:
        kept = activation_bytes(gradient, example)
        if on_cpu:
            most = min(MOST, ACTIVATION_BYTES // kept) * count
        else:
            most = share // (AUTOGRAD * kept + work.bytes_of_a_slot)
    return count, max(least, min(-(-most // count), -(-len(work.images) // count)))


def activation_bytes(gradient, example):
    """Return how many bytes autograd keeps of the forward pass of one image."""
    kept = {}
    plain = gradient if isinstance(gradient, Autograd) else Autograd(gradient.classifier)
    # Layers that keep their weights keep no copy of them.
    weights = {p.untyped_storage()._cdata for p in plain.classifier.parameters()}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        plain(example, torch.zeros(1, dtype=torch.int64, device=example.device))
    return max(1, sum(kept.values()))


def _train(work, workers, saved, progress):
    """Let the workers train until a checkpoint is due, or until all masks are finished."""
    stop = Event()
    reported = int(work.done["finished"].sum())
    with threads.pool(len(workers), work.device) as pool:
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
                if failed or saved.due():
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
    masks = work.masks.state()
    return {"done": work.done, "masks": masks, "parked": parked, "makers": work.makers}


def _restore(work, state):
    if state is None:
        return
    work.done, work.parked = state["done"], state["parked"]
    work.masks.restore(state["masks"])
    finished = work.done["finished"]
    rest = [i for i in range(len(finished)) if not finished[i] and i not in work.parked]
    work.waiting = deque([*work.parked, *rest])
    # Begun perhaps on another machine, which rounds otherwise.
    new = [maker for maker in work.makers if maker not in state["makers"]]
    work.makers = [*state["makers"], *new]


def _checked(images, targets):
    images, targets = torch.as_tensor(images).detach().cpu(), torch.as_tensor(targets).cpu()
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


def _check_logits(logits, targets, dtype):
    if logits.dtype != dtype:
        raise InputError(
            f"the classifier gives logits of {logits.dtype} where masks.dtype asks for {dtype}: its forward "
            "must keep the precision of its images (no .float() or .double()), or masks.dtype be another."
        )
    classes = logits.shape[1]
    wrong = ((targets < 0) | (targets >= classes)).nonzero().flatten()
    if len(wrong):
        raise InputError(
            f"The target of image {wrong[0]} is class {targets[wrong[0]]}; the classifier has "
            f"classes 0 to {classes - 1}: give targets of the data that it was trained on."
        )
