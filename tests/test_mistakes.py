"""Mistakes of a student with data of their own: said before anything runs, with file, key and remedy."""

import os
import subprocess
import sys

import foolbox
import h5py
import numpy as np
import pytest
import yaml
from conftest import ROOT, lay_over
from PIL import Image

from idbias import tables_aside
from idbias.attacks.foolbox_names import ATTACKS
from idbias.config.checking import check
from idbias.config.command_line import configuration_files, numbers
from idbias.config.origins import Origins
from idbias.errors import InputError

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


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A student's folder, in which nothing is wrong yet."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(MINE, encoding="utf-8")
    (tmp_path / "networks.py").write_text(NETWORKS, encoding="utf-8")
    (tmp_path / "own_attacks.py").write_text(ATTACKS_FILE, encoding="utf-8")
    for label in ("cat", "dog"):
        (tmp_path / "pictures" / label).mkdir(parents=True)
        for number in range(5):
            Image.new("RGB", (32, 32)).save(tmp_path / "pictures" / label / f"{number}.png")
    return tmp_path


def planned(*files, command_line=None):
    """What the Snakefile does with the shipped configuration and `files` over it."""
    origins = Origins.of_files([ROOT / "config.yaml", *files], command_line or {})
    config = {}
    for _, content in origins.layers:
        lay_over(config, content)
    numbers(config, command_line or {})
    return check(config, origins, with_files=True)


def sentences(*files, **options):
    with pytest.raises(InputError) as raised:
        planned(*files, **options)
    return str(raised.value).splitlines()


