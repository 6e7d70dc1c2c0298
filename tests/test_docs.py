"""The docs: their examples run, they leave no output unexplained, and links lead somewhere."""

import importlib
import re
import subprocess
import sys

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from conftest import ROOT, Workflow, lay_over
from PIL import Image
from sklearn.datasets import load_digits

from idbias import files
from idbias.attacks import batched
from idbias.classifiers import models
from idbias.classifiers.weights import load_weights
from idbias.config.checking import check
from idbias.config.reference import reference
from idbias.config.schema import Masks
from idbias.config.schema_attacks import Attack

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
# Logs of what was measured, which may name times and commits.
LOGS = [ROOT / "benchmarks/RESULTS.md", ROOT / "tests/slurm/README.md"]


def test_the_configuration_reference_is_what_the_models_say():
    assert (ROOT / "docs/configuration.md").read_text() == reference(), (
        "idbias/config/schema.py changed; run: PYTHONPATH=workflow_scripts python -m "
        "idbias.config.reference > docs/configuration.md"
    )


def test_the_configuration_reference_has_every_key_of_config_yaml():
    text = reference()

    def keys(section, named):
        for key, value in section.items():
            if not named:
                assert f"| `{key}` |" in text, key
            if isinstance(value, dict) and key not in ("overrides", "arguments"):
                keys(value, key in ("experiment_blocks", "datasets", "classifiers", "attacks"))

    keys(yaml.safe_load((ROOT / "config.yaml").read_text()), False)


def blocks(page, language):
    """The fenced code blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.M | re.S)


# What the packages of the examples offer, where they are not installed: the same calls.
STAND_INS = {
    "adv_lib": """
def ddn(model, inputs, labels, targeted=False, steps=100, γ=0.05, init_norm=1.0):
    return (inputs + steps / 1000).clamp(0, 1)
""",
    "pyautoattack": """
import torch


class AutoAttack:
    def __init__(self, model, *, attacks=None, device="cpu", eps=0.3, norm="Linf", seed=None):
        self.eps, self.seed = eps, seed

    def run_standard_evaluation(self, x_orig, y_orig, /, *, batch_size=250, state_path=None):
        torch.manual_seed(self.seed)
        noise = torch.rand(len(x_orig), 1, 1, 1)
        return (x_orig + self.eps * noise).clamp(0, 1), y_orig
