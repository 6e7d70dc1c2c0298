"""Reading the archives that datasets are published in, each into a `Dataset` of uint8 images."""

from idbias.datasets.binary import cifar10, cifar100, fashion_mnist, mnist, svhn
from idbias.datasets.dataset import Dataset
from idbias.datasets.image_archives import image_folder, imagenet, imagenette

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
