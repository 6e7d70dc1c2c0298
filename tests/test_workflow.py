"""The workflow as users run it: end to end, partial reruns, and independence of how work is cut."""

import os
import time

import h5py
import numpy as np
import pandas as pd
import pytest

from idbias import files

FMN = "results/digits/small_cnn/correlations/fmn"


def shuffled(workflow, folder=FMN):
    shards = sorted((workflow.folder / folder / "shuffles").glob("*.h5"))
    return np.concatenate([files.read(shard)[0]["intrinsic_dimension"] for shard in shards])


def row(workflow, folder=FMN):
    return pd.read_csv(workflow.folder / folder / "row.csv").iloc[0]


def test_a_row_carries_what_a_reader_must_know(finished):
    table = pd.read_csv(finished.folder / "results/tables/correlations.csv")
    digits = table[table.experiment == "digits"].iloc[0]
    assert (digits.dataset, digits.classifier, digits.attack) == ("digits", "small_cnn", "fmn")
    assert digits.images == 96
    assert 0.9 < digits.test_accuracy < 1
    assert 0.9 < digits.attack_success <= 1
    assert 3 <= digits.pairs <= min(digits.essential_masks, digits.adversarial_masks) <= 96
    assert 0 < digits.cosine_mean < 1
    with h5py.File(finished.folder / FMN / "pairs.h5") as pairs:
        assert len(pairs["index"]) == digits.pairs
        cosine = pairs["cosine"][()]
    assert digits.cosine_mean == pytest.approx(cosine.mean())
    assert digits.cosine_std == pytest.approx(cosine.std())
    values = shuffled(finished)
    assert len(values) == digits.shuffles == 50
    assert digits.z == pytest.approx((digits.id - values.mean()) / values.std(ddof=0))
    spiral = table[table.experiment == "spiral"].iloc[0]
    assert spiral.id == pytest.approx(1.0, abs=0.15)
    assert spiral.id_shuffled_mean > 1.8
    assert spiral.z < -5


def test_tables_come_in_every_form(finished):
    tables = finished.folder / "results/tables"
    markdown = (tables / "correlations.md").read_text()
    assert "| N " in markdown
    assert "small_cnn" in markdown
    latex = (tables / "correlations.tex").read_text()
    assert r"\begin{tabular}" in latex
    assert r"small\_cnn" in latex
    assert r"$\pm$" in latex
    assert "<table" in (tables / "correlations.html").read_text()
    spiral = pd.read_csv(tables / "table1.csv")
    assert list(spiral.source) == ["measured", "published"]
    assert spiral[spiral.source == "published"].z.item() == -74.51


def test_the_masks_of_the_whole_are_those_of_its_shards(finished, tmp_path):
    workflow = finished.clone(tmp_path / "joined")
    joined = "results/digits/small_cnn/masks/essential.h5"
    workflow.snakemake(joined)
    with files.opened(workflow.folder / joined) as whole:
        masks = whole["mask"][()]
    shard = next((finished.folder / "results/digits/small_cnn/masks/essential").glob("*.h5"))
    np.testing.assert_array_equal(masks, files.read(shard)[0]["mask"])
    assert masks.min() >= 0
    assert masks.max() <= 1
    assert (masks == 0).mean() > 0.3


def test_every_file_says_what_made_it(finished):
    with h5py.File(next((finished.folder / FMN / "shuffles").glob("*.h5"))) as file:
        for name in ("schema_version", "git_commit", "packages", "comparison", "seed", "estimator"):
            assert name in file.attrs


def test_nothing_is_done_twice(finished, tmp_path):
    workflow = finished.clone(tmp_path / "again")
    assert workflow.plan() == {}
    for path in (
        *workflow.folder.glob("workflow_scripts/idbias/**/*.py"),
        workflow.folder / "Snakefile",
    ):
        os.utime(path)
    assert workflow.plan() == {}, "touching files without changing them must rerun nothing"


def test_more_shuffles_run_only_the_new_ones(finished, tmp_path):
    workflow = finished.clone(tmp_path / "more")
    workflow.configure({"correlation": {"shuffles": 100}})
    # The spiral's test has a number of its own.
    assert workflow.plan() == {
        "shuffle_shard": 1, "row": 1, "dimension_figures": 1, "correlation_table": 1,
        "costs": 1, "all": 1,
    }  # fmt: skip
    before = shuffled(workflow)
    workflow.snakemake(f"{FMN}/row.csv")
    assert len(shuffled(workflow)) == 100
    np.testing.assert_array_equal(shuffled(workflow)[:50], before)
    assert workflow.plan(f"{FMN}/row.csv") == {}


