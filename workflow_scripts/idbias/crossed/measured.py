"""The file of one attack's crossed analysis: products between trainings, of each of SETS and resolution."""

import json

from idbias import files
from idbias.crossed.bands import resolutions
from idbias.crossed.gram import Gram
from idbias.crossed.vectors import PERTURBATIONS, grams
from idbias.datasets.images import read_images

# What the essential masks are set against, first the primary analysis.
SETS = (PERTURBATIONS, "adversarial masks", "noise", "clean image")
# Common images that an analysis needs.
LEAST = 10
PARTS = ("cross", "means", "essential", "attack")


def measure(essential, attacked, masks, dataset, primary):
    """Return (datasets, attributes) of the file, as files.write takes them.

    essential, attacked: K files each; masks: one of SETS -> K files, of those that there are besides
    perturbations; dataset: the images' file; primary: n of the primary analysis, a grid of n by n bands.
    Datasets: SET/BANDS/PART, float64 (K, K), PART one of PARTS (gram.Gram), of sets with an image in
    common. Attributes: images, SET -> images in common; trainings, K; bands, the label of the primary one.
    """
    first, _ = read_images(dataset, "masked", slice(0, 1))
    bands = resolutions(*first.shape[-2:], primary)
    datasets, images = {}, {}
    for of, second in {PERTURBATIONS: attacked, **masks}.items():
        by_bands, images[of] = grams(essential, second, of, bands, dataset, attacked)
        for label, gram in by_bands.items():
            for part in PARTS:
                datasets[f"{of}/{label}/{part}"] = getattr(gram, part)
    return datasets, {"images": images, "trainings": len(essential), "bands": str(bands[0])}


def read(path):
    """Return (grams, images, trainings, bands) of such a file.

    grams: SET -> label of bands -> Gram; images: SET -> images in common; bands: the primary label.
    """
    arrays, about = files.read(path)
    images = json.loads(about["images"])
    by_set = {}
    for name in arrays:
        of, bands, _ = name.split("/")
        parts = (arrays[f"{of}/{bands}/{part}"] for part in PARTS)
        by_set.setdefault(of, {})[bands] = Gram(*parts, images[of])
    return by_set, images, int(about["trainings"]), about["bands"]
