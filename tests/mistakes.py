"""A student's folder, and what may be wrong in it: for test_mistakes.py and test_command_line.py."""

import h5py
import numpy as np
from PIL import Image

MINE = """
experiments: [mine]
experiment_blocks:
  mine:
    dataset: pictures
    classifiers: [own]
    attacks: [pgd_own, mirror]
datasets:
  pictures: {source: folder, path: pictures, images: 2, size: 32, classes: 2}
classifiers:
  own:
    network: networks:small
    arguments: {width: 8}
    normalisation: none
    recipe: {optimizer: adam, learning_rate: 1e-3, epochs: 3, batch_size: 8, schedule: constant}
attacks:
  pgd_own: {attack: LinfPGD, epsilon: 8/255, arguments: {steps: 10}}
  mirror: {attack: "own_attacks:mirror"}
"""
NETWORKS = (
    "from torch import nn\n\ndef small(channels, classes, width=8):\n    pass\n\nLATER = small\n"
)
ATTACKS_FILE = "def mirror(classifier, images, labels):\n    return images\n"


def make_folder(path):
    """Make a student's folder, in which nothing is wrong yet."""
    (path / "mine.yaml").write_text(MINE, encoding="utf-8")
    (path / "networks.py").write_text(NETWORKS, encoding="utf-8")
    (path / "own_attacks.py").write_text(ATTACKS_FILE, encoding="utf-8")
    for label in ("cat", "dog"):
        (path / "pictures" / label).mkdir(parents=True)
        for number in range(5):
            Image.new("RGB", (32, 32)).save(path / "pictures" / label / f"{number}.png")


def write(name, text):
    return lambda folder: (folder / name).write_text(text, encoding="utf-8")


def array(name, *shape):
    return lambda folder: np.save(folder / name, np.zeros(shape))


def hdf5(folder):
    with h5py.File(folder / "b.h5", "w") as file:
        file["masks"] = np.zeros((30, 2))
        file["others"] = np.zeros((30, 2))


def nothing(folder):
    pass


ARRAYS = {"experiment_blocks": {"mine": {"dataset": "sets", "classifiers": [], "attacks": []}}}


def arrays(first, second):
    return {**ARRAYS, "datasets": {"sets": {"source": "arrays", "first": first, "second": second}}}


def from_weights(**more):
    own = {"recipe": None, "weights": {"path": "w.pth"}}
    return {"classifiers": {"own": own}, "experiment_blocks": {"mine": more}}


