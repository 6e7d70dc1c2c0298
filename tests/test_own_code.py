"""Modules of the user's own that fail on import, or hold something else than what was asked for."""

import sys

import pytest

from idbias.classifiers.models import make
from idbias.errors import InputError


def built(name):
    settings = {"network": name, "arguments": {}, "normalisation": None}
    return make(settings, (1, 4, 4), 10)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write modules into the working directory; each test has names of its own, for Python keeps modules."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    return lambda name, text: (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")


RAISING = {
    "a missing file": ('x = 1\nopen("no.txt")\n', "own_0.py, line 2, raised FileNotFoundError"),
    "arguments of a program": ("import sys\n\nsys.exit('usage: x DATA')\n", "line 3, raised SystemExit: usage"),
    "a key": ("{}['a']\n", "own_2.py, line 1, raised KeyError: 'a'"),
    "no Python": ("def small(:\n", "own_3.py, line 1, raised SyntaxError"),
}  # fmt: skip


@pytest.mark.parametrize(("number", "what"), enumerate(RAISING))
def test_a_module_that_raises_on_import_gets_a_sentence(module, number, what):
    text, said = RAISING[what]
    module(f"own_{number}", text)
    with pytest.raises(InputError, match=said) as caught:
        built(f"own_{number}:small")
    assert f"config.yaml: network own_{number}:small cannot be loaded: " in str(caught.value)
    assert str(caught.value).endswith("below if __name__ == '__main__'.")
    assert "\n" not in str(caught.value)


def test_what_raises_is_named_where_it_is_imported_by_another(module):
    module("own_importer", "import own_imported\n")
    module("own_imported", "\n1 / 0\n")
    with pytest.raises(InputError, match=r"own_imported.py, line 2, raised ZeroDivisionError"):
        built("own_importer:small")


NETWORKS = """
from functools import partial
from torch import nn

def wide(classes, width):
    return nn.Sequential(nn.Flatten(), nn.Linear(16, width), nn.Linear(width, classes))

narrow = partial(wide, width=3)
network = nn.Sequential(nn.Flatten(), nn.Linear(16, 10))
"""


def test_a_partial_is_a_network_and_an_instance_is_none(module):
    module("own_networks", NETWORKS)
    assert built("own_networks:narrow").network[1].out_features == 3
    with pytest.raises(InputError, match="own_networks:network is a network already; give a func"):
        built("own_networks:network")
