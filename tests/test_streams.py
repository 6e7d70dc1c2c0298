"""Every use of random numbers has a stream of its own."""

import re

import numpy as np
import torch
from conftest import ROOT

from idbias.streams import STREAMS, generator, torch_seed


def test_no_two_streams_and_no_two_keys_share_numbers():
    drawn = {
        (stream, seed, key): tuple(generator(stream, seed, *key).integers(2**63, size=2))
        for stream in STREAMS
        for seed in (0, 1)
        for key in ((), (0,), (1,), (0, 0), (1, 0), (0, 1))
    }
    assert len(set(drawn.values())) == len(drawn)
    assert len(set(STREAMS.values())) == len(STREAMS)


def test_a_stream_is_numpys_spawned_sequence_and_fits_torch():
    theirs = np.random.default_rng(np.random.SeedSequence(7, spawn_key=(STREAMS["shuffle"], 3)))
    np.testing.assert_array_equal(
        generator("shuffle", 7, np.int64(3)).permutation(9), theirs.permutation(9)
    )
    assert 0 <= torch_seed("epoch", 2**40, 5) < 2**63
    torch.Generator().manual_seed(torch_seed("epoch", 0, 0))


def test_every_stream_is_drawn_from():
    library = "".join(
        path.read_text("utf-8")
        for path in (ROOT / "workflow_scripts").rglob("*.py")
        if path.name != "streams.py"
    )
    assert {stream for stream in STREAMS if f'("{stream}"' not in library} == set()


def test_the_library_draws_from_streams_alone():
    for path in (ROOT / "workflow_scripts").rglob("*.py"):
        if path.name != "streams.py":
            text = re.sub(r"(?m)^ *>>>.*", "", path.read_text("utf-8"))
            assert not re.search(r"default_rng\(|SeedSequence\(|RandomState\(", text), path
