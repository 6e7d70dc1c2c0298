"""Rows of a table: several ways to shuffle, and p-values adjusted for how many rows there are."""

import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from idbias import files
from idbias.report import latex, table_columns, table_rows, tables


def test_holm_by_hand():
    found = table_rows.holm([0.01, 0.04, np.nan, 0.03, 0.5])
    assert found == pytest.approx([0.04, 0.09, np.nan, 0.09, 0.5], nan_ok=True)
    assert table_rows.holm([0.6, 0.7]) == pytest.approx([1, 1])


def test_each_way_to_shuffle_is_a_row_of_its_own(tmp_path):
    files.write(tmp_path / "pairs.h5", {"index": np.arange(9)})
    observed = {"first": 2.0, "second": 1.0, "joined": 2.5, "scale_ratio": 1.0, "hsic_linear": 0.3}
    observed["scale/joined"] = np.array([2.5, 2.4])
    files.write(tmp_path / "dimensions.h5", observed)
    paths = []
    for within, shift in (("all", 3.0), ("class", 2.4)):
        for start in (0, 2):
            paths.append(str(tmp_path / f"{within}{start}.h5"))
            statistics = {
                "replicate": np.arange(start, start + 2),
                "intrinsic_dimension": shift + np.array([0.1, 0.2]) * (1 + start),
                "hsic_linear": np.array([0.1, 0.4]),
            }
            files.write(paths[-1], statistics, {"seed": 0, "within": within})
    row = table_rows.row(
        {"attack": "fmn"}, tmp_path / "pairs.h5", tmp_path / "dimensions.h5", paths
    )
    assert list(row["shuffled_within"]) == ["all", "class"]
    assert list(row["id_shuffled_mean"]) == pytest.approx([3.3, 2.7])
    assert list(row["p_permutation"]) == pytest.approx([0.2, 0.4])
    assert list(row["id_correlation_corrected"]) == pytest.approx([0.4, 0.1])
    assert list(row["hsic_linear_p"]) == pytest.approx([0.6, 0.6])
    assert list(row["id_of_half_ratio"]) == pytest.approx([0.96, 0.96])
    tables.write_csv(tmp_path / "row.csv", row)
    table = table_rows.join([tmp_path / "row.csv"])
    assert list(table["p_permutation_holm"]) == pytest.approx([0.4, 0.4])
    assert "shuffled within" in table_columns.for_people(table)
    one = table_columns.for_people(row[:1])
    assert "shuffled within" not in one
    assert list(one["HSIC, linear"]) == ["0.300"]
    assert pd.isna(row["warnings"]).all()


def rows(count=3, **changes):
    """Rows as idbias.report.table_rows writes them, with names that LaTeX would trip over."""
    one = {
        "experiment": "my_runs & 50%", "dataset": "digits", "classifier": "net_1", "test_accuracy": 0.98,
        "images": 100, "pairs": 90, "shuffled_within": "all", "cosine_mean": 0.28, "cosine_std": 0.15,
        "id_first": 3.4, "id_second": 4.1, "id": 5.34, "id_shuffled_mean": 7.2, "id_shuffled_std": 0.3,
        "shuffles": 50, "z": -5.58, "p": 1.2e-8, "p_holm": 3.6e-8, "p_permutation": 0.02,
        "p_permutation_holm": 0.06, "p_two_sided_holm": 0.12, "id_correlation": 0.53,
        "distance_correlation": 0.147, "distance_correlation_low": 0.1,
        "distance_correlation_high": 0.2, "distance_correlation_p": 0.02,
        "warnings": None, **changes,
    }  # fmt: skip
    return pd.DataFrame([{**one, "attack": f"fmn_{number}"} for number in range(count)])


def test_the_first_columns_are_the_answer_and_the_others_come_second():
    notes, lead, first, others = table_columns.parts(rows())
    assert list(first) == [
        "classifier", "attack", "N", "cosine", "I_d", "I_d shuffled", "Z", "p", "distance correlation",
    ]  # fmt: skip
    assert lead == 2
    assert notes == [
        "In all rows: experiment my_runs & 50%, dataset digits.", "p: two-sided p, Holm.",
    ]  # fmt: skip
    assert list(first["p"]) == ["0.12"] * 3
    assert list(first["distance correlation"]) == ["0.147 [0.100, 0.200]"] * 3
    assert list(others)[:2] == ["classifier", "attack"]
    assert {"p", "permutation p", "I_d essential", "accuracy"} <= set(others)
    mixed = pd.concat([rows(2), rows(2, experiment="other", control="noise")])
    *_, first, others = table_columns.parts(mixed)
    assert len(first.columns) <= table_columns.MOST
    assert {"experiment", "control", "Z", "p", "distance correlation"} <= set(first)


def test_a_published_p_is_no_zero():
    assert table_columns.p_value(0.0) == "< 1e-300"
    assert table_columns.p_value(1.2e-8) == "1.2e-08"
    assert table_columns.p_value(0.0625) == "0.062"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-5.58", "$-5.58$"),
        ("1.2e-08", r"$1.2 \cdot 10^{-8}$"),
        ("< 1e-300", "$< 10^{-300}$"),
        ("0.28 ± 0.15", r"0.28 $\pm$ 0.15"),
        ("-0.1 [-0.2, 0.3]", "$-0.1$ [$-0.2$, 0.3]"),
        ("pgd_l2-3", r"pgd\_l2-3"),
        ("50% & more", r"50\% \& more"),
    ],
)
def test_a_cell_in_latex(text, expected):
    assert latex.cell(text) == expected


@pytest.mark.skipif(
    not shutil.which("pdflatex"), reason="no pdflatex here (Debian: texlive-latex-recommended)"
)
@pytest.mark.parametrize("columns", ["onecolumn", "twocolumn"])
def test_every_table_compiles_and_fits_the_page(finished, tmp_path, columns):
    shutil.copytree(finished.folder / "results/tables", tmp_path, dirs_exist_ok=True)
    forms = ("csv", "markdown", "latex", "html")
    for name, table in {
        "escapes": rows(),
        "remarks": rows(warnings="I_d is drawn from few points; " * 5, reason="too few masks " * 9),
        "one": rows(1),
    }.items():
        paths = {form: tmp_path / f"{name}.{form}" for form in forms}
        tables.write(
            table,
            **paths,
            **{f"details_{form}": tmp_path / f"{name}_details.{form}" for form in forms[1:]},
        )
        for part in (name, f"{name}_details"):
            (tmp_path / f"{part}.latex").rename(tmp_path / f"{part}.tex")
    names = sorted(path.name for path in tmp_path.glob("*.tex"))
    assert "correlations_details.tex" in names
    body = "".join(f"\\input{{{name}}}\\clearpage\n" for name in names)
    (tmp_path / "all.tex").write_text(
        f"\\documentclass[{columns}]{{article}}\\usepackage{{booktabs,graphicx}}\n"
        f"\\begin{{document}}\n{body}\\end{{document}}\n"
    )
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull \\hbox" not in done.stdout, done.stdout
