"""Shards joined as one file: what is missing, cut short or of another run is never read as zeros."""

import shutil

import h5py
import numpy as np
import pytest
import torch
from torch import nn

from idbias import files
from idbias.config import schema
from idbias.correlation import arrays
from idbias.errors import InputError
from idbias.masks import training
from idbias.report import table_rows


@pytest.fixture
def joined(tmp_path):
    """Three shards of four images each in a folder, and the file that joins them."""
    rng = np.random.default_rng(0)
    paths = []
    for first in (0, 4, 8):
        paths.append(tmp_path / "results" / "masks" / f"{first:05d}-{first + 3:05d}.h5")
        files.write(
            paths[-1],
            {"index": range(first, first + 4), "mask": rng.random((4, 2, 3, 3), np.float32)},
            {"settings": {"penalty": 0.01}, "shard": first},
        )
    files.link_shards(tmp_path / "results" / "masks.h5", paths)
    return tmp_path / "results" / "masks.h5", paths


def test_the_whole_is_its_shards(joined):
    path, shards = joined
    expected = np.concatenate([files.read(shard)[0]["mask"] for shard in shards])
    np.testing.assert_array_equal(files.read(path)[0]["mask"], expected)


def remove(shard):
    shard.unlink()


def cut_short(shard):
    shard.write_bytes(shard.read_bytes()[:-100])


def empty(shard):
    shard.write_bytes(b"")


def damage(shard):
    """Another file of the same length."""
    shard.write_bytes(bytes(shard.stat().st_size))


def replace_by_another_run(shard):
    about = files.read(shard)[0]
    files.write(shard, {**about, "mask": about["mask"][::-1]}, {"settings": {"penalty": 0.01}})


def replace_by_its_neighbour(shard):
    shutil.copy(shard.with_name("00000-00003.h5"), shard)


