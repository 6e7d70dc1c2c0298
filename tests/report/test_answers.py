"""What a row says in words: dependence is said by the corrected two-sided p-value, and nothing else."""

import shlex
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from idbias.report import tables
from idbias.report.answers import answer, answers
from idbias.report.summary import report_command, summary

ROW = {
    "experiment": "digits", "classifier": "small_cnn", "attack": "fmn", "pairs": 1173, "z": -5.594,
    "p_permutation": 1 / 1000, "p_two_sided": 2 / 1000, "shuffles": 999, "shuffled_within": "all",
}  # fmt: skip
OF = "digits, small_cnn, fmn: "
MASKS = "essential and adversarial masks"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {},
            f"{OF}{MASKS} depend on each other, Z = -5.59, I_d below all 999 shuffles, two-sided p = 0.002 "
            "(1,173 pairs).",
        ),
        (
            {"p_two_sided_holm": 0.006, "distance_correlation": 0.1474},
            f"{OF}{MASKS} depend on each other, Z = -5.59, I_d below all 999 shuffles, two-sided p = 0.006, "
            "distance correlation 0.147 (1,173 pairs).",
        ),
        (
            {"p_permutation": 0.021, "p_two_sided": 0.042, "p_two_sided_holm": 0.084, "z": -2.1},
            f"{OF}I_d does not show whether {MASKS} depend on each other, Z = -2.10, I_d with 20 of 999 "
            "shuffles at or below it, two-sided p = 0.084 (1,173 pairs).",
        ),
        (
            {"p_permutation": 1.0, "z": 40.2},
            f"{OF}{MASKS} depend on each other, though they fill more dimensions than shuffled ones, "
            "Z = 40.20, I_d at or above all 999 shuffles, two-sided p = 0.002 (1,173 pairs).",
        ),
        (
            {"shuffles": 10, "p_permutation": 1 / 11, "p_two_sided": 2 / 11},
            f"{OF}10 shuffles are too few to say whether {MASKS} depend on each other, Z = -5.59, "
            "I_d below all 10 shuffles, two-sided p = 0.18 (1,173 pairs).",
        ),
        (
            {"classifier": float("nan"), "attack": float("nan"), "z": float("-inf")},
            "digits: the two sets depend on each other, I_d below all 999 shuffles, two-sided p = 0.002 "
            "(1,173 pairs).",
        ),
        (
            {"p_permutation": float("nan"), "pairs": 2, "reason": "2 pairs are too few."},
            f"{OF}no I_d test of {MASKS} (2 pairs): 2 pairs are too few.",
        ),
        ({"p_permutation": float("nan")}, ""),
    ],
)
def test_a_row_in_words(changes, said):
    row = {**ROW, **changes}
    assert answer(row) == said
    # As csv reads it, for what is printed when a run ends.
    texts = {key: "" if value != value else str(value) for key, value in row.items()}
    assert answer(texts) == said


def test_fifty_shuffles_decide_one_row_and_not_three():
    row = {**ROW, "shuffles": 50, "p_permutation": 1 / 51, "p_two_sided": 2 / 51}
    assert "masks depend on each other" in answers([row])[0]
    row["p_two_sided_holm"] = 6 / 51
    said = answers([row] * 3)
    assert all("50 shuffles are too few to say whether" in one for one in said)
    assert all("(3 rows ask it)" in one and "p = 0.12, Holm over 3 rows" in one for one in said)
    # Another experiment asks another question.
    assert "masks depend" in answers([ROW, {**ROW, "experiment": "spiral"}])[0]


def test_published_rows_and_controls_say_nothing():
    assert len(answers([ROW, {**ROW, "source": "published"}, {**ROW, "control": "noise"}])) == 1


def test_rows_of_other_tables_are_not_the_tests_and_uncorrected_ones_get_no_verdict():
    assert answers([{"experiment": "e", "attack": "pgd", "reason": "no interval: 3 images"}]) == []
    assert answers([ROW, {**ROW, "attack": "pgd"}]) == [], "two rows, and no corrected p"


