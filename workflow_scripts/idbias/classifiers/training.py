"""Training a classifier, resumable at every epoch (paper 1, appendix A.1)."""

import os
import sys
from collections import deque
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from idbias import checkpoints
from idbias.classifiers.conversion import channels_last
from idbias.classifiers.head import choose_parameters, find_head, set_mode
from idbias.classifiers.models import classes_of
from idbias.classifiers.training_data import as_float, check_labels, check_one_image, to_device
from idbias.config.schema_entries import Recipe
from idbias.errors import InputError
from idbias.progress import progress
from idbias.streams import torch_seed

DECAY = 0.1  # at each milestone
# The share of the steps in which a one-cycle schedule (Smith & Topin 2019, arXiv:1708.07120) climbs
# to its maximum.
WARMUP = 0.1
RECENT = 100  # batches, over which stop_accuracy is measured
PADDING = 4  # pixels of black around an image before a random crop (He et al. 2016, section 4.2)


@dataclass
class Training:
    """A network in training, with all that an epoch needs besides its number.

    images: (N, C, H, W) and labels: int64 (N,), on the network's device. seed: as for `train`. forward: what runs
    the network, if not the network itself; head: the only layer that is trained, None for all of them.
    """

    network: nn.Module
    images: torch.Tensor
    labels: torch.Tensor
    recipe: Recipe
    seed: int
    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None
    forward: Callable | None = None
    head: nn.Module | None = None

    def parts(self):
        """Return what a checkpoint keeps the state of, by name."""
        parts = {name: getattr(self, name) for name in ("network", "optimizer", "scheduler")}
        return {name: part for name, part in parts.items() if part is not None}


def train(
    network, train_images, train_labels, recipe, *, seed,
    test_images=None, test_labels=None, checkpoint=None, device=None,
):  # fmt: skip
    """Train `network` in place by cross-entropy; leave it in eval mode on `device`.

    network: takes float32 (B, C, H, W) in [0, 1], gives logits (B, K).
    train_images, test_images: ndarray or tensor (N, C, H, W), uint8 (0 to 255) or floating in
        [0, 1].
    train_labels, test_labels: integers (N,), 0..K-1.
    recipe: an idbias.config.schema_entries.Recipe.
    seed: order, flips, crops and dropout of epoch e come only from (seed, e), so that a run that
        was stopped goes on with the numbers it would have had: bit-identical on the same machine
        with as many threads. The network's first weights are the caller's.
    checkpoint: a path for the state after each epoch; a run that finds one there, of the same
        recipe, seed, data and first weights, goes on from it. The caller deletes it when done.
    device: where to train, by default where the network is. The data are moved there once.
    Returns the history, a dict an epoch: epoch (from 1), learning_rate (of its first batch), loss
    and train_accuracy (means over the epoch while it trained, augmented), test_accuracy (or None).
    With recipe.stop_accuracy training ends once the last RECENT batches of an epoch, or the whole epoch,
    have that accuracy, which is then the last epoch's train_accuracy.
    Raises InputError if images and labels do not fit, or the loss is no longer finite.
    """
    device = torch.device(device or next(network.parameters()).device)
    network.to(device)
    forward = quicker(network, device) if recipe.precision == "mixed" else network
    images, labels = to_device(train_images, train_labels, device)
    tests = None if test_images is None else to_device(test_images, test_labels, device)
    check_labels(network, images, labels)
    if len(images) % recipe.batch_size == 1:
        check_one_image(network, images, recipe.batch_size)

    steps = -(-len(images) // recipe.batch_size)
    head = find_head(network, as_float(images[:2])) if recipe.trainable == "head" else None
    parameters = choose_parameters(network, head)
    optimizer = make_optimizer(recipe, parameters)
    scheduler = make_scheduler(recipe, optimizer, steps)
    training = Training(network, images, labels, recipe, seed, optimizer, scheduler, forward, head)
    made_by = fingerprint(training)
    history = load_checkpoint(checkpoint, training, made_by) if checkpoint else []

    batches = {"total": recipe.epochs * steps, "initial": len(history) * steps, "unit": "batch"}
    with progress(**batches, label="training") as counting, repeatable(device):
        for epoch in range(len(history), recipe.epochs):
            if history and history[-1]["train_accuracy"] >= (recipe.stop_accuracy or np.inf):
                break
            rate = optimizer.param_groups[0]["lr"]
            loss, accuracy = train_epoch(training, epoch, counting.update)
            if not np.isfinite(loss):
                raise InputError(
                    f"Training diverged in epoch {epoch + 1}: the loss is {loss}; lower the "
                    f"recipe's learning_rate, which is {recipe.learning_rate}."
                )
            tested = None if tests is None else measure_accuracy(network, *tests, recipe.batch_size)
            history.append(
                {
                    "epoch": epoch + 1, "learning_rate": rate, "loss": loss,
                    "train_accuracy": accuracy, "test_accuracy": tested,
                }
            )  # fmt: skip
            if checkpoint:
                save_checkpoint(checkpoint, training, made_by, history)
            counting.set_postfix({"loss": f"{loss:.4f}", "test": f"{tested or np.nan:.4f}"})
    network.eval()
    if history and history[-1]["train_accuracy"] < (recipe.stop_accuracy or 0):
        print(
            f"warning: training ended after {len(history)} epochs at an accuracy of "
            f"{history[-1]['train_accuracy']:.1%}, short of stop_accuracy {recipe.stop_accuracy:.1%}: give it "
            "more epochs, or networks are not compared at equal accuracy.",
            file=sys.stderr,
        )
    return history


def train_epoch(training, epoch, count=lambda batches: None):
    """Pass once over the images in random order; return mean loss and accuracy (floats).

    Ends early, with the accuracy of the last RECENT batches, once that reaches recipe.stop_accuracy.
    count: called with 1 after each batch.
    """
    images, labels, recipe = training.images, training.labels, training.recipe
    device, mixed = images.device, recipe.precision == "mixed"
    forward = training.forward or training.network
    layout = torch.channels_last if mixed else torch.preserve_format
    seed = torch_seed("epoch", training.seed, epoch)
    # On the CPU, whatever the device, so that an epoch has the same order and crops on each.
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(images), generator=generator)
    draws = torch.rand(len(images), 3, generator=generator).to(device)
    order = order.to(device)
    set_mode(training.network, training.head)
    summed_loss = torch.zeros((), dtype=torch.float64, device=device)
    correct = torch.zeros((), dtype=torch.int64, device=device)
    seen, recent = 0, deque(maxlen=RECENT)
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        for index in order.split(recipe.batch_size):
            batch = as_float(images[index])
            if recipe.augment:
                batch = flip_and_crop(batch, draws[index])
            with torch.autocast(device.type, torch.bfloat16) if mixed else nullcontext():
                logits = forward(batch.to(memory_format=layout))
            loss = F.cross_entropy(logits.float(), labels[index])
            training.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            training.optimizer.step()
            if training.scheduler:
                training.scheduler.step()
            # Kept on the device: reading them each step would make it wait for the host.
            summed_loss += loss.detach() * len(index)
            right = (logits.detach().argmax(1) == labels[index]).sum()
            correct, seen = correct + right, seen + len(index)
            count(1)
            if recipe.stop_accuracy:
                recent.append(right.item() / len(index))
                accuracy = sum(recent) / RECENT
                if accuracy >= recipe.stop_accuracy:
                    return summed_loss.item() / seen, accuracy
    return summed_loss.item() / seen, correct.item() / seen


