"""The demonstration's crossed trainings in small, as a user runs them, against a plain loop over its files."""

import numpy as np
import pandas as pd
import pytest
from test_crossed import by_hand

from idbias import files

SEEDS = {"small_cnn": 0, "small_cnn_seed1": 1, "small_cnn_seed2": 2}


@pytest.mark.long
def test_the_demonstration_s_table_is_the_plain_method_on_its_files(project):
    block = {
        "images": 40,
        "seeds": list(SEEDS.values()),
        "controls": [],
        # In two shards, of 25 and 15 images.
        "overrides": {"recipe": {"epochs": 10}, "execution": {"images_per_shard": 25}},
    }
    project.configure({"experiment_blocks": {"digits_crossed": block}})
    project.configure({"masks": {"min_steps": 60, "max_steps": 120}})
    project.snakemake("--config", "experiments=[digits_crossed]", "--", "crossed")
    results = project.folder / "results"
    row = pd.read_csv(results / "tables/crossed.csv").iloc[0]
    clean, _ = files.read(results / "digits_crossed/dataset.h5", ["test/images"])
    essential, perturbed = [], []
    for name in SEEDS:
        folder = results / "digits_crossed" / name
        masks, _ = files.read(folder / "masks/essential.h5", ["index", "kept", "mask"])
        attack, _ = files.read(folder / "attacks/fmn.h5", ["index", "success", "adversarial"])
        kept, success = masks["kept"], attack["success"]
        essential.append(dict(zip(masks["index"][kept], masks["mask"][kept], strict=True)))
        index = attack["index"][success]
        images = np.float64(attack["adversarial"][success])
        images -= np.float32(1 / 16) * clean["test/images"][index].astype(np.float32)
        spectra = np.abs(np.fft.fft2(images)).reshape(len(index), -1)
        spectra /= np.linalg.norm(spectra, axis=1, keepdims=True)
        perturbed.append(dict(zip(index, spectra, strict=True)))
    common = sorted(set.intersection(*(set(one) for one in essential + perturbed)))
    sets = [
        np.array([[np.ravel(one[x]).astype(float) for x in common] for one in kind])
        for kind in (essential, perturbed)
    ]
    assert (row["networks"], row["images"]) == (3, len(common))
    for name, value in by_hand(*sets).items():
        assert row[name] == pytest.approx(value, abs=1e-10), name
    assert (
        (results / "tables/crossed.md").read_text(encoding="utf-8").startswith("- digits_crossed, ")
    )
