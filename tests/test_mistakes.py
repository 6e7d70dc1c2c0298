"""Mistakes of a student with data of their own: said before anything runs, with file, key and remedy."""

import foolbox
import pytest
import yaml
from conftest import ROOT, lay_over
from further_mistakes import FURTHER
from mistakes import MINE, MISTAKES, make_folder

from idbias import files
from idbias.attacks.foolbox_names import ATTACKS
from idbias.config.checking import check
from idbias.config.command_line import numbers
from idbias.config.origins import Origins
from idbias.config.schema_entries import Dataset
from idbias.errors import InputError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A student's folder, to be in."""
    make_folder(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def planned(*files, command_line=None):
    """What the Snakefile does with the shipped configuration and `files` over it."""
    origins = Origins.of_files([ROOT / "config.yaml", *files], command_line or {})
    config = {}
    for _, content in origins.layers:
        lay_over(config, content)
    numbers(config, command_line or {})
    return check(config, origins, with_files=True)


def sentences(*files, **options):
    with pytest.raises(InputError) as raised:
        planned(*files, **options)
    return str(raised.value).splitlines()


def test_without_a_mistake_nothing_is_said(folder):
    experiment = planned("mine.yaml")["mine"]
    assert experiment.attacks["pgd_own"].epsilon == pytest.approx(8 / 255)
    assert experiment.classifiers["own"].recipe.learning_rate == 0.001


ALL = {**MISTAKES, **FURTHER}


@pytest.mark.parametrize(("changes", "harm", "said"), ALL.values(), ids=ALL)
def test_a_mistake_is_said_with_file_key_and_remedy(folder, changes, harm, said):
    config = yaml.safe_load(MINE)
    lay_over(config, changes)
    (folder / "mine.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    harm(folder)
    lines = sentences("mine.yaml")
    assert all(line.startswith("mine.yaml: ") and line.endswith((".", "?")) for line in lines), (
        lines
    )
    assert any(all(part in line for part in said) for line in lines), lines
    assert len(lines) == 1 or lines[0].startswith("mine.yaml: datasets.sets"), lines


def test_there_are_twenty_five():
    assert len(MISTAKES) >= 25


def test_several_are_said_at_once(folder):
    config = yaml.safe_load(MINE)
    chosen = (
        "a misspelt key",
        "no such folder",
        "no such function",
        "no epsilon",
        "an own attack that is not there",
    )
    for name in chosen:
        lay_over(config, MISTAKES[name][0])
    (folder / "mine.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    lines = sentences("mine.yaml", command_line={"correlation": {"shuffles": "1"}})
    assert len(lines) == 6
    for name in chosen:
        assert any(all(part in line for part in MISTAKES[name][2]) for line in lines), name
    assert any(line.startswith("--config: correlation.shuffles is 1") for line in lines)


def test_a_module_that_is_not_there_hides_no_other_mistake(folder):
    config = yaml.safe_load(MINE)
    config["classifiers"]["own"]["network"] = "nets:small"
    config["attacks"]["mirror"]["attack"] = "their_attacks:mirror"
    config["datasets"]["pictures"]["path"] = "photos"
    (folder / "mine.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    lines = sentences("mine.yaml")
    for part in ("no nets.py", "no their_attacks.py", "photos, which does not exist"):
        assert sum(part in line for line in lines) == 1, lines
    assert len(lines) == 3


def test_hidden_folders_are_no_classes(folder):
    (folder / "pictures/__MACOSX").mkdir()
    assert planned("mine.yaml")


def test_each_mistake_is_of_the_file_it_is_in(folder):
    (folder / "more.yaml").write_text("masks: {penalty: -1}\n", encoding="utf-8")
    (folder / "mine.yaml").write_text(MINE + "class_maps: {penalty: -1}\n", encoding="utf-8")
    assert sorted(line.split(" is ")[0] for line in sentences("mine.yaml", "more.yaml")) == [
        "mine.yaml: class_maps.penalty",
        "more.yaml: masks.penalty",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "masks:\n  penalty: 1\nmasks:\n  window: 3\n",
            "mine.yaml, line 3: the key 'masks' is there already, in line 1",
        ),
        ("masks: {penalty: 1, penalty: 2}\n", "mine.yaml, line 1: the key 'masks.penalty' is there already"),
        ("masks:\n\tpenalty: 1\n", "mine.yaml, line 2: it begins with a tab"),
        ("masks: {penalty: 1\n", "mine.yaml, line 2: this is no YAML"),
        ("- masks\n", "mine.yaml holds no keys"),
        ("masks: {penalty: 1}\n".encode("utf-16"), "mine.yaml is not text in UTF-8"),
        ("masks: &a {penalty: 1, more: *a}\n", "mine.yaml, line 1: an alias (*name) is in what it repeats"),
        ("masks: {\n  penalty: '\a'}\n", "mine.yaml: it has a control character, 0x0007, in line 2; delete it."),
        (
            "masks:\n  window: 032\n",
            "mine.yaml, line 2: 'masks.window' is 032, which YAML takes for 26 (to the base of 8); write 32, or",
        ),
        ("masks: {window: 1:00}\n", "mine.yaml, line 1: 'masks.window' is 1:00, which YAML takes for 60 (to the"),
    ],
)  # fmt: skip
def test_what_is_no_yaml_is_said_with_its_line(folder, text, said):
    (folder / "mine.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    (line,) = sentences("mine.yaml")
    assert line.startswith(said)


def test_what_is_made_needs_its_sources_no_longer(folder):
    (folder / "pictures").rename(folder / "put away")
    assert sentences("mine.yaml")
    (folder / "results/mine").mkdir(parents=True)
    (folder / "results/mine/dataset.h5").touch()
    assert sentences("mine.yaml"), "of what it was made cannot be known"
    made = Dataset(**yaml.safe_load(MINE)["datasets"]["pictures"])
    files.write(folder / "results/mine/dataset.h5", {}, {"settings": made.source_settings})
    assert planned("mine.yaml")
    config = yaml.safe_load(MINE)
    config["datasets"]["pictures"]["path"] = "picturse"
    (folder / "other.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (line,) = sentences("other.yaml")
    assert "picturse, which does not exist" in line, "the result there is not of this path"


def test_a_class_derived_from_foolbox_s_gets_its_epsilon_in_another_way(folder):
    text = "class Mine(Base):\n    def __init__(self, steps=3):\n        pass\n"
    (folder / "own_attacks.py").write_text(text, encoding="utf-8")
    config = yaml.safe_load(MINE)
    own = {"attack": "own_attacks:Mine", "epsilon": 0.1, "arguments": {"steps": 4}}
    config["attacks"]["mirror"] = own
    (folder / "mine.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    assert planned("mine.yaml")
    (folder / "own_attacks.py").write_text(text.replace("(Base)", ""), encoding="utf-8")
    (line,) = sentences("mine.yaml")
    assert "takes no epsilon" in line


def test_the_table_of_foolbox_is_foolbox_s():
    import inspect

    base = foolbox.attacks.base
    found = {
        name: (
            issubclass(attack, base.FixedEpsilonAttack),
            list(inspect.signature(attack).parameters),
        )
        for name, attack in vars(foolbox.attacks).items()
        if isinstance(attack, type)
        and issubclass(attack, base.Attack)
        and not inspect.isabstract(attack)
    }
    assert found == ATTACKS
