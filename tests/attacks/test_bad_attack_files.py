"""Images attacked elsewhere that do not fit the dataset: a job fails with one sentence."""

import numpy as np
import pytest
from bad_inputs import Job, threads_stay  # noqa: F401

from idbias import files
from idbias.attacks import attack_files
from idbias.stage import stage

pytestmark = pytest.mark.usefixtures("threads_stay")


# Attack file: from the clean images, float32 in [0, 1], to what the file holds.
ATTACKS = {
    "pixels of 8 bits": (lambda x: (x * 255).astype(np.uint8), ["attack.npy", "such as images / 255"]),
    "pixels out of range": (lambda x: x * 255, ["attack.npy", "give images in [0, 1]"]),
    "channels last": (lambda x: x.transpose(0, 2, 3, 1), ["attack.npy", "give an array (N, 1, 8, 8)"]),
    "too few images": (lambda x: x[:9], ["attack.npy has 9 images", "by `index`"]),
}  # fmt: skip


@pytest.mark.parametrize(("made", "words"), ATTACKS.values(), ids=ATTACKS)
def test_attack_files(tmp_path, made, words):
    clean = np.random.default_rng(0).random((20, 1, 8, 8)).astype(np.float32)
    datasets = {"test/images": clean, "test/labels": np.zeros(20, int)}
    files.write(
        tmp_path / "dataset.h5", datasets, {"classes": ["0"], "scale": 1.0, "masked": "test"}
    )
    np.save(tmp_path / "attack.npy", made(clean))

    def work():
        with stage(job.snakemake):
            attack_files.write(
                tmp_path / "out.h5", tmp_path / "dataset.h5", 20, str(tmp_path / "attack.npy")
            )

    job = Job(tmp_path)
    job.fails(work, words)
    assert not (tmp_path / "out.h5").exists()
