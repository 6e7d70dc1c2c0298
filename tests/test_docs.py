"""The docs: their examples run, they leave no output unexplained, and links lead somewhere."""

import re

import h5py
import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT, Workflow, lay_over
from PIL import Image
from sklearn.datasets import load_digits

from idbias.config.reference import reference

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


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


def test_the_examples_of_extending_run(tmp_path):
    """Dataset, classifier and attack of docs/extending.md, as they stand there, to the pairs."""
    page = ROOT / "docs/extending.md"
    (tmp_path / "project").mkdir()
    workflow = Workflow.copy_of_project(tmp_path / "project")
    examples = {}
    for block in blocks(page, "yaml"):
        lay_over(examples, yaml.safe_load(block))
    (workflow.folder / "mine.yaml").write_text(yaml.safe_dump(examples))
    for block in blocks(page, "python"):
        (workflow.folder / block.split("\n", 1)[0].removeprefix("# ")).write_text(block)
    names = ("circles", "squares", "crosses")
    assert all(f"{name}/" in page.read_text() for name in names)
    digits = load_digits()
    for number, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        if label < 3 and number < 500:
            folder = workflow.folder / "my_images" / names[label]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray((image * 255 / 16).astype(np.uint8)).save(folder / f"{number}.png")
    target = "results/shapes/two_layers/correlations/iterative_l2/pairs.h5"
    workflow.snakemake(target, "--configfile", "mine.yaml", "--config", "experiments=[shapes]")
    with h5py.File(workflow.folder / target) as pairs:
        about = pairs.attrs
        assert about["images"] == 60
        assert about["test_accuracy"] > 0.8
        assert about["attack_success"] > 0.5
        assert pairs["first"].shape[1:] == (1, 8, 8)
        assert 10 < len(pairs["index"]) <= 60


@pytest.fixture(scope="module")
def outputs():
    return (ROOT / "docs/outputs.md").read_text()


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
            found |= {re.sub(r"^weights/.*", "weights/...", name) for name in names}
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
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
