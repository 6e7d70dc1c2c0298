"""What a row says in words: dependence is said by the permutation p-value, and nothing else."""

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from idbias.report import tables
from idbias.report.answers import answer, answers
from idbias.report.summary import summary

ROW = {
    "experiment": "digits", "classifier": "small_cnn", "attack": "fmn", "pairs": 1173, "z": -5.594,
    "p_permutation": 1 / 51, "shuffles": 50,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {},
            "digits, small_cnn, fmn: essential and adversarial masks depend on each other, Z = -5.59, "
            "I_d below all 50 shuffles (1,173 pairs).",
        ),
        (
            {"p_permutation": 21 / 51, "z": -0.31},
            "digits, small_cnn, fmn: no dependence of essential and adversarial masks is seen, "
            "Z = -0.31, I_d with 20 of 50 shuffles at or below it (1,173 pairs).",
        ),
        (
            {"p_permutation": 2 / 51},
            "digits, small_cnn, fmn: essential and adversarial masks depend on each other, Z = -5.59, "
            "I_d with 1 of 50 shuffles at or below it (1,173 pairs).",
        ),
        (
            {"shuffles": 10, "p_permutation": 1 / 11},
            "digits, small_cnn, fmn: 10 shuffles are too few to say whether essential and adversarial "
            "masks depend on each other, Z = -5.59, I_d below all 10 shuffles (1,173 pairs).",
        ),
        (
            {"classifier": float("nan"), "attack": float("nan"), "z": float("-inf")},
            "digits: the two sets depend on each other, I_d below all 50 shuffles (1,173 pairs).",
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


def test_published_rows_and_controls_say_nothing():
    assert len(answers([ROW, {**ROW, "source": "published"}, {**ROW, "control": "noise"}])) == 1


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
    assert said in summary([SimpleNamespace(name="a<b", comparisons=[1], crossings=[])], paths[1:2])
    assert (
        Path(paths[1])
        .read_text(encoding="utf-8")
        .startswith(f"- {said}\n\nIn all rows: experiment a<b,")
    )
    html = Path(paths[3]).read_text(encoding="utf-8")
    assert said.replace("<", "&lt;").replace(" = ", "&nbsp;=&nbsp;") in html
    # What the report's opening page takes.
    assert html.count("<body>") == html.count("</body>") == 1
