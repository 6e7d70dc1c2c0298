"""Reading the archives that datasets are published in, each into a `Dataset` of uint8 images."""

from idbias.archives.binary import cifar10, cifar100, fashion_mnist, mnist, svhn
from idbias.archives.dataset import Dataset
from idbias.archives.images import image_folder, imagenet, imagenette

__all__ = [
    "Dataset",
    "cifar10",
    "cifar100",
    "fashion_mnist",
    "image_folder",
    "imagenet",
    "imagenette",
    "mnist",
    "svhn",
]
