"""Images and labels to train on, and whether a network can be trained on them."""

import torch

from idbias.classifiers.conversion import copied
from idbias.errors import InputError


def as_float(images):
    """Return uint8 images as float32 in [0, 1], to the bit as `read_images` does, others as float32."""
    return images.float() * (1 / 255) if images.dtype == torch.uint8 else images.float()


def to_device(images, labels, device):
    """Check images and labels, and return them as tensors on `device`."""
    images, labels = torch.as_tensor(images), torch.as_tensor(labels).long()
    if images.ndim != 4 or labels.shape != images.shape[:1] or len(images) == 0:
        raise InputError(
            f"Training needs images (N, C, H, W) and as many labels (N,), N > 0; "
            f"they are {tuple(images.shape)} and {tuple(labels.shape)}."
        )
    if images.dtype != torch.uint8 and not images.is_floating_point():
        raise InputError(f"Images are uint8 or floating numbers, not {images.dtype}.")
    if images.is_floating_point() and not (images.min() >= 0 and images.max() <= 1):
        raise InputError(
            f"Floating images lie in [0, 1]; these lie in [{images.min():g}, {images.max():g}]: "
            "divide them by their largest possible value."
        )
    return images.to(device), labels.to(device)


def check_labels(network, images, labels):
    """Raise InputError if a label is not one of the network's classes."""
    network.eval()
    with torch.inference_mode():
        classes = network(as_float(images[:1])).shape[1]
    if labels.min() < 0 or labels.max() >= classes:
        raise InputError(
            f"The network has {classes} classes, labels 0 to {classes - 1}; the training labels "
            f"run from {labels.min()} to {labels.max()}."
        )


def check_one_image(network, images, batch_size):
    """Raise InputError if the network cannot be trained on a single image, which the last batch of an epoch is."""
    try:
        with torch.no_grad(), torch.random.fork_rng(device_type="cuda"):
            copied(network).train()(as_float(images[:1]))
    except ValueError as error:
        raise InputError(
            f"{len(images)} training images in batches of {batch_size} leave one over, on which the network "
            f"cannot be trained ({error}); give the recipe another batch_size."
        ) from None