def test_holm_counts_the_rows_that_have_a_test():
    row = {**ROW, "shuffles": 50, "p_permutation": 1 / 51, "p_two_sided_holm": 2 / 51, "seed": 1.0}
    row |= {"p_two_sided": 2 / 51, "epsilon": 0.1}
    none = {**ROW, "p_two_sided": None, "p_permutation": None, "reason": "2 pairs are too few"}
    first, _ = answers([row, none])
    assert first.startswith("digits, small_cnn, fmn, seed 1, epsilon 0.1: essential")
    assert "depend on each other, Z" in first
    assert "Holm over" not in first


def test_rows_without_a_test_are_printed_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    none = {"z": None, "p_two_sided": None, "p_permutation": None, "reason": "2 pairs are too few"}
    rows = pd.DataFrame([ROW, {**ROW, **none, "attack": "pgd", "pairs": 2}])
    paths = [f"results/tables/correlations.{kind}" for kind in ("csv", "md", "tex", "html")]
    tables.write(rows, *paths)
    experiment = SimpleNamespace(name="digits")
    printed = summary([experiment], paths)
    assert (
        "digits, small_cnn, pgd: no I_d test of essential and adversarial masks (2 pairs)"
        in printed
    )
    assert "digits, small_cnn, fmn: essential and adversarial masks depend on each other" in printed
    # What an earlier run left, which this run's targets do not hold, is nothing of this run.
    assert summary([experiment], ["results/digits/dataset.h5"]) == ""
    of_another = summary([experiment], ["results/tables/table1.md", "results/tables/table1.csv"])
    assert of_another.startswith("Tables:  results/tables/table1.md (also")
    assert "Figures" not in of_another
    assert "Report" not in of_another, (
        "it would be of the default target, which this run did not make"
    )
    whole = summary([experiment], [*paths, "results/figures/costs.png"], ["--cores", "2"])
    assert "Report:  snakemake --report report.html" in whole


def test_what_is_printed_and_the_tables_say_it_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    row = {
        **ROW,
        "experiment": "a<b",
        "dataset": "digits",
        "id": 5.33,
        "id_shuffled_mean": 7.23,
        "id_shuffled_std": 0.34,
        "p": 1e-8,
    }
    paths = [f"results/tables/correlations.{kind}" for kind in ("csv", "md", "tex", "html")]
    tables.write(pd.DataFrame([row]), *paths)
    said = answer(row)
    assert said in summary([SimpleNamespace(name="a<b")], paths)
    assert (
        Path(paths[1])
        .read_text(encoding="utf-8")
        .startswith(f"- {said}\n\nIn all rows: experiment a<b,")
    )
    html = Path(paths[3]).read_text(encoding="utf-8")
    assert said.replace("<", "&lt;").replace(" = ", "&nbsp;=&nbsp;") in html
    # What the report's opening page takes.
    assert html.count("<body>") == html.count("</body>") == 1


@pytest.mark.parametrize(
    ("given", "command"),
    [
        ("--cores 2", "snakemake --report report.html"),
        (
            "-s a/Snakefile --cores 2 --configfile mine.yaml -- masks",
            "snakemake -s a/Snakefile --configfile mine.yaml --report report.html",
        ),
        ("-n --profile=slurm -j 5", "snakemake --profile=slurm --report report.html"),
        (
            "--config 'experiments=[a, b]' seed=1 --cores all",
            "snakemake --config 'experiments=[a, b]' seed=1 --report report.html",
        ),
    ],
)
def test_the_report_s_command_repeats_the_run_s_options(given, command):
    assert report_command(shlex.split(given)) == command


def test_what_was_shuffled_is_printed_where_it_is_not_all():
    from idbias.report.summary import _aligned

    rows = [
        {"experiment": "e", "attack": "fmn", "shuffled_within": within}
        for within in ("all", "class")
    ]
    assert "shuffled_within" in _aligned(rows)[0]
    assert "class" in _aligned(rows)[2]
    assert "shuffled_within" not in _aligned(rows[:1])[0]
