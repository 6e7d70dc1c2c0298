"""More images, or another size of shards, leave finished shards as they are."""

import pytest

from idbias.config import layout
from idbias.config.counts import shards
from idbias.config.kept_shards import kept
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
        (0, 5, 0, [], []),
    ],
)
def test_finished_shards_stay_and_the_rest_is_cut_around_them(
    total, size, start, finished, expected
):
    assert shards(total, size, start, finished) == expected


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
