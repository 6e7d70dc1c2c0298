"""Cross-entropy of a frozen classifier and its gradient with respect to the image.

Only the input's gradient is needed, so nothing is computed for the weights. torch's autograd does it for any
module on any device; on CPUs in float32 the compiled convolutions of idbias.masks.cpu_engine may do it faster.
"""

import gc
import sys

import torch
from torch import fx, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from idbias.classifiers.conversion import channels_last, copied, plain, precision, with_precision

# How far logits of a folded network, or gradients by other code, may be from those of the network as it
# is, as a share of their norm: the median over some random images.
ROUNDING = 1e-3


class Autograd:
    """images (B, C, H, W), classes (B,) -> cross-entropies (B,), their gradients (B, C, H, W).

    classifier: frozen, in eval mode. autocast: let torch run it in bfloat16 where it holds that safe.
    smallest: an image's numbers do not depend on the batch if that has at least as many images.
    Below 16 rows MKL's float32 matrix products sum in another order (measured).
    """

    def __init__(self, classifier, autocast=False):
        self.classifier, self.autocast = classifier, autocast
        self.smallest = 4 if precision(classifier) == torch.float64 else 16

    def __call__(self, images, classes):
        images = images.detach().requires_grad_()
        reduced = torch.autocast(images.device.type, torch.bfloat16, enabled=self.autocast)
        with torch.enable_grad():
            with reduced:
                logits = self.classifier(images)
            entropy = functional.cross_entropy(logits.to(images.dtype), classes, reduction="none")
            # Image b's part of the sum's gradient depends only on image b: nothing mixes images.
            (gradient,) = torch.autograd.grad(entropy.sum(), images)
        return entropy.detach(), gradient


def input_gradient(classifier, example, autocast=False, engine="auto"):
    """Return an `Autograd` of `classifier`, or what gives the same faster; several threads may call it.

    classifier: frozen, in eval mode, on its device, of its dtype. example: one image (1, C, H, W).
    autocast: as for `Autograd`. engine: "auto": on a CPU in float32 the compiled convolutions where they
    fit and agree with autograd on random images; any other: autograd.
    """
    cheaper = folded(classifier, example)
    may_fuse = engine == "auto" and not autocast and example.device.type == "cpu"
    if may_fuse and example.dtype == torch.float32 and isinstance(cheaper, fx.GraphModule):
        from idbias.masks.cpu_engine import fused

        try:
            quick = fused(cheaper, example)
            if quick is not None:
                images = _random_images(example)
                classes = torch.zeros(len(images), dtype=torch.int64)
                _same(quick(images, classes), Autograd(cheaper)(images, classes))
                return quick
        except Exception as error:  # an operation that it cannot run, or one that works in place
            print(f"Convolutions are not fused for this classifier: {error}", file=sys.stderr)
    return Autograd(channels_last(cheaper), autocast)


def folded(classifier, example):
    """Return a frozen copy of a classifier with its batch norms folded into its convolutions.

    example: one image (1, C, H, W) of the classifier's device and dtype. In eval mode BatchNorm2d is an
    affine map of each channel; where it directly follows a Conv2d whose output nothing else reads, it becomes
    part of the convolution's weights and bias, computed in double and rounded once. Returns a
    torch.fx.GraphModule where the classifier can be traced (no control flow that depends on values) and
    its logits stay the same up to rounding, else the copy as it is.
    """
    as_it_is, dtype = copied(classifier), precision(classifier)
    try:
        traced = fx.symbolic_trace(copied(classifier, dtype=torch.float64))
        _fold(traced)
        with_precision(traced, dtype)
        # What a forward pass did with types or constants is fixed in a trace, and a hook may be lost.
        with torch.no_grad():
            images = _random_images(example)
            _same([traced(images)], [as_it_is(images)])
    except Exception:  # tracing runs the classifier's own code, which may raise anything
        return as_it_is
    finally:
        gc.collect()  # what was traced and its trace hold each other, and with them memory of a GPU
    return traced


def _fold(traced):
    """Fold batch norms of a torch.fx.GraphModule in place."""
    modules = dict(traced.named_modules())
    calls = [node.target for node in traced.graph.nodes if node.op == "call_module"]
    if not modules.keys() >= set(calls):
        raise ValueError("a class attribute of a layer's name hides it from fx")
    for node in list(traced.graph.nodes):
        if not is_module(node, modules, nn.BatchNorm2d) or not node.args:
            continue
        before = node.args[0]
        once = is_module(before, modules, nn.Conv2d) and calls.count(before.target) == 1
        if not once or len(before.users) > 1 or modules[node.target].running_mean is None:
            continue
        convolution = fuse_conv_bn_eval(modules[before.target], modules[node.target])
        parent, _, name = before.target.rpartition(".")
        setattr(modules[parent], name, convolution.requires_grad_(False))
        modules[before.target] = convolution
        node.replace_all_uses_with(before)
        traced.graph.erase_node(node)
    traced.graph.lint()
    traced.recompile()


def is_module(node, modules, *kinds):
    """Return whether an fx node calls one of torch's own modules of `kinds`, without hooks."""
    called = isinstance(node, fx.Node) and node.op == "call_module"
    return called and plain(modules[node.target], *kinds)


def _random_images(example):
    """Return nine random images (9, C, H, W) in [0, 1], the same each time, of the example's dtype and device."""
    generator = torch.Generator().manual_seed(0)
    return torch.rand(9, *example.shape[1:], generator=generator).to(example)


def _same(results, wanted):
    """Raise ValueError unless tensors (B, ...) are those wanted, up to rounding, for most of the B images.

    For most: where a ReLU's input is zero up to rounding, as happens in one image in fifty or so,
    the two may take its different sides, and their gradients are then apart by any amount.
    """
    for have, want in zip(results, wanted, strict=True):
        have, want = have.reshape(len(have), -1), want.reshape(len(want), -1)
        apart = (have - want).norm(dim=1) / want.norm(dim=1).clamp(min=1e-30)
        if have.dtype != want.dtype or not apart.median() < ROUNDING:
            raise ValueError(f"what is fused differs by {apart.median():.1e} from torch's own")
