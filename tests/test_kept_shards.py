"""More images, or another size of shards, leave finished shards as they are."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from idbias.config import layout
from idbias.config.counts import shard_rows, shards
from idbias.config.kept_shards import keep, kept
from idbias.errors import InputError


@pytest.mark.parametrize(
    ("total", "size", "start", "finished", "expected"),
    [
        (160, 512, 0, [], ["00000-00159"]),
        (160, 512, 0, ["00000-00119"], ["00000-00119", "00120-00159"]),
        (100, 512, 0, ["00000-00119"], ["00000-00099"]),
        (30, 8, 0, ["00016-00023"], ["00000-00007", "00008-00015", "00016-00023", "00024-00029"]),
        (30, 20, 0, ["00016-00023"], ["00000-00015", "00016-00023", "00024-00029"]),
        (10, 5, 20, ["00000-00024", "00020-00021"], ["00020-00021", "00022-00026", "00027-00029"]),
        # Of two that overlap the first stays.
        (10, 5, 0, ["00000-00005", "00003-00007"], ["00000-00005", "00006-00009"]),
        # More images again after a trial of few: the two that cover most, not the trial's.
        (40, 20, 0, ["00000-00009", "00000-00019", "00020-00039"], ["00000-00019", "00020-00039"]),
        (10, 20, 0, ["00000-00009", "00000-00019", "00020-00039"], ["00000-00009"]),
        (15, 20, 0, ["00000-00009", "00005-00014"], ["00000-00009", "00010-00014"]),
        (0, 5, 0, [], []),
    ],
)
def test_finished_shards_stay_and_the_rest_is_cut_around_them(
    total, size, start, finished, expected
):
    assert shards(total, size, start, finished) == expected


@pytest.mark.parametrize("seed", range(20))
def test_shards_are_disjoint_cover_all_and_stay_once_they_are_finished(seed):
    rng, finished = np.random.default_rng(seed), set()
    for _ in range(8):
        total, size, start = (int(rng.integers(low, 60)) for low in (1, 1, 0))
        names = shards(total, size, start, sorted(finished))
        rows = [row for name in names for row in range(*shard_rows(name).indices(1000))]
        assert rows == list(range(start, start + total))
        # A run that ended early finished only some.
        finished |= {name for name in names if rng.random() < 0.7}
        again = shards(total, size, start, sorted(finished))
        assert set(names) & finished <= set(again)
        finished |= set(names)
        assert shards(total, size, start, sorted(finished)) == names


def experiment(images, size=20):
    """As much of an Experiment as `keep` looks at."""
    named = shards(images, size, 0, kept("digits"))
    return SimpleNamespace(name="digits", image_shards=named, analysed=lambda analysis: True)


def finish(names):
    """Make the files of shards of masks."""
    for name in names:
        path = Path(
            layout.SHARD.format(
                experiment="digits", classifier="c", stage=layout.ESSENTIAL, shard=name
            )
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_a_trial_of_few_images_leaves_finished_shards_noted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for images in (40, 10, 40):
        run = experiment(images)
        finish(run.image_shards)
        keep(run)
    assert run.image_shards == ["00000-00019", "00020-00039"]
    assert kept("digits") == ["00000-00009", "00000-00019", "00020-00039"]
    # One that is gone is noted no more.
    next(tmp_path.rglob("00020-00039.h5")).unlink()
    keep(experiment(10))
    assert kept("digits") == ["00000-00009", "00000-00019"]


def test_a_note_that_is_none_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert kept("digits") == []
    path = tmp_path / layout.KEPT_SHARDS.format(experiment="digits")
    path.parent.mkdir(parents=True)
    for text in ("{", "{}", '["a"]'):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=r"shards\.json is no list of shards; delete it"):
            kept("digits")


def test_more_images_plan_only_what_is_new(finished, tmp_path):
    """The run has noted its shard, of 96 images; 40 more are a second one of each stage that has shards."""
    workflow = finished.clone(tmp_path / "more")
    note = workflow.folder / layout.KEPT_SHARDS.format(experiment="digits")
    assert note.read_text(encoding="utf-8") == '["00000-00095"]'
    workflow.configure(
        {"experiment_blocks": {"digits": {"images": 136}}, "datasets": {"digits": {"images": 136}}}
    )
    target = "results/digits/small_cnn/correlations/fmn/pairs.h5"
    plan = workflow.plan(target)
    assert plan.get("attack_shard") == 1
    assert plan.get("essential_mask_shard") == 1
    assert plan.get("adversarial_mask_shard") == 1
