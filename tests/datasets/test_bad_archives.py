"""Archives that are cut, damaged or lead out: a job fails with one sentence."""

import pytest
from archive_files import pack
from bad_inputs import Job, cut, empty, flip, missing, threads_stay  # noqa: F401

from idbias.datasets import binary
from idbias.stage import stage

pytestmark = pytest.mark.usefixtures("threads_stay")


CIFAR = "cifar-10-batches-bin/"
# Archive: the packed file's content is cut, or a member is changed.
ARCHIVES = {
    "cut archive": (cut, {}, ["cifar.tar.gz", "truncated or damaged", "get the file again"]),
    "empty archive": (empty, {}, ["cifar.tar.gz", "truncated or damaged", "get the file again"]),
    "no archive": (missing, {}, ["cifar.tar.gz does not exist", "give an existing archive"]),
    "damaged archive": (flip, {}, ["cifar.tar.gz", "truncated or damaged", "get the file again"]),
    "path that leads out": (None, {"../x.bin": b"x"}, ["cifar.tar.gz", "leads out", "pack it again"]),
}  # fmt: skip


@pytest.mark.parametrize(("harm", "members", "words"), ARCHIVES.values(), ids=ARCHIVES)
def test_archives(tmp_path, harm, members, words):
    names = [
        f"{CIFAR}{name}.bin" for name in ("test_batch", *(f"data_batch_{i}" for i in range(1, 6)))
    ]
    whole = {f"{CIFAR}batches.meta.txt": b"a\n" * 10, **dict.fromkeys(names, bytes(3073))}
    path = pack(tmp_path / "cifar.tar.gz", whole | members)
    if harm:
        harm(path)

    def work():
        with stage(job.snakemake):
            binary.cifar10(path)

    job = Job(tmp_path)
    job.fails(work, words)