# What is changed in mine.yaml, what is done to the folder, and what is said beside the file's name.
MISTAKES = {
    "a misspelt key": ({"masks": {"penatly": 1}}, nothing, ["'masks.penatly'", "did you mean 'penalty'"]),
    "a word for a number": ({"masks": {"penalty": "much"}}, nothing, ["masks.penalty is 'much'", "valid number"]),
    "a dataset that is not there": (
        {"experiment_blocks": {"mine": {"dataset": "picture"}}}, nothing,
        ["experiment_blocks.mine.dataset", "did you mean 'pictures'"],
    ),
    "an experiment that is not there": ({"experiments": ["min"]}, nothing, ["experiments", "did you mean 'mine'"]),
    "no such folder": (
        {"datasets": {"pictures": {"path": "photos"}}}, nothing,
        ["datasets.pictures.path is photos, which does not exist", "give the path"],
    ),
    "no number of images": (
        {"datasets": {"pictures": {"images": None}}}, nothing, ["datasets.pictures", "give images"],
    ),
    "more images than there are": (
        {"datasets": {"pictures": {"images": 10}}}, nothing,
        ["datasets.pictures.images: images up to 10 are to get masks", "has 2 test images", "give 2 or fewer"],
    ),
    "a normalisation of other channels": (
        {"classifiers": {"own": {"normalisation": {"mean": [0.5], "std": [0.5]}}}}, nothing,
        ["classifiers.own.normalisation has 1 numbers", "have 3 channels", "one mean and std per channel"],
    ),
    "a mean without its deviation": (
        {"classifiers": {"own": {"normalisation": {"mean": [0.5] * 3, "std": [0.5]}}}}, nothing,
        ["classifiers.own.normalisation", "mean has 3 numbers and std 1"],
    ),
    "a wrong number of classes": (
        {"datasets": {"pictures": {"classes": 3}}}, nothing,
        ["datasets.pictures.classes is 3", "has 2 class folders (cat, dog)", "correct it"],
    ),
    "a class index that is not there": (
        {"datasets": {"pictures": {"class_index": "index.json", "classes": 1000}}}, nothing,
        ["datasets.pictures.class_index is index.json, which does not exist"],
    ),
    "no such module": (
        {"classifiers": {"own": {"network": "nets:small"}}}, nothing,
        ["classifiers.own.network is nets:small", "no nets.py"],
    ),
    "no such function": (
        {"classifiers": {"own": {"network": "networks:smal"}}}, nothing,
        ["classifiers.own.network", "networks.py has no smal", "did you mean small"],
    ),
    "no such argument of a network": (
        {"classifiers": {"own": {"arguments": {"widht": 3}}}}, nothing,
        ["classifiers.own.network", "takes no widht", "arguments are width"],
    ),
    "a module that is no Python": (
        {}, write("networks.py", "def small(:\n"), ["classifiers.own.network", "networks.py, line 1", "fix it"]
    ),
    "no such network": (
        {"classifiers": {"own": {"network": "resnet21"}}}, nothing,
        ["classifiers.own.network", "did you mean 'resnet"],
    ),
    "no such checkpoint": (
        {"classifiers": {"own": {"weights": {"path": "best.pth"}}}}, nothing,
        ["classifiers.own.weights.path is best.pth, which does not exist"],
    ),
    "no normalisation of a checkpoint": (
        {"classifiers": {"own": {"weights": {"path": "w.pth"}, "normalisation": None}}},
        write("w.pth", ""), ["classifiers.own", "give normalisation"],
    ),
    "neither weights nor recipe": (
        {"classifiers": {"own": {"recipe": None}}}, nothing, ["classifiers.own", "give weights, a recipe"],
    ),
    "seeds that train nothing": (
        from_weights(seeds=[0, 1]), write("w.pth", ""),
        ["experiment_blocks.mine: seeds would train nothing", "leave seeds out, or give a recipe"],
    ),
    "a module that Python finds elsewhere": (
        {"classifiers": {"own": {"network": "code:small"}}}, write("code.py", NETWORKS),
        ["classifiers.own.network is code:small", "another module code before it", "another name"],
    ),
    "a module called like a script of the workflow": (
        {"classifiers": {"own": {"network": "train_masks:small"}}}, write("train_masks.py", NETWORKS),
        ["train_masks:small", "train_masks.py; give your file another name"],
    ),
    "a helper that is no Python": (
        {}, lambda folder: [
            write("networks.py", "import helper\n" + NETWORKS)(folder), write("helper.py", "def :\n")(folder)
        ],
        ["classifiers.own.network is networks:small", "helper.py, line 1, is no Python"],
    ),
    "a control twice": (
        {"experiment_blocks": {"mine": {"controls": ["noise", "spectrum", "noise"]}}}, nothing,
        ["controls names noise twice"],
    ),
    "an epsilon twice": (
        {"attacks": {"pgd_own": {"epsilon": [0.1, 0.1]}}}, nothing, ["attack pgd_own has one epsilon twice"],
    ),
    "a key that a source does not read": (
        {"datasets": {"pictures": {"train_images": 5}}}, nothing,
        ["datasets.pictures", "source folder does not take train_images, which would be ignored"],
    ),
    "overrides of what is not there": (
        {"experiment_blocks": {"mine": {"overrides": {"attacks": {"pgd_won": {"epsilon": 0.1}}}}}}, nothing,
        ["mine.overrides.attacks: there is no attack 'pgd_won'; did you mean 'pgd_own'"],
    ),
    "controls without masks": (
        {"experiment_blocks": {"mine": {"controls": ["noise"], "analyses": ["spectra"]}}}, nothing,
        ["mine.controls has noise", "analyses has no masks"],
    ),
    "another network that no control takes": (
        {"experiment_blocks": {"mine": {"other_network": "own"}}}, nothing,
        ["mine.other_network is own", "controls has no other_network"],
    ),
    "a shipped name for another thing": (
        {"datasets": {"svhn": {"source": "folder", "path": "pictures", "images": 2}}}, nothing,
        ["datasets.svhn is of another source", "svhn, of which normalisation would stay", "another name"],
    ),
    "own weights under the name of a shipped recipe": (
        {"classifiers": {"small_cnn": {"weights": {"path": "mine.yaml"}, "normalisation": "none"}}}, nothing,
        ["classifiers.small_cnn has weights", "recipe: null"],
    ),
    "an experiment called like a folder": (
        {"experiment_blocks": {"tables": {"dataset": "spiral"}}}, nothing, ["results/tables holds other files"],
    ),
    "an address that is none": (
        {"classifiers": {"own": {"weights": {"urls": ["net.pth"]}}}}, nothing, ["'net.pth' is no address"],
    ),
    "a file below resources": (
        {"datasets": {"pictures": {"path": "resources/pictures"}}}, nothing,
        ["datasets.pictures.path is resources/pictures, which does not exist"],
    ),
    "a seed twice": (
        {"experiment_blocks": {"mine": {"seeds": [1, 1]}}}, nothing, ["seeds names 1 twice; name each once"],
    ),
    "an attack that foolbox does not have": (
        {"attacks": {"pgd_own": {"attack": "LinfPDG"}}}, nothing,
        ["attacks.pgd_own.attack", "foolbox has no attack 'LinfPDG'", "did you mean"],
    ),
    "an argument that it does not have": (
        {"attacks": {"pgd_own": {"arguments": {"step": 3}}}}, nothing,
        ["attacks.pgd_own.arguments.step", "did you mean 'steps'"],
    ),
    "no epsilon": (
        {"attacks": {"pgd_own": {"epsilon": None}}}, nothing,
        ["attacks.pgd_own", "needs an epsilon", "add epsilon"],
    ),
    "an epsilon of an own attack that takes none": (
        {"attacks": {"mirror": {"epsilon": 0.1}}}, nothing, ["attacks.mirror.attack", "takes no epsilon"],
    ),
    "an own attack that is not there": (
        {"attacks": {"mirror": {"attack": "own_attacks:miror"}}}, nothing,
        ["attacks.mirror.attack", "has no miror", "did you mean mirror"],
    ),
    "attacked images that are not there": (
        {"attacks": {"mirror": {"attack": "file", "path": "x.npy"}}}, nothing,
        ["attacks.mirror.path is x.npy, which does not exist"],
    ),
    "attacked images of another shape": (
        {"attacks": {"mirror": {"attack": "file", "path": "x.npy"}}}, array("x.npy", 10, 3, 32),
        ["attacks.mirror.path is x.npy, of shape (10, 3, 32)", "give attacked images (N, C, H, W)"],
    ),
    "attacked images of another size": (
        {"attacks": {"mirror": {"attack": "file", "path": "x.npy"}}}, array("x.npy", 10, 3, 28, 28),
        ["attacks.mirror.path is x.npy, of shape (10, 3, 28, 28)", "images are (3, 32, 32)"],
    ),
    "arrays of two lengths": (
        arrays("a.npy", "b.h5:/masks"),
        lambda folder: (array("a.npy", 40, 2)(folder), hdf5(folder)),
        ["datasets.sets: first has 40 rows, second has 30 rows", "give as many rows"],
    ),
    "an array that is not in the file": (
        arrays("b.h5:/masks", "b.h5:/mask"), hdf5,
        ["datasets.sets.second", "has no array mask", "one of masks, others"],
    ),
    "no array named": (arrays("b.h5", "b.h5:/masks"), hdf5, ["datasets.sets.first", "holds 2 arrays", ":NAME"]),
    "a file that is no array": (
        arrays("a.npy", "a.npy"), write("a.npy", "hello"), ["datasets.sets.first", "cannot be read"],
    ),
    "an array of no kind that is read": (
        arrays("a.mat", "a.mat"), write("a.mat", "x"), ["datasets.sets.first is a.mat", "save it as .npy"],
    ),
    "an array of words": (
        arrays("a.npy", "a.npy"), lambda folder: np.save(folder / "a.npy", np.array([["a"], ["b"]])),
        ["datasets.sets.first", "a.npy holds <U1", "numbers"],
    ),
    "positions of other images": (
        {"attacks": {"mirror": {"attack": "file", "path": "x.npy", "index": "i.npy"}}},
        lambda folder: (array("x.npy", 10, 3, 32, 32)(folder), array("i.npy", 5)(folder)),
        ["attacks.mirror: path has 10 rows, index has 5 rows"],
    ),
    "a fraction that is none": (
        {"attacks": {"pgd_own": {"epsilon": "8/25x"}}}, nothing,
        ["attacks.pgd_own.epsilon is '8/25x'", "valid number or a list"],
    ),
    "a name in place of a list": (
        {"experiment_blocks": {"mine": {"attacks": "mirror"}}}, nothing,
        ["experiment_blocks.mine.attacks is 'mirror'", "a list, such as [mirror]"],
    ),
    "a path in place of keys": (
        {"classifiers": {"own": {"recipe": None, "weights": "w.pth"}}}, nothing,
        ["classifiers.own.weights is 'w.pth'", "keys with values (there are: path"],
    ),
    "no dataset": (
        {"experiment_blocks": {"mine": {"dataset": None}}}, nothing, ["experiment_blocks.mine.dataset is None"],
    ),
    "a deviation of zero": (
        {"classifiers": {"own": {"normalisation": {"mean": [0.5] * 3, "std": [1, 1, 0]}}}}, nothing,
        ["classifiers.own.normalisation.std.2 is 0", "greater than 0"],
    ),
    "a mean of pixels up to 255": (
        {"classifiers": {"own": {"normalisation": {"mean": [124, 116, 104], "std": [58, 57, 57]}}}}, nothing,
        ["classifiers.own.normalisation has a mean of 124", "divide mean and std by 255"],
    ),
    "a folder for a checkpoint": (
        {"classifiers": {"own": {"weights": {"path": "pictures"}}}}, nothing,
        ["classifiers.own.weights.path is pictures, a folder", "give the file"],
    ),
    "a file for a folder": (
        {"datasets": {"pictures": {"path": "mine.yaml"}}}, nothing,
        ["datasets.pictures.path", "no folder, zip or tar"],
    ),
    "images without folders of classes": (
        {"datasets": {"pictures": {"path": "pictures/cat"}}}, nothing,
        ["datasets.pictures.path is pictures/cat, which has no class folders", "of each class into a folder"],
    ),
    "a home that nobody replaces": (
        {"datasets": {"pictures": {"path": "~/pictures"}}}, nothing, ["~ and $ are not replaced"],
    ),
    "a file's name for a module's": (
        {"classifiers": {"own": {"network": "networks.py:small"}}}, nothing,
        ["classifiers.own.network is networks.py:small", "write networks:small"],
    ),
    "a network that needs more": (
        {}, write("networks.py", "def small(channels, classes, depth, width=8):\n    pass\n"),
        ["classifiers.own.network", "needs depth", "give it among its arguments"],
    ),
    "a network's module that is not installed": (
        {}, write("networks.py", f"import no_such\n{NETWORKS}"),
        ["classifiers.own.network", "networks.py, line 1, imports no_such", "pip install"],
    ),
    "an own attack that takes too little": (
        {}, write("own_attacks.py", "def mirror(images):\n    return images\n"),
        ["attacks.mirror.attack", "takes only images", "classifier, images, labels"],
    ),
    "an own attack that needs an epsilon": (
        {}, write("own_attacks.py", "def mirror(model, x, y, epsilon):\n    return x\n"),
        ["attacks.mirror.attack", "needs epsilon", "epsilon beside them"],
    ),
    "an array without rows": (
        arrays("a.npy", "a.npy"), array("a.npy", 0, 3), ["datasets.sets.first", "shape (0, 3)", "a row for each"],
    ),
}  # fmt: skip
