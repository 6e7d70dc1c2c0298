"""What reruns when: an edit of words reruns nothing, an edit of a constant its stage and what follows."""

import os
import shutil

import pytest
from conftest import ROOT

from idbias import job
from idbias.config import code


@pytest.fixture
def small(tmp_path):
    """A script that imports a library's module and C++ room, in folders of their own, and the user's."""
    library, work = tmp_path / "scripts", tmp_path / "work"
    (library / "idbias/room").mkdir(parents=True)
    work.mkdir()
    (library / "run.py").write_text('"""Run."""\nfrom idbias.room.method import f\nprint(f())\n')
    (library / "idbias/room/method.py").write_text(
        'from idbias import errors\nRATE = 0.1\n\n\ndef f():\n    """Doc."""\n'
        '    if RATE < 0:\n        raise ValueError("words")\n    return RATE\n'
    )
    (library / "idbias/room/method.cpp").write_text("// a comment\nint rate = 1;\n")
    (library / "idbias/errors.py").write_text("WORDS = 1\n")
    (work / "network.py").write_text("import layers\nfrom package.part import x\n")
    (work / "layers.py").write_text("WIDTH = 3  # wide\n")
    (work / "package").mkdir()
    (work / "package/__init__.py").write_text("")
    (work / "package/part.py").write_text("from .other import x\n")
    (work / "package/other.py").write_text("x = 1\n")
    return library, work


def checksum(library, work):
    for cached in (code.closure, code.imported, code.content):
        cached.cache_clear()
    return code.code("run.py", work / "network.py", None, folder=library, work=work)


@pytest.mark.parametrize(
    ("file", "old", "new", "reruns"),
    [
        ("scripts/run.py", '"""Run."""', '"""Run it."""', False),
        ("scripts/idbias/room/method.py", '"""Doc."""', '"""Other.\n\n    Longer."""', False),
        ("scripts/idbias/room/method.py", "RATE = 0.1\n", "RATE = 0.1  # why\n\n", False),
        ("scripts/idbias/room/method.py", '"words"', 'f"other {RATE}"', False),
        ("scripts/idbias/room/method.py", "RATE = 0.1", "RATE = 0.2", True),
        ("scripts/idbias/room/method.py", "RATE < 0", "RATE <= 0", True),
        ("scripts/idbias/room/method.cpp", "// a comment", "/* another\n one */", False),
        ("scripts/idbias/room/method.cpp", "rate = 1", "rate = 2", True),
        ("scripts/idbias/errors.py", "WORDS = 1", "WORDS = 2", False),
        ("work/layers.py", "# wide", "# the width", False),
        ("work/layers.py", "WIDTH = 3", "WIDTH = 4", True),
        ("work/package/other.py", "x = 1", "x = 2", True),
    ],
)
def test_words_change_no_code_and_statements_do(small, file, old, new, reruns):
    before = checksum(*small)
    path = small[0].parent / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert (checksum(*small) != before) == reruns


def test_code_does_not_depend_on_where_it_lies(small, tmp_path):
    before = checksum(*small)
    moved = [shutil.move(folder, tmp_path / f"moved {folder.name}") for folder in small]
    assert checksum(*moved) == before
    (tmp_path / "link").symlink_to(moved[0])
    assert checksum(tmp_path / "link", moved[1]) == before


def test_masks_depend_on_the_modules_that_train_them_and_on_no_figures():
    reached = code.closure(code.SCRIPTS / "train_masks.py", code.SCRIPTS, ROOT)
    names = {path.name for path in reached}
    assert {
        "train_masks.py",
        "training.py",
        "slots.py",
        "convolutions.cpp",
        "convolutions.h",
    } <= names
    assert not {"files.py", "figures.py", "schema.py", "radial.py"} & names


def test_every_rule_with_a_script_has_the_parameter():
    with job.loaded_workflow() as workflow:
        scripts = {
            rule.name: hasattr(rule.params, "code") for rule in workflow.rules if rule.script
        }
    lacking = [rule for rule, has in scripts.items() if not has]
    # What is downloaded is known by its checksum.
    assert lacking == ["download"], "an edit of their code would rerun nothing"
    assert len(scripts) > 40


def test_a_finished_workflow_reruns_for_statements_alone(finished, tmp_path):
    workflow = finished.clone(tmp_path / "edited")
    slots = workflow.folder / "workflow_scripts/idbias/masks/slots.py"
    code_alone = slots.read_text().split('"""', 2)[2]
    slots.write_text(f'"""Other words."""\n# and a comment\n{code_alone}')
    for path in (workflow.folder / "workflow_scripts").rglob("*.py"):
        os.utime(path)
    assert workflow.plan() == {}
    workflow.folder = workflow.folder.rename(tmp_path / "moved")
    (workflow.folder / "workflow_scripts").rename(tmp_path / "elsewhere")
    (workflow.folder / "workflow_scripts").symlink_to(tmp_path / "elsewhere")
    assert workflow.plan() == {}
    slots = tmp_path / "elsewhere/idbias/masks/slots.py"
    slots.write_text(slots.read_text().replace("0.999, 1e-8", "0.999, 1e-7"))
    planned = workflow.plan()
    assert {"essential_mask_shard", "adversarial_mask_shard", "mask_pairs", "row"} <= planned.keys()
    assert (
        not {"dataset", "classifier", "attack_shard", "array_pairs", "classifier_spectrum"}
        & planned.keys()
    )
