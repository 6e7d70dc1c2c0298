"""The I_d test of the workflow on arrays of the user's own."""

import h5py
import numpy as np
import pandas as pd
import pytest
import yaml

from idbias.correlation import arrays
from idbias.correlation.command import main
from idbias.errors import InputError


def configured(project, **dataset):
    config = yaml.safe_load((project.folder / "config.yaml").read_text())
    config["experiments"] = ["mine"]
    config["experiment_blocks"]["mine"] = {"dataset": "mine"}
    config["datasets"]["mine"] = {"source": "arrays", **dataset}
    (project.folder / "config.yaml").write_text(yaml.safe_dump(config))


@pytest.mark.long
def test_two_arrays_give_the_row_that_the_command_gives(project):
    rng = np.random.default_rng(0)
    first = rng.normal(size=(300, 2, 3)).astype(np.float32)
    second = np.tanh(first[:, :, 0] @ rng.normal(size=(2, 5)))
    np.save(project.folder / "first.npy", first)
    with h5py.File(project.folder / "other.h5", "w") as file:
        file["group/second"] = second
    configured(project, first="first.npy", second="other.h5:/group/second")
    project.snakemake("correlations", "tables")
    row = pd.read_csv(project.folder / "results/mine/correlations/row.csv").iloc[0]
    output = project.folder / "command.csv"
    names = [str(project.folder / "first.npy"), str(project.folder / "other.h5:/group/second")]
    assert main([*names, "--output", str(output)]) == 0
    command = pd.read_csv(output).iloc[0]
    assert row.pairs == command.pairs == 300
    for column in ("id", "id_first", "id_second", "id_shuffled_mean", "z", "p_permutation"):
        assert row[column] == pytest.approx(command[column], rel=1e-12)
    assert row.z < -2


def test_labels_go_into_the_pairs(tmp_path):
    points = np.random.default_rng(1).normal(size=(60, 2))
    for name, array in (("a", points), ("b", points), ("classes", np.arange(60) % 3)):
        np.save(tmp_path / f"{name}.npy", array)
    a, b, classes = (str(tmp_path / f"{name}.npy") for name in ("a", "b", "classes"))
    arrays.write_pairs(tmp_path / "pairs.h5", a, b, classes)
    with h5py.File(tmp_path / "pairs.h5") as file:
        np.testing.assert_array_equal(file["label"], np.arange(60) % 3)
        np.testing.assert_array_equal(file["first"], points)


def test_bad_arrays_are_named_and_leave_no_file(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((5, 2)))
    np.save(tmp_path / "b.npy", np.zeros((4, 2)))
    broken = np.zeros((5, 2))
    broken[3, 1] = np.nan
    np.save(tmp_path / "c.npy", broken)
    a, b, c = (str(tmp_path / f"{name}.npy") for name in "abc")
    with pytest.raises(InputError, match=r"a\.npy has 5 rows and .*b\.npy has 4"):
        arrays.write_pairs(tmp_path / "pairs.h5", a, b)
    with pytest.raises(InputError, match=r"c\.npy: Row 3 .* holds NaN or infinity"):
        arrays.write_pairs(tmp_path / "pairs.h5", a, c)
    assert not (tmp_path / "pairs.h5").exists()