""",
}


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """A project with all that docs/extending.md adds, and the dataset of its example written."""
    page = ROOT / "docs/extending.md"
    workflow = Workflow.copy_of_project(tmp_path_factory.mktemp("extended"))
    examples = {}
    for block in blocks(page, "yaml"):
        lay_over(examples, yaml.safe_load(block))
    shapes = examples["experiment_blocks"]["shapes"]
    assert set(shapes["attacks"]) < set(examples["attacks"])
    for block in blocks(page, "python"):
        (workflow.folder / block.split("\n", 1)[0].removeprefix("# ")).write_text(block)
    for package, code in STAND_INS.items():
        if importlib.util.find_spec(package) is None:
            inside = (
                workflow.folder
                / package
                / ("attacks.py" if package == "adv_lib" else "__init__.py")
            )
            inside.parent.mkdir()
            inside.write_text(code)
    names = ("circles", "squares", "crosses")
    assert all(f"{name}/" in page.read_text() for name in names)
    digits = load_digits()
    for number, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        if label < 3 and number < 500:
            folder = workflow.folder / "my_images" / names[label]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray((image * 255 / 16).astype(np.uint8)).save(folder / f"{number}.png")
    (workflow.folder / "mine.yaml").write_text(yaml.safe_dump(examples))
    workflow.snakemake("results/shapes/dataset.h5", *MINE)
    subprocess.run([sys.executable, "make_adversarial.py"], cwd=workflow.folder, check=True)
    torch.save({}, workflow.folder / "robust.pt")
    # All that the page has on one dataset.
    shapes |= {"attacks": list(examples["attacks"]), "classifiers": ["two_layers", "robust"]}
    (workflow.folder / "mine.yaml").write_text(yaml.safe_dump(examples))
    return workflow


MINE = ["--configfile", "mine.yaml", "--config", "experiments=[shapes]"]


def test_the_examples_of_extending_run(extended):
    """Dataset, classifier and attacks of docs/extending.md, as they stand there, to the pairs."""
    folder = "results/shapes/two_layers"
    pairs = f"{folder}/correlations/iterative_l2/pairs.h5"
    noise = f"{folder}/attacks/noise/00000-00059.h5"
    extended.snakemake(pairs, noise, *MINE)
    with h5py.File(extended.folder / pairs) as file:
        about = file.attrs
        assert about["images"] == 60
        assert about["test_accuracy"] > 0.8
        assert about["attack_success"] > 0.5
        assert file["first"].shape[1:] == (1, 8, 8)
        assert 10 < len(file["index"]) <= 60
    found, _ = files.read(extended.folder / noise)
    made = np.load(extended.folder / "adversarial.npz")
    for row, index in enumerate(found["index"]):
        given = index in made["index"]
        assert found["given"][row] == given
        if given:
            expected = made["images"][made["index"] == index][0]
            np.testing.assert_allclose(found["adversarial"][row], expected, atol=1e-6)


def test_the_attacks_of_extending_are_had_and_attack(extended, monkeypatch):
    monkeypatch.syspath_prepend(extended.folder)
    monkeypatch.chdir(extended.folder)
    random = np.random.default_rng(0)
    images = random.uniform(0, 1, (8, 1, 8, 8)).astype(np.float32)
    torch.manual_seed(0)
    classifier = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3)).eval()
    labels = classifier(torch.as_tensor(images)).argmax(1).numpy()
    config = yaml.safe_load((extended.folder / "mine.yaml").read_text())
    found = {}
    for name in ("signed_gradient", "ddn", "autoattack"):
        settings = Attack(**config["attacks"][name]).settings
        found[name] = batched.run(
            classifier, images, labels, np.arange(8), settings, seed=0, batch_size=4
        )
    assert found["signed_gradient"]["success"].mean() > 0.5
    assert found["signed_gradient"]["linf"].max() == pytest.approx(0.2, abs=1e-5)
    assert (found["ddn"]["l2"] > 0).all()
    assert 0 < found["autoattack"]["linf"].max() <= 0.2 + 1e-6


def test_a_checkpoint_in_robustbench_s_layout_is_loaded_as_extending_says(extended, monkeypatch):
    monkeypatch.syspath_prepend(extended.folder)
    theirs = importlib.import_module("my_robust").robust(1, 3).eval()
    # Nested, with the prefixes of two wrappers, without the normalisation.
    state = {f"module.model.{key}": value for key, value in theirs.state_dict().items()}
    assert not any("mean" in key or "std" in key for key in state)
    torch.save({"epoch": 200, "state_dict": state}, extended.folder / "robust.pt")
    config = yaml.safe_load((extended.folder / "mine.yaml").read_text())
    config = {
        **yaml.safe_load((ROOT / "config.yaml").read_text()),
        **config,
        "experiments": ["shapes"],
    }
    monkeypatch.chdir(extended.folder)
    settings = check(config)["shapes"].classifiers["robust"].model_dump()
    ours = models.make(settings, (1, 8, 8), 3)
    load_weights(ours.network, extended.folder / settings["weights"]["path"])
    images = torch.rand(5, 1, 8, 8)
    with torch.no_grad():
        assert torch.equal(ours.eval()(images), theirs(images))


def test_an_attack_file_that_does_not_fit_ends_in_a_sentence_before_anything_trains(extended):
    made = dict(np.load(extended.folder / "adversarial.npz"))
    np.savez(extended.folder / "wrong.npz", **{**made, "images": made["images"] * 255})
    settings = yaml.safe_load((extended.folder / "mine.yaml").read_text())
    settings["attacks"]["wrong"] = {**settings["attacks"]["noise"], "path": "wrong.npz:images"}
    settings["experiment_blocks"]["shapes"]["attacks"] = ["wrong"]
    (extended.folder / "wrong.yaml").write_text(yaml.safe_dump(settings))
    target = "results/shapes/made_elsewhere/wrong/images.h5"
    done = extended.snakemake(target, "--configfile", "wrong.yaml", *MINE[2:], check=False)
    assert done.returncode
    output = done.stdout + done.stderr
    assert "idbias, rule attack_file: wrong.npz:images holds pixels from 0 to 255" in output
    assert "Traceback" not in output


def test_the_example_of_the_readme_is_a_configuration(tmp_path, monkeypatch):
    """Its ten lines, with the files that they name, pass the checks of the whole configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for number in range(8):
        image = tmp_path / "my_images" / ("cats", "dogs")[number % 2] / f"{number}.png"
        image.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((64, 64, 3), 20 * number, np.uint8)).save(image)
    network = "Sequential(nn.Flatten(), nn.LazyLinear(classes))"
    (tmp_path / "my_networks.py").write_text(
        f"from torch import nn\n\n\ndef build(classes):\n    return nn.{network}\n"
    )
    torch.save({}, tmp_path / "net.pth")
    (example,) = blocks(ROOT / "README.md", "yaml")
    assert len(example.splitlines()) <= 10
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    lay_over(config, yaml.safe_load(example))
    mine = check(config)["mine"]
    assert list(mine.classifiers) == ["net"]