@pytest.mark.parametrize(
    "harm",
    [remove, cut_short, empty, damage, replace_by_another_run, replace_by_its_neighbour],
)
@pytest.mark.parametrize("read", [files.read, lambda path: arrays.read_array(f"{path}:mask")])
def test_a_harmed_shard_is_named_and_never_read_as_zeros(joined, harm, read):
    path, shards = joined
    harm(shards[1])
    with pytest.raises(InputError, match=r"joins the shard .*00004-00007\.h5.*run again") as error:
        read(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_results_folder_may_be_moved_whole_but_not_without_its_shards(joined, tmp_path):
    path, _ = joined
    before = files.read(path)[0]["mask"]
    shutil.copytree(path.parent, tmp_path / "copied")
    np.testing.assert_array_equal(files.read(tmp_path / "copied" / "masks.h5")[0]["mask"], before)
    shutil.copy(path, tmp_path / "alone.h5")
    with pytest.raises(InputError, match="is missing"):
        files.read(tmp_path / "alone.h5")


def test_hdf5_is_not_sent_elsewhere_by_the_environment(joined, monkeypatch):
    monkeypatch.setenv("HDF5_VDS_PREFIX", "/elsewhere")
    with pytest.raises(InputError, match="unset it"):
        files.read(joined[0])


def test_a_file_that_does_not_say_what_it_joins_is_refused(joined):
    path, _ = joined
    with h5py.File(path, "a") as file:
        del file.attrs["shards"]
    with pytest.raises(InputError, match="older idbias"):
        files.read(path)


@pytest.mark.parametrize("made", [{"settings": {"penalty": 0.5}}, {}])
def test_shards_of_two_configurations_are_not_joined(joined, made):
    path, shards = joined
    files.write(shards[1], files.read(shards[1])[0], made)
    with pytest.raises(InputError, match=r"00004-00007.*settings"):
        files.link_shards(path, shards)


def test_an_image_is_not_joined_twice(joined):
    path, shards = joined
    with pytest.raises(InputError, match="twice"):
        files.link_shards(path, [shards[0], shards[0], shards[1]])


def test_a_damaged_chunk_is_noticed_when_it_is_read(joined):
    _, (shard, *_) = joined
    with h5py.File(shard) as file:
        chunk = file["mask"].id.get_chunk_info(2)
    content = bytearray(shard.read_bytes())
    content[chunk.byte_offset + chunk.size // 2] ^= 0xFF
    shard.write_bytes(content)
    with pytest.raises(InputError, match=r"00000-00003\.h5 is damaged"):
        files.read(shard)


def test_of_two_open_files_the_damaged_one_is_named(joined):
    _, (shard, whole, _) = joined
    with h5py.File(shard) as file:
        chunk = file["mask"].id.get_chunk_info(2)
    content = bytearray(shard.read_bytes())
    content[chunk.byte_offset + chunk.size // 2] ^= 0xFF
    shard.write_bytes(content)
    with (
        pytest.raises(InputError, match=r"00000-00003\.h5 is damaged"),
        files.opened(shard) as file,
        files.opened(whole),
    ):
        file["mask"][()]


def shuffles(path, replicates, **about):
    values = {"replicate": replicates, "intrinsic_dimension": np.asarray(replicates) / 10.0}
    files.write(path, values, {"seed": 0, "estimator": "base", **about})
    return path


def test_shuffles_are_of_one_run_and_each_counts_once(tmp_path):
    first = shuffles(tmp_path / "00000-00003.h5", range(4))
    second = shuffles(tmp_path / "00004-00005.h5", range(4, 6))
    np.testing.assert_array_equal(table_rows.read_shuffles([second, first]), np.arange(6) / 10)
    with pytest.raises(InputError, match="each once"):
        table_rows.read_shuffles([first, first])
    with pytest.raises(InputError, match="each once"):
        table_rows.read_shuffles([second])
    shuffles(second, range(4, 6), seed=1)
    with pytest.raises(InputError, match=r"00004-00005\.h5 was not made as"):
        table_rows.read_shuffles([first, second])


class Stop(Exception):
    """Ends a training from its callback, as a kill would."""


def test_two_clones_that_share_one_scratch_change_no_mask_of_each_other(tmp_path, capsys):
    """Their checkpoints have the same path: each clone takes the other's for its own only if it is."""
    torch.manual_seed(0)
    images, targets = torch.rand(6, 1, 8, 8), torch.arange(6) % 3
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    shared = {"checkpoint": tmp_path / "00000-00005.h5", "checkpoint_seconds": 0, "batch_size": 2}

    def clone(penalty, seed=0, **options):
        settings = schema.Masks(min_steps=20, max_steps=30, penalty=penalty)
        rows = torch.randperm(6, generator=torch.Generator().manual_seed(seed))
        return training.train_masks(network, images[rows], targets[rows], settings, **options).masks

    def interrupted(*case):
        def progress(_):
            raise Stop

        with pytest.raises(Stop):
            clone(*case, progress=progress, **shared)

    # Other settings, and other images under the same name of a shard.
    cases = [(0.01,), (0.5,), (0.01, 1)]
    alone = [clone(*case) for case in cases]
    for _ in range(2):
        for case in cases:
            interrupted(*case)
    for case, expected in zip(cases, alone, strict=True):
        np.testing.assert_array_equal(clone(*case, **shared), expected)
        # Two clones of the same configuration go on from each other's work.
        np.testing.assert_array_equal(clone(*case, **shared), expected)
    assert "is of other settings, data or weights: it is ignored" in capsys.readouterr().err


def test_a_shard_purged_from_scratch_stops_the_pairs_and_is_made_again(in_two_shards, tmp_path):
    workflow = in_two_shards.clone(tmp_path / "purged")
    folder = workflow.folder / "results/digits/small_cnn"
    pairs = "results/digits/small_cnn/correlations/fmn/pairs.h5"
    before = files.read(workflow.folder / pairs)[0]
    shard = folder / "masks/essential/00000-00059.h5"
    shard.unlink()
    stopped = workflow.snakemake("--forcerun", "mask_pairs", "--", pairs, check=False)
    if stopped.returncode == 0:  # Snakemake itself may notice, and make the shard again
        assert shard.exists()
    else:
        assert f"{shard.name}, which is missing" in stopped.stdout + stopped.stderr
        (folder / "masks/essential.h5").unlink()
        workflow.snakemake("--", pairs)
    after = files.read(workflow.folder / pairs)[0]
    for name in before:
        np.testing.assert_array_equal(before[name], after[name])
