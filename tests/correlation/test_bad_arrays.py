"""Arrays that have no distances: the command says it in one sentence and writes nothing."""

import numpy as np
import pytest
from bad_inputs import cut, empty, said_in_one_sentence

from idbias.correlation.command import main

POINTS = np.random.default_rng(0).normal(size=(40, 3))
# Arrays: two files' contents for idbias-correlate.
ARRAYS = {
    "arrays of two lengths": (POINTS, POINTS[:30], ["a.npy has 40 rows", "give as many rows"]),
    "array with NaN": (
        POINTS,
        np.where(POINTS > 2, np.nan, POINTS),
        ["b.npy: Row", "remove that row"],
    ),
    "cut array": (POINTS, cut, ["b.npy", "get or make the file again"]),
    "empty array": (POINTS, empty, ["b.npy", "get or make the file again"]),
    "points that coincide": (
        POINTS,
        np.zeros((40, 3)),
        ["b.npy: all points coincide", "give points that differ"],
    ),
}


@pytest.mark.parametrize(("first", "second", "words"), ARRAYS.values(), ids=ARRAYS)
def test_arrays(tmp_path, monkeypatch, capsys, first, second, words):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", first)
    np.save("b.npy", POINTS if callable(second) else second)
    if callable(second):
        second(tmp_path / "b.npy")
    assert main(["a.npy", "b.npy", "--shuffles", "5", "--threads", "1", "--output", "row.csv"]) == 2
    said_in_one_sentence(capsys.readouterr().err, "idbias-correlate: ", words)
    assert not (tmp_path / "row.csv").exists()