def test_the_defaults_that_the_page_on_masks_names_are_those_of_the_code():
    text = " ".join((ROOT / "docs/masks.md").read_text().split())
    masks = Masks()
    for words in (
        f"learning rate {masks.learning_rate}",
        rf"\lambda = {masks.penalty}",
        f"after step {masks.min_steps} ",
        f"the last {masks.window} losses",
        f"at step {masks.max_steps:,}",
    ):
        assert words in text


@pytest.fixture(scope="module")
def outputs():
    return (ROOT / "docs/outputs.md").read_text() + (ROOT / "docs/crossed.md").read_text()


def test_every_hdf5_dataset_and_attribute_is_explained(finished, outputs):
    found = set()
    for path in finished.folder.glob("results/**/*.h5"):
        with h5py.File(path) as file:
            names = []
            file.visititems(
                lambda name, item, names=names: (
                    names.append(name) if hasattr(item, "shape") else None
                )
            )
            found |= {
                re.sub(r"^weights/.*", "weights/...", name)
                for name in names
                if path.name != "products.h5"
            }
            if path.name == "products.h5":
                found |= {f"SET/BANDS/{name.rsplit('/', 1)[1]}" for name in names}
            found |= set(file.attrs)
    assert len(found) > 50
    assert {name for name in found if f"`{name}`" not in outputs} == set()


def test_every_table_and_figure_is_explained(finished, outputs):
    for path in finished.folder.glob("results/**/*.csv"):
        columns = set(pd.read_csv(path).columns)
        shown = {
            re.sub(r"^(essential|adversarial)_(steps|loss|predicted|sum|zeros)$", r"\2", name)
            for name in columns
        }
        assert {name for name in shown if f"`{name}`" not in outputs} == set(), path
        if "figures" in path.parts:
            assert f"`{path.stem}`" in outputs


@pytest.mark.parametrize("page", [*PAGES, *LOGS], ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), f"{page.name}: {link}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(), re.M)
            slugs = {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}
            assert anchor in slugs, f"{page.name}: {link}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_no_diary(page):
    """What was measured, when and with which commit is in LOGS."""
    text = page.read_text()
    clock = re.findall(r"\b[0-2]?\d:[0-5]\d(?::[0-5]\d)?\b(?!\])", text)
    commits = [
        word for word in re.findall(r"(?<![\w/.-])[0-9a-f]{7,40}\b", text) if not word.isalpha()
    ]
    assert clock == []
    assert [word for word in commits if not word.isdigit()] == []


def test_the_pages_are_short_enough_to_be_read():
    lines = sum(len(page.read_text().splitlines()) for page in (ROOT / "docs").glob("*.md"))
    assert lines <= 1900


def test_the_site_builds_with_every_page_and_no_warning(tmp_path):
    pytest.importorskip("mkdocs", reason="mkdocs-material is not installed")
    pytest.importorskip("latex2mathml", reason="latex2mathml is not installed")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for page in PAGES:
        name = "index" if page.name == "README.md" else page.stem
        assert (tmp_path / f"{name}.html").is_file(), page.name
    masks = (tmp_path / "masks.html").read_text()
    assert "<math" in masks
    assert "arithmatex" not in masks


def test_no_page_falls_into_the_idioms_that_readers_stumbled_over():
    odd = (
        r"\bcry wolf\b|\bmend(?:s|ed)?\b|\bfor want of\b|\bis lent\b|\bcannot be had\b"
        r"|\b(?:cycles|bits|frequencies) a pixel\b|\ba mask an image\b"
    )
    captions = sorted((ROOT / "workflow_scripts/captions").glob("*.rst"))
    for page in [*PAGES, *captions]:
        assert re.findall(odd, page.read_text()) == [], page.name


def test_the_citation_file_has_what_citing_needs():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    titles = " ".join(one["title"] for one in citation["references"])
    assert "through Intrinsic Dimension" in titles
    assert "Localized Kernels" in titles


def test_every_file_that_the_architecture_names_exists():
    text = (ROOT / "docs/architecture.md").read_text()
    named = set(re.findall(r"`((?:workflow_scripts|rules|tests|profiles)/[\w./]+)`", text))
    assert len(named) > 20
    assert {name for name in named if not (ROOT / name).exists()} == set()