def quicker(network, device):
    """Lay out a network's weights with the channels of a pixel together; return what runs it.

    On a GPU that is the network compiled; what cannot be compiled runs as it is.
    """
    channels_last(network)
    if device.type != "cuda":  # compiling for a CPU takes longer than it saves
        return network
    torch._dynamo.config.suppress_errors = True
    return torch.compile(network)


def measure_accuracy(network, images, labels, batch_size=256):
    """Return the share of images (N, C, H, W) that `network`, put in eval mode, gets right."""
    network.eval()
    with torch.inference_mode():
        correct = [
            (classes_of(network(as_float(batch))) == truth).sum()
            for batch, truth in zip(images.split(batch_size), labels.split(batch_size), strict=True)
        ]
    return torch.stack(correct).sum().item() / len(images)


def flip_and_crop(batch, draws):
    """Flip each image with probability 1/2, pad by 4 black pixels and crop back, at random.

    batch: (B, C, H, W). draws: (B, 3) uniform in [0, 1): flip, vertical and horizontal offset.
    """
    height, width = batch.shape[2:]
    flip = draws[:, 0, None] < 0.5
    offsets = (draws[:, 1:] * (2 * PADDING + 1)).long()
    rows = offsets[:, :1] + torch.arange(height, device=batch.device)
    columns = torch.arange(width, device=batch.device)
    columns = offsets[:, 1:] + torch.where(flip, columns.flip(0), columns)
    padded = F.pad(batch, (PADDING,) * 4).permute(0, 2, 3, 1)
    which = torch.arange(len(batch), device=batch.device)[:, None, None]
    return padded[which, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2).contiguous()


def make_optimizer(recipe, parameters):
    """Return torch's SGD, or Adam, of `recipe`."""
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(
            parameters,
            recipe.learning_rate,
            momentum=recipe.momentum,
            weight_decay=recipe.weight_decay,
        )
    return torch.optim.Adam(parameters, recipe.learning_rate, weight_decay=recipe.weight_decay)


def make_scheduler(recipe, optimizer, steps):
    """Return the schedule, to be stepped a batch (`steps` batches an epoch); None if constant.

    One-cycle of fewer than three steps in all is constant too.
    """
    if recipe.schedule == "steps":
        milestones = [epoch * steps for epoch in recipe.milestones]
        return torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones, gamma=DECAY)
    total = recipe.epochs * steps
    # The climb takes a step at least, and so does the descent; in fewer than three there is no cycle.
    if recipe.schedule == "onecycle" and total > 2:
        climb = WARMUP if WARMUP * total > 1 else 2 / total
        return torch.optim.lr_scheduler.OneCycleLR(
            optimizer, recipe.learning_rate, total_steps=total, pct_start=climb
        )
    return None


@contextmanager
def repeatable(device):
    """Use only algorithms that repeat bit by bit; on the CPU all do already."""
    if device.type != "cuda":
        yield
        return
    # cuBLAS reads this when it starts; without it, it may split sums differently each time.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def fingerprint(training):
    """Return a hash of all that decides the training's result; of the network before it begins."""
    weights = training.network.state_dict().values()
    recipe = training.recipe.model_dump()
    return checkpoints.fingerprint(
        recipe, training.seed, training.images, training.labels, *weights
    )


def save_checkpoint(path, training, made_by, history):
    """Write the state of network, optimizer and scheduler after an epoch, whole or not at all."""
    states = {name: part.state_dict() for name, part in training.parts().items()}
    checkpoints.save(path, made_by, {"states": states, "history": history})


def load_checkpoint(path, training, made_by):
    """Load what save_checkpoint wrote into `training`; return its history, [] if there is none."""
    saved = checkpoints.load(path, made_by)
    if saved is None:
        return []
    for name, part in training.parts().items():
        part.load_state_dict(saved["states"][name])
    return saved["history"]
