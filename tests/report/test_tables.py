"""Rows of a table: several ways to shuffle, and p-values adjusted for how many rows there are."""

import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from idbias.report import latex, table_columns, table_rows, tables


def test_holm_by_hand():
    found = table_rows.holm([0.01, 0.04, np.nan, 0.03, 0.5])
    assert found == pytest.approx([0.04, 0.09, np.nan, 0.09, 0.5], nan_ok=True)
    assert table_rows.holm([0.6, 0.7]) == pytest.approx([1, 1])


def test_holm_is_over_the_rows_of_one_question(tmp_path):
    paths = []
    for name, ps in {"digits": [0.01, 0.02], "spiral": [0.04]}.items():
        for number, p in enumerate(ps):
            row = {"experiment": name, "shuffled_within": "all", "p": p, "p_two_sided": p}
            paths.append(tmp_path / f"{name}{number}.csv")
            tables.write_csv(paths[-1], pd.DataFrame([row]))
    table = table_rows.join(paths)
    assert list(table["p_two_sided_holm"]) == pytest.approx([0.02, 0.02, 0.04])
    assert list(table["p_holm"]) == pytest.approx([0.02, 0.02, 0.04])


def rows(count=3, **changes):
    """Rows as idbias.correlation.row writes them, with names that LaTeX would trip over."""
    one = {
        "experiment": "my_runs & 50%", "dataset": "digits", "classifier": "net_1", "test_accuracy": 0.98,
        "images": 100, "pairs": 90, "shuffled_within": "all", "cosine_mean": 0.28, "cosine_std": 0.15,
        "id_first": 3.4, "id_second": 4.1, "id": 5.34, "id_shuffled_mean": 7.2, "id_shuffled_std": 0.3,
        "shuffles": 50, "z": -5.58, "p": 1.2e-8, "p_holm": 3.6e-8, "p_permutation": 0.02,
        "p_permutation_holm": 0.06, "p_two_sided_holm": 0.12, "id_correlation": 0.53,
        "distance_correlation": 0.147, "distance_correlation_low": 0.1,
        "distance_correlation_high": 0.2, "distance_correlation_p": 0.02,
        "caveats": None, **changes,
    }  # fmt: skip
    return pd.DataFrame([{**one, "attack": f"fmn_{number}"} for number in range(count)])


def test_the_first_columns_are_the_answer_and_the_others_come_second():
    notes, explained, lead, first, others = table_columns.parts(rows())
    assert list(first) == [
        "classifier", "attack", "N", "cosine", "I_d", "I_d shuffled", "Z", "p", "distance correlation",
    ]  # fmt: skip
    assert lead == 2
    assert notes == ["In all rows: experiment my_runs & 50%, dataset digits."]
    assert explained == ["p: two-sided p, Holm, 50 shuffles."]
    assert list(first["p"]) == ["0.12"] * 3
    assert list(first["distance correlation"]) == ["0.147 [0.100, 0.200]"] * 3
    assert list(others)[:2] == ["classifier", "attack"]
    assert {"Φ(Z)", "permutation p", "I_d essential", "accuracy"} <= set(others)
    mixed = pd.concat([rows(2), rows(2, experiment="other", control="noise")])
    *_, first, others = table_columns.parts(mixed)
    assert len(first.columns) <= table_columns.MOST
    assert {"experiment", "control", "Z", "p", "distance correlation"} <= set(first)


def test_a_mean_over_seeds_says_of_which_kernel_it_is_and_what_was_measured():
    one = {
        "experiment": "rates", "dataset": "mnist", "seed": 0, "attack": "pgd_l2", "family": "1 linear",
        "images": 184, "mean": 0.144, "low": 0.142, "high": 0.147, "learning_rate": 0.01, "train_accuracy": 0.88,
        "full_kernel": False, "seeds": None,
    }  # fmt: skip
    sides = [{**one, "kernel": side, "classifier": f"kernel{side}"} for side in (3, 28)]
    means = [{**row, "classifier": None, "seed": None, "seeds": 3} for row in sides]
    *_, first, _ = table_columns.parts(pd.DataFrame([*sides, *means]))
    assert list(first["side of the kernel"]) == ["3", "28", "3", "28"]
    assert set(first["radial frequency [95 % interval]"]) == {"0.144 [0.142, 0.147]"}
    assert len(first.columns) <= table_columns.MOST


def test_a_difference_of_kernels_is_called_one():
    pair = {
        "experiment": "rates", "attack": "pgd_l2", "of": "perturbations", "family": "1 linear", "kernel": 3,
        "local": 0.29, "full": 0.267, "difference": 0.023, "low": 0.019, "high": 0.027, "images": 105,
        "local_learning_rate": 0.01, "full_learning_rate": 0.002, "local_train_accuracy": 0.9,
        "full_train_accuracy": 0.9,
    }  # fmt: skip
    *_, first, _ = table_columns.parts(pd.DataFrame([pair, {**pair, "attack": "pgd_linf"}]))
    assert set(first["local - full [95 % interval]"]) == {"0.023 [0.019, 0.027]"}


def test_zero_has_no_minus_and_a_name_is_no_number():
    table = pd.DataFrame({"classifier": ["1e5", "a--b"], "Z": ["-1.00", "1e-05"]})
    lines = "\n".join(latex.tabular(table, 1))
    assert "1e5 & $-1.00$" in lines
    assert "a-{}-b & $10^{-5}$" in lines


def test_a_table_without_rows_says_so(tmp_path):
    paths = [tmp_path / f"inequalities.{form}" for form in ("csv", "md", "tex", "html")]
    tables.write(pd.DataFrame(columns=["experiment", "holds"]), *paths)
    assert "No rows" in paths[1].read_text()


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
        "broken_lines": pd.concat([rows(1, classifier="[mine]"), rows(1, classifier="*theirs")]),
        "remarks": rows(caveats="I_d is drawn from few points; " * 5, reason="too few masks " * 9),
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


def test_which_p_a_table_shows_is_said_of_that_table_only(tmp_path):
    forms = ("csv", "md", "tex", "html")
    details = {
        f"details_{form}": tmp_path / f"d.{form[:2]}" for form in ("markdown", "latex", "html")
    }
    tables.write(rows(), *(tmp_path / f"rows.{form}" for form in forms), **details)
    assert "p: two-sided p, Holm, 50 shuffles." in (tmp_path / "rows.md").read_text()
    below = (tmp_path / "d.ma").read_text()
    assert "p: " not in below
    assert "Φ(Z)" in below
    published = rows().assign(source="measured")
    tables.write(published, *(tmp_path / f"published.{form}" for form in forms))
    assert "p: Φ(Z), one-sided, as published" in (tmp_path / "published.md").read_text()