def test_without_a_mistake_nothing_is_said(folder):
    experiment = planned("mine.yaml")["mine"]
    assert experiment.attacks["pgd_own"].epsilon == pytest.approx(8 / 255)
    assert experiment.classifiers["own"].recipe.learning_rate == 0.001


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
        {}, write("networks.py", "def small(:\n"), ["classifiers.own.network", "networks.py, line 1", "mend it"]
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
    "a seed twice": (
        {"experiment_blocks": {"mine": {"seeds": [1, 1]}}}, nothing, ["one seed twice; name each once"],
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
    "an array without rows": (
        arrays("a.npy", "a.npy"), array("a.npy", 0, 3), ["datasets.sets.first", "shape (0, 3)", "a row for each"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "harm", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_said_with_file_key_and_remedy(folder, changes, harm, said):
    config = yaml.safe_load(MINE)
    lay_over(config, changes)
    (folder / "mine.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    harm(folder)
    lines = sentences("mine.yaml")
    assert all(line.startswith("mine.yaml: ") and line.endswith((".", "?")) for line in lines), (
        lines
    )
    assert any(all(part in line for part in said) for line in lines), lines
    assert len(lines) == 1 or lines[0].startswith("mine.yaml: datasets.sets"), lines


def test_there_are_twenty_five():
    assert len(MISTAKES) >= 25


def test_several_are_said_at_once(folder):
    config = yaml.safe_load(MINE)
    chosen = (
        "a misspelt key",
        "no such folder",
        "no such function",
        "no epsilon",
        "an own attack that is not there",
    )
    for name in chosen:
        lay_over(config, MISTAKES[name][0])
    (folder / "mine.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    lines = sentences("mine.yaml", command_line={"correlation": {"shuffles": "1"}})
    assert len(lines) == 6
    for name in chosen:
        assert any(all(part in line for part in MISTAKES[name][2]) for line in lines), name
    assert any(line.startswith("--config: correlation.shuffles is 1") for line in lines)


def test_each_mistake_is_of_the_file_it_is_in(folder):
    (folder / "more.yaml").write_text("masks: {penalty: -1}\n", encoding="utf-8")
    (folder / "mine.yaml").write_text(MINE + "class_maps: {penalty: -1}\n", encoding="utf-8")
    assert sorted(line.split(" is ")[0] for line in sentences("mine.yaml", "more.yaml")) == [
        "mine.yaml: class_maps.penalty",
        "more.yaml: masks.penalty",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "masks:\n  penalty: 1\nmasks:\n  window: 3\n",
            "mine.yaml, line 3: the key 'masks' is there already, in line 1",
        ),
        ("masks: {penalty: 1, penalty: 2}\n", "mine.yaml, line 1: the key 'masks.penalty' is there already"),
        ("masks:\n\tpenalty: 1\n", "mine.yaml, line 2: it begins with a tab"),
        ("masks: {penalty: 1\n", "mine.yaml, line 2: this is no YAML"),
        ("- masks\n", "mine.yaml holds no keys"),
        ("masks: {penalty: 1}\n".encode("utf-16"), "mine.yaml is not text in UTF-8"),
    ],
)  # fmt: skip
def test_what_is_no_yaml_is_said_with_its_line(folder, text, said):
    (folder / "mine.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    (line,) = sentences("mine.yaml")
    assert line.startswith(said)


def test_what_is_made_needs_its_sources_no_longer(folder):
    (folder / "pictures").rename(folder / "put away")
    assert sentences("mine.yaml")
    (folder / "results/mine").mkdir(parents=True)
    (folder / "results/mine/dataset.h5").touch()
    assert planned("mine.yaml")


def test_the_table_of_foolbox_is_foolbox_s():
    import inspect

    base = foolbox.attacks.base
    found = {
        name: (
            issubclass(attack, base.FixedEpsilonAttack),
            list(inspect.signature(attack).parameters),
        )
        for name, attack in vars(foolbox.attacks).items()
        if isinstance(attack, type)
        and issubclass(attack, base.Attack)
        and not inspect.isabstract(attack)
    }
    assert found == ATTACKS


def test_numbers_of_the_command_line_are_numbers():
    # As Snakemake reads --config correlation='{shuffles: 100, within: [a, 1]}'.
    given = {"correlation": {"shuffles": "100", "list": ["a", "1"], "text": "8/255"}, "seed": 3}
    config = {"correlation": {"shuffles": "100", "list": ["a", "1"], "text": "8/255", "other": "5"}}
    config["seed"] = 3
    numbers(config, given)
    assert config["correlation"] == {
        "shuffles": 100,
        "list": ["a", 1],
        "text": "8/255",
        "other": "5",
    }


def test_what_follows_configfile_is_taken_for_files():
    def files(text):
        return configuration_files(["snakemake", *text.split()])

    assert files("-n --configfile a.yaml tables") == ["a.yaml", "tables"]
    assert files("--configfile a.yaml -- tables") == ["a.yaml"]
    assert files("tables --configfiles a.yaml b.yaml -n -q") == ["a.yaml", "b.yaml"]
    assert files("tables --configfile=a.yaml") == ["a.yaml"]
    assert files("tables -n") == []


def snakemake(folder, *arguments):
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=os.environ)
    return done.returncode, done.stdout + done.stderr


def test_a_target_after_configfile_ends_in_a_sentence(folder):
    code, output = snakemake(folder, "-n", "--configfile", "mine.yaml", "tables")
    assert code != 0
    assert "idbias: --configfile takes all names" in output
    assert "--configfile mine.yaml -- tables" in output
    assert "Traceback" not in output


def test_an_installed_workflow_and_an_own_file_are_enough(folder):
    code, output = snakemake(folder, "-n", "--configfile", "mine.yaml", "--", "tables")
    assert code == 0, output
    assert "essential_mask_shard" in output
    (folder / "mine.yaml").rename(folder / "config.yaml")
    code, again = snakemake(folder, "-n", "tables", "--config", "correlation={shuffles: 100}")
    assert code == 0, again
    assert "essential_mask_shard" in again


def test_tables_of_another_configuration_are_put_aside(tmp_path, capsys):
    for name in (
        "correlations.md",
        "spectra.md",
        "spectra_details.csv",
        "table2.md",
        "accuracies.csv",
    ):
        (tmp_path / name).touch()
    moved = tables_aside.put_aside(["results/tables/correlations.md"], tmp_path)
    assert moved == ["spectra.md", "spectra_details.csv"]
    assert sorted(path.name for path in (tmp_path / "earlier").iterdir()) == moved
    assert "earlier: spectra.md" in capsys.readouterr().out
    assert (tmp_path / "table2.md").exists()
