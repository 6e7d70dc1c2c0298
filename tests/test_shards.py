"""Shards joined as one file: what is missing, cut short or of another run is never read as zeros."""

import errno
import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import nn

from idbias import files
from idbias.config import schema
from idbias.correlation import arrays, shuffle_files
from idbias.errors import InputError
from idbias.masks import training

ROOT = Path(__file__).parents[1]


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
    files.join_shards(tmp_path / "results" / "masks.h5", paths)
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


def test_a_joined_file_of_an_older_idbias_is_refused_with_the_command_that_makes_it_anew(joined):
    path, shards = joined
    described = json.loads(files.read(path, [])[1]["shards"])
    with h5py.File(path, "a") as file:
        file.attrs["shards"] = json.dumps(
            [{"path": one["path"], "bytes": one["bytes"]} for one in described]
        )
        layout = h5py.VirtualLayout((4, 2, 3, 3), np.float32)
        layout[:] = h5py.VirtualSource(str(shards[0]), "mask", (4, 2, 3, 3))
        file.create_virtual_dataset("mask", layout)
    with pytest.raises(
        InputError, match=rf"older idbias.*rm {path}; snakemake --cores 1 -- {path}"
    ):
        files.read(path)


def test_a_virtual_dataset_of_the_users_own_is_refused_but_not_to_be_deleted(tmp_path):
    with h5py.File(tmp_path / "part.h5", "w") as file:
        file["x"] = np.ones((4, 2))
    with h5py.File(tmp_path / "own.h5", "w") as file:
        layout = h5py.VirtualLayout((4, 2), float)
        layout[:] = h5py.VirtualSource(str(tmp_path / "part.h5"), "x", (4, 2))
        file.create_virtual_dataset("x", layout)
    with pytest.raises(InputError, match=r"own\.h5: /x is a virtual dataset.*plain copy") as error:
        arrays.read_array(f"{tmp_path}/own.h5:x")
    assert "delete" not in str(error.value)


@pytest.mark.parametrize(
    "rows",
    [5, -1, slice(2, 9), slice(None, None, 3), slice(9, 2, -2), slice(3, 3), [7, 0, 7, 11], [], ..., (),
     np.arange(12) % 5 == 0, (slice(1, 6), 1), (4, 0, slice(0, 2)), ([1, 10], slice(None), 2)],
)  # fmt: skip
def test_rows_of_the_whole_are_those_that_numpy_would_give(joined, rows):
    path, shards = joined
    together = np.concatenate([files.read(shard)[0]["mask"] for shard in shards])
    with files.opened(path) as file:
        np.testing.assert_array_equal(file["mask"][rows], together[rows])


def run(code, **environment):
    """Run Python code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "workflow_scripts"), **environment},
    )  # fmt: skip


REFUSING = r"""
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <errno.h>
    #include <fcntl.h>
    #include <stdarg.h>
    #include <stdlib.h>
    #include <string.h>
    static int opened;
    static int refused(const char *path) {
        return strstr(path, "00007-") && opened++ >= atoi(getenv("REFUSE_AFTER"))
            ? errno = atoi(getenv("REFUSE_WITH")) : 0;
    }
    #define INTERPOSED(NAME) int NAME(const char *path, int flags, ...) { \
        va_list rest; va_start(rest, flags); int mode = va_arg(rest, int); va_end(rest); \
        int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, #NAME); \
        return refused(path) ? -1 : real(path, flags, mode); }
    INTERPOSED(open)
    INTERPOSED(open64)
"""


def shards_of_one_row(folder, count):
    """Shards of one row each, row i holding i + 1, and the file that joins them, whose path is returned."""
    paths = [folder / "masks" / f"{number:05d}-{number:05d}.h5" for number in range(count)]
    for number, path in enumerate(paths):
        path.parent.mkdir(exist_ok=True)
        with h5py.File(path, "w") as file:
            file["index"], file["mask"] = [number], [number + 1.0]
            files.stamp(file, {"settings": {}, "content": str(number)})
    files.join_shards(folder / "masks.h5", paths)
    return folder / "masks.h5"


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """1,100 shards joined."""
    return shards_of_one_row(tmp_path_factory.mktemp("many"), 1100)


@pytest.fixture(scope="module")
def refusing(tmp_path_factory):
    """A library that lets some opens of the shard 7 fail, and 9 shards joined."""
    folder = tmp_path_factory.mktemp("refusing")
    (folder / "refusing.c").write_text(textwrap.dedent(REFUSING))
    library = str(folder / "refusing.so")
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-o", library, folder / "refusing.c", "-ldl"], check=True
    )
    return library, shards_of_one_row(folder, 9)


@pytest.mark.parametrize("limit", [1024, 64])
def test_more_shards_than_files_may_be_open(many, limit):
    done = run(f"""
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, ({limit}, {limit}))
        from idbias import files
        from idbias.correlation.arrays import read_array
        import numpy as np
        assert (files.read({str(many)!r})[0]["mask"] == np.arange(1100) + 1).all()
        assert (read_array({str(many)!r} + ":mask")[::-1] == np.arange(1100)[::-1] + 1).all()
        files.join_shards({str(many)!r} + ".again", sorted({str(many.parent / "masks")!r} + f"/{{i:05d}}-{{i:05d}}.h5" for i in range(1100)))
    """)  # noqa: E501
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EACCES, errno.EMFILE])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_an_open_that_fails_in_the_middle_is_never_read_as_zeros(refusing, number, after):
    library, joined = refusing
    done = run(
        f"""
        import sys
        from idbias import files
        from idbias.errors import InputError
        try:
            masks = files.read({str(joined)!r})[0]["mask"]
        except InputError as error:
            sys.exit(str(error))
        sys.exit(f"read as {{masks}}")
        """,
        LD_PRELOAD=library, REFUSE_WITH=str(number), REFUSE_AFTER=str(after),
    )  # fmt: skip
    (sentence,) = done.stderr.splitlines()
    assert "00007-00007.h5" in sentence
    assert os.strerror(number) in sentence
    assert "delete" not in sentence


@pytest.mark.parametrize("made", [{"settings": {"penalty": 0.5}}, {}])
def test_shards_of_two_configurations_are_not_joined(joined, made):
    path, shards = joined
    files.write(shards[1], files.read(shards[1])[0], made)
    with pytest.raises(InputError, match=r"00004-00007.*settings"):
        files.join_shards(path, shards)


def test_an_image_is_not_joined_twice(joined):
    path, shards = joined
    with pytest.raises(InputError, match="twice"):
        files.join_shards(path, [shards[0], shards[0], shards[1]])


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
    np.testing.assert_array_equal(
        shuffle_files.read_statistics([second, first])["intrinsic_dimension"], np.arange(6) / 10
    )
    with pytest.raises(InputError, match="each once"):
        shuffle_files.read_statistics([first, first])
    with pytest.raises(InputError, match="each once"):
        shuffle_files.read_statistics([second])
    shuffles(second, range(4, 6), seed=1)
    with pytest.raises(InputError, match=r"00004-00005\.h5 was not made as"):
        shuffle_files.read_statistics([first, second])


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
