"""What tests of bad inputs share: ways to harm a file, and a job that must end in one sentence."""

from types import SimpleNamespace

import h5py
import pytest
from snakemake.iocontainers import Namedlist


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def missing(path):
    path.unlink()


def text(path):
    path.write_text("hello\n")


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def older(path):
    with h5py.File(path, "a") as file:
        file.attrs["schema_version"] = 0


def other_seed(path):
    with h5py.File(path, "a") as file:
        file.attrs["seed"] = 7


def damaged(name):
    """Flip a byte within a chunk of the dataset `name`."""

    def harm(path):
        with h5py.File(path) as file:
            chunk = file[name].id.get_chunk_info(1)
        content = bytearray(path.read_bytes())
        content[chunk.byte_offset + chunk.size // 2] ^= 0xFF
        path.write_bytes(content)

    return harm


class Job:
    """A rule's job: `stage` runs the work as every script's, and says how it ended."""

    def __init__(self, folder, **about):
        self.log = folder / "job.log"
        empty_lists = {name: Namedlist() for name in ("wildcards", "input", "output", "params")}
        self.snakemake = SimpleNamespace(
            **{
                "rule": "bad",
                "threads": 1,
                "log": [str(self.log)],
                "config": {},
                **empty_lists,
                **about,
            }
        )

    def fails(self, work, words):
        with pytest.raises(SystemExit) as ended:
            work()
        assert ended.value.code == 1
        said_in_one_sentence(self.log.read_text(), f"idbias, rule {self.snakemake.rule}: ", words)


def said_in_one_sentence(text, start, words):
    assert text.startswith(start), text
    assert text.count("\n") == 1, text
    assert "Traceback" not in text
    for part in words:
        assert part in text, text


@pytest.fixture
def threads_stay(monkeypatch):
    """Thread counts that a job sets are taken back."""
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(variable, "1")