@pytest.mark.parametrize(
    "edit",
    [
        ("masks/training.py", "EDITED = 1"),
        ("masks/cpu_engine/convolutions.h", "static int edited;"),
    ],
)
def test_editing_the_masks_code_reruns_masks_and_what_follows(finished, tmp_path, edit):
    workflow = finished.clone(tmp_path / "edited")
    time.sleep(0.1)
    with open(workflow.folder / "workflow_scripts/idbias" / edit[0], "a", encoding="utf-8") as file:
        file.write(f"\n{edit[1]}\n")
    plan = workflow.plan()
    assert plan["essential_mask_shard"] == 1
    assert plan["adversarial_mask_shard"] == 1
    assert plan["row"] == 1
    assert not {"dataset", "classifier", "attack_shard", "array_pairs"} & set(plan)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"experiment_blocks": {"digits": {"attacks": ["fmn", "deepfool"]}}},
            {"attack_shard": 1, "adversarial_mask_shard": 1, "shuffle_shard": 1, "distances": 1},
        ),
        (
            {"datasets": {"digits": {"images": 192}}},
            {
                "attack_shard": 1,
                "essential_mask_shard": 1,
                "adversarial_mask_shard": 1,
                "shuffle_shard": 1,
            },
        ),
        (
            {"masks": {"penalty": 0.02}},
            {"essential_mask_shard": 1, "adversarial_mask_shard": 1, "shuffle_shard": 1},
        ),
        ({"correlation": {"estimator": "ml"}}, {"shuffle_shard": 2, "intrinsic_dimensions": 2}),
    ],
    ids=["one attack more", "96 images more", "another penalty", "another estimator"],
)
def test_a_change_of_settings_runs_just_what_it_needs(finished, tmp_path, changes, expected):
    workflow = finished.clone(tmp_path / "changed")
    workflow.configure(changes)
    costly = {
        "dataset", "classifier", "attack_shard", "essential_mask_shard",
        "adversarial_mask_shard", "distances", "intrinsic_dimensions", "shuffle_shard",
    }  # fmt: skip
    plan = {rule: count for rule, count in workflow.plan().items() if rule in costly}
    assert expected.items() <= plan.items()
    assert not {"dataset", "classifier"} & set(plan)
    if "correlation" in changes:
        assert plan == expected


def test_a_stage_can_be_run_alone(finished, tmp_path):
    workflow = finished.clone(tmp_path / "alone")
    assert workflow.plan("masks", "--forcerun", "essential_mask_shard") == {
        "essential_mask_shard": 1, "masks": 1,
    }  # fmt: skip


def test_how_the_work_is_cut_changes_no_number(finished, in_two_shards):
    workflow = in_two_shards
    for kind in ("masks/essential", "masks/adversarial/fmn", "attacks/fmn"):
        path = f"results/digits/small_cnn/{kind}"
        # Of one shard there is no file that joins shards.
        one = files.read(finished.folder / path / "00000-00095.h5")[0]
        two = files.read(workflow.folder / f"{path}.h5")[0]
        np.testing.assert_array_equal(one["index"], two["index"])
        if "mask" in one:
            np.testing.assert_array_equal(one["steps"], two["steps"])
            np.testing.assert_array_equal(one["mask"], two["mask"])
        else:
            np.testing.assert_array_equal(one["adversarial"], two["adversarial"])
    for column in ("id", "id_shuffled_mean", "id_shuffled_std", "z", "p", "p_permutation"):
        assert row(workflow)[column] == pytest.approx(row(finished)[column], rel=1e-12)


def test_how_shuffles_are_cut_is_bit_identical(finished, tmp_path):
    workflow = finished.clone(tmp_path / "shuffles")
    workflow.configure({"execution": {"shuffles_per_shard": 20}})
    assert workflow.plan(f"{FMN}/row.csv") == {"shuffle_shard": 3, "row": 1}
    whole = shuffled(finished)
    for shard in (workflow.folder / FMN / "shuffles").glob("*.h5"):
        shard.unlink()
    workflow.snakemake(f"{FMN}/row.csv")
    np.testing.assert_array_equal(shuffled(workflow), whole)
    pd.testing.assert_series_equal(row(workflow), row(finished))


def test_the_test_by_its_reference_gives_the_row_of_the_engine(finished, tmp_path):
    workflow = finished.clone(tmp_path / "reference")
    workflow.configure({"execution": {"engine": "reference"}})
    workflow.snakemake(
        "--forcerun", "intrinsic_dimensions", "shuffle_shard", "--", f"{FMN}/row.csv"
    )
    for path in (f"{FMN}/intrinsic_dimensions.h5", f"{FMN}/shuffles/00000-00049.h5"):
        assert files.read(workflow.folder / path, [])[1]["by_reference"]
        assert not files.read(finished.folder / path, [])[1]["by_reference"]
    for column in ("id", "id_shuffled_mean", "id_shuffled_std", "z"):
        assert row(workflow)[column] == pytest.approx(row(finished)[column], rel=1e-4)


def test_a_bad_file_is_named(finished, tmp_path):
    workflow = finished.clone(tmp_path / "bad")
    target = workflow.folder / "results/digits/small_cnn/predictions.h5"
    target.write_bytes(target.read_bytes()[:100])
    done = workflow.snakemake("--forcerun", "mask_pairs", "--", f"{FMN}/pairs.h5", check=False)
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert "results/digits/small_cnn/predictions.h5 is damaged" in output


def test_the_report_is_one_file_with_the_tables_and_figures(finished, tmp_path):
    workflow = finished.clone(tmp_path / "report")
    workflow.snakemake("--report", "report.html")
    report = (workflow.folder / "report.html").read_text()
    for content in (
        "shuffles.png",
        "correlations.html",
        "Are the frequencies the classifier needs",
    ):
        assert content in report


def test_progress_in_a_log_is_lines(finished):
    log = next(
        (finished.folder / "logs/digits/small_cnn/masks/essential").glob("*.log")
    ).read_text()
    assert "100%" in log
    assert "mask/s" in log
    assert "\r" not in log
    assert "\x1b" not in log
