"""The published datasets: all that is known of each without reading it. Imports nothing heavy.

A further one is an entry here, and, if its files are of a new kind, a function that reads them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """One published dataset.

    reader: module.function in idbias.datasets that reads its files into a `dataset.Dataset`.
    test, train: numbers of images. classes, channels: their number. side: height and width where images are not
    scaled; size: what they are scaled to where the configuration says nothing.
    mirrors: addresses of folders, tried in turn; checksums: name of a file there -> SHA-256; none for
    what comes with a package or the user must bring.
    options: arguments of the reader besides the path of the first file.
    """

    reader: str
    test: int
    train: int
    classes: int = 10
    channels: int = 3
    side: int | None = None
    size: int | None = None
    mirrors: tuple[str, ...] = ()
    checksums: tuple[tuple[str, str], ...] = ()
    options: tuple[str, ...] = ()

    @property
    def files(self):
        """Its files, name -> (urls, sha256)."""
        return {name: ([m + name for m in self.mirrors], sha256) for name, sha256 in self.checksums}


_CIFAR = ("https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/")
_PICTURES = ("allocate", "size")


def _imagenette(archive, sha256):
    return Published(
        "image_archives.imagenette", test=3_925, train=9_469, size=224, options=(*_PICTURES, "seed"),
        mirrors=("https://s3.amazonaws.com/fast-ai-imageclas/",), checksums=((archive, sha256),),
    )  # fmt: skip


# The checksums are those of TensorFlow Datasets, which agree with torchvision's MD5 sums for the same files.
PUBLISHED = {
    # Inside scikit-learn.
    "digits": Published(
        "digits.digits", test=1_197, train=600, channels=1, side=8, options=("train_images", "seed"),
    ),
    "cifar10": Published(
        "binary.cifar10", test=10_000, train=50_000, side=32,
        mirrors=_CIFAR,
        checksums=(
            ("cifar-10-binary.tar.gz", "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"),
        ),
    ),
    "cifar100": Published(
        "binary.cifar100", test=10_000, train=50_000, classes=100, side=32,
        mirrors=_CIFAR,
        checksums=(
            ("cifar-100-binary.tar.gz", "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"),
        ),
    ),
    "mnist": Published(
        "binary.mnist", test=10_000, train=60_000, channels=1, side=28,
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        checksums=(
            ("train-images-idx3-ubyte.gz", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
            ("train-labels-idx1-ubyte.gz", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
            ("t10k-images-idx3-ubyte.gz", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
            ("t10k-labels-idx1-ubyte.gz", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        ),
    ),
    "fashion_mnist": Published(
        "binary.fashion_mnist", test=10_000, train=60_000, channels=1, side=28,
        mirrors=(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
        checksums=(
            ("train-images-idx3-ubyte.gz", "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
            ("train-labels-idx1-ubyte.gz", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
            ("t10k-images-idx3-ubyte.gz", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
            ("t10k-labels-idx1-ubyte.gz", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
        ),
    ),
    "svhn": Published(
        "binary.svhn", test=26_032, train=73_257, side=32,
        mirrors=("http://ufldl.stanford.edu/housenumbers/",),
        checksums=(
            ("train_32x32.mat", "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8"),
            ("test_32x32.mat", "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b"),
        ),
    ),
    "imagenette": _imagenette(
        "imagenette2.tgz",
        "6cbfac238434d89fe99e651496f0812ebc7a10fa62bd42d6874042bf01de4efd",
    ),
    "imagenette320": _imagenette(
        "imagenette2-320.tgz",
        "569b4497c98db6dd29f335d1f109cf315fe127053cedf69010d047f0188e158c",
    ),
    "imagenette160": _imagenette(
        "imagenette2-160.tgz",
        "64d0c4859f35a461889e0147755a999a48b49bf38a7e0f9bd27003f10db02fe5",
    ),
    # Its validation images, which the user brings.
    "imagenet": Published(
        "image_archives.imagenet", test=50_000, train=0, classes=1_000, size=224,
        options=(*_PICTURES, "fit", "labels", "index"),
    ),
}  # fmt: skip
