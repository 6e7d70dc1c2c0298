"""One look at a network before anything is made of it: does it answer as all later stages assume?"""

import sys
import traceback

import torch

from idbias.attacks.random_numbers import states
from idbias.errors import InputError, said

# How far the logits of one image may differ, as a share of the largest logit. Measured on a CPU, over all
# networks of idbias/classifiers/networks and images of 8 and 32 pixels: an image alone 3e-6 at most,
# a second call 0. A GPU's convolutions round to TF32's 10 bits, and add up in any order.
ALONE = {"cpu": 1e-4, "cuda": 1e-2}
AGAIN = {"cpu": 1e-6, "cuda": 1e-2}
# Calls of a network that draws random numbers, before it is believed that no answer depends on them.
CALLS = 20
# Rows that sum to 1 within this, and lie in [0, 1], are probabilities.
PROBABILITIES = 1e-3


def three_of(images):
    """Return the first, middle and last of images (N, C, H, W), N > 0; fewer where there are fewer."""
    return images[sorted({0, len(images) // 2, len(images) - 1})]


def probe(classifier, images, classes, name, *, trained=True):
    """Raise InputError, in one sentence, unless a network answers images as later stages assume.

    classifier: a torch module in eval mode, its device that of its parameters; images: float32
    (N, C, H, W) in [0, 1], N > 0, real ones; classes: how many there are, K; name: the network's, as in
    config.yaml.
    trained: False for weights that have not been trained yet: then a gradient of zero is no fault.

    What is asked of it: logits (N, K), one finite tensor of float32 on the images' device; the same
    for an image alone as among others (ALONE), and when called again (AGAIN); a finite gradient at the
    images, not zero for all; images left as they were; all modules in eval mode; all parameters of float32.
    Returns warnings, a list of sentences: of outputs that are probabilities.
    """
    asking = Asking(classifier, images, classes, name)
    asking.modules_and_parameters()
    logits = asking.together()
    asking.one_by_one(logits)
    asking.again(logits)
    asking.gradient(logits, trained)
    if _probabilities(logits):
        return [
            f"{asking.who} returns probabilities: each row lies in [0, 1] and sums to 1. Attacks that "
            "measure distances to the boundary, such as DeepFool, and the masks' cross-entropy expect "
            "logits: leave out the softmax at its end."
        ]
    return []


def warn(warnings):
    """Print the sentences that `probe` returned to standard error, a rule's log."""
    for sentence in warnings:
        print(f"warning: {sentence}", file=sys.stderr)


# Types of torch that numpy, and so HDF5, does not have.
NOT_KEPT = (torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2)


class Asking:
    """The questions of `probe`, each a method that raises InputError; arguments as there."""

    def __init__(self, classifier, images, classes, name):
        self.classifier, self.classes = classifier, classes
        first = next(iter(classifier.parameters()), torch.zeros(0))
        self.images = torch.as_tensor(images).to(first.device, torch.float32)
        self.who = f"config.yaml, classifiers: network {name}"
        self.device = self.images.device.type

    def fault(self, given, what_it_does, remedy):
        shape = tuple(self.images[:given].shape)
        what = f"{given} image{'s' * (given > 1)} of shape {shape}"
        return InputError(f"{self.who}, given {what}, {what_it_does}; {remedy}.")

    def modules_and_parameters(self):
        training = [name or "itself" for name, m in self.classifier.named_modules() if m.training]
        if training:
            raise InputError(
                f"{self.who}: {_named(training)} stays in training mode after eval(); its train() and "
                "eval() must reach all its modules, or its answers depend on the batch or on chance."
            )
        others = {
            name: parameter.dtype
            for name, parameter in self.classifier.named_parameters()
            if parameter.dtype not in (torch.float32, torch.complex64)
        }
        if others:
            raise InputError(
                f"{self.who}: {_named(list(others))} is {next(iter(others.values()))}, but "
                "torch.float32 is asked for; end its constructor with `.to(torch.float32)`."
            )
        for name, value in self.classifier.state_dict().items():
            if not isinstance(value, torch.Tensor) or value.dtype in NOT_KEPT:
                what = getattr(value, "dtype", f"a {type(value).__name__}")
                raise InputError(
                    f"{self.who}: {name} of its state_dict is {what}, which its file cannot keep; make it a "
                    "tensor of a type that numpy has."
                )

    def forward(self, images):
        """Return what the network makes of `images`, as it is."""
        try:
            return self.classifier(images)
        except InputError:
            raise
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            raise self.fault(
                len(images),
                f"raised {said(error)}",
                "its forward must take a batch of any number of such images and return logits",
            ) from error

    def together(self):
        """Ask for all images at once; return the logits, checked for their kind."""
        before, count = self.images.clone(), len(self.images)
        with torch.no_grad():
            logits = self.forward(self.images)
        wanted = (count, self.classes)
        if not isinstance(logits, torch.Tensor):
            raise self.fault(
                count, f"returned {_described(logits)}", "its forward must return only the logits"
            )
        if tuple(logits.shape) != wanted:
            raise self.fault(
                count,
                f"returned shape {tuple(logits.shape)}, but the dataset has {self.classes} classes",
                f"it must return logits of shape {wanted}: give its constructor a parameter `classes`, "
                "or a checkpoint of other classes weights.new_head",
            )
        if logits.dtype != torch.float32 or logits.device != self.images.device:
            raise self.fault(
                count,
                f"returned logits of {logits.dtype} on {logits.device}",
                f"they must be torch.float32 on {self.images.device}, as the images are",
            )
        if not logits.isfinite().all():
            bad = int((~logits.isfinite()).sum())
            raise self.fault(
                count,
                f"returned {bad} of {logits.numel()} logits that are not finite",
                "look for a division by zero, a logarithm of 0 or weights that diverged",
            )
        if not torch.equal(before, self.images):
            raise self.fault(
                count,
                "changed the images it was given, in place",
                "let it work on a copy: x = x - mean, not x -= mean",
            )
        return logits

    def one_by_one(self, logits):
        """Ask for each image alone, which must give its row of `logits`."""
        if len(self.images) < 2:
            return
        with torch.no_grad():
            rows = [self.forward(image[None]) for image in self.images]
        shapes = [getattr(row, "shape", None) for row in rows]
        if any(shape != (1, self.classes) for shape in shapes):
            raise self.fault(
                1, f"returned shape {tuple(shapes[0] or ())}", f"it must return (1, {self.classes})"
            )
        self.compare(
            logits,
            torch.cat(rows),
            ALONE,
            "gives an image by itself other logits than among others",
            "an image's logits must not depend on its batch: batch statistics "
            "(track_running_stats=False) and means over the batch are not for eval mode",
        )

    def again(self, logits):
        """Ask for the same images again, more often if it draws random numbers."""
        before = states()
        for call in range(CALLS):
            with torch.no_grad():
                repeated = self.forward(self.images)
            self.compare(
                logits,
                repeated,
                AGAIN,
                "gives the same images other logits the second time",
                "in eval mode nothing may be left to chance, or remembered from call to call: dropout "
                "must heed `self.training`",
            )
            if call == 0 and states() == before:
                return

    def gradient(self, logits, trained):
        """Ask for the gradient at the images, of a sum of logits in which no two weigh alike."""
        images = self.images.clone().requires_grad_()
        count, weights = len(images), torch.linspace(0.5, 1.5, self.classes).to(self.images)
        remedy = (
            "attacks and masks follow the gradient: no torch.no_grad, detach, numpy, rounding or "
            "threshold may lie between image and logits"
        )
        answers = self.forward(images)
        self.compare(
            logits,
            answers.detach(),
            AGAIN,
            "gives other logits when a gradient is asked for",
            "its forward must not depend on whether gradients are recorded",
        )
        try:
            (gradient,) = torch.autograd.grad((answers * weights).sum(), images, allow_unused=True)
        except RuntimeError as error:
            raise self.fault(
                count, f"has no gradient at the image ({said(error)})", remedy
            ) from error
        if gradient is None:
            raise self.fault(count, "has no gradient at the image", remedy)
        if not gradient.isfinite().all():
            raise self.fault(
                count,
                "has a gradient at the image that is not finite",
                "look for a root, norm or logarithm of 0 in its forward",
            )
        if trained and not gradient.any():
            raise self.fault(count, "has a gradient of zero at each image", remedy)

    def compare(self, logits, others, tolerance, what, remedy):
        scale = logits.abs().max()
        apart = ((logits - others).abs().max() / scale).item() if scale > 0 else 0.0
        allowed = tolerance.get(self.device, max(tolerance.values()))
        if not apart <= allowed:
            share = f"by {apart:.2g} of the largest logit, {allowed:g} at most is rounding"
            raise self.fault(len(self.images), f"{what} ({share})", remedy)


def _described(answer):
    """Say in a few words what a network returned that is no tensor."""
    kind = type(answer).__name__
    if isinstance(getattr(answer, "logits", None), torch.Tensor):
        return f"a {kind}, whose logits are its .logits"
    if isinstance(answer, dict):
        return f"a {kind} with the keys {', '.join(map(str, answer))}"
    if isinstance(answer, (tuple, list)):
        return f"a {kind} of {len(answer)} things"
    return "nothing" if answer is None else f"a {kind}"


def _probabilities(logits):
    sums = logits.sum(1)
    return bool((logits >= 0).all() and ((sums - 1).abs() < PROBABILITIES).all())


def _named(names, most=3):
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
