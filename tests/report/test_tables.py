"""Rows of a table: several ways to shuffle, and p-values adjusted for how many rows there are."""

import numpy as np
import pandas as pd
import pytest

from idbias import files
from idbias.report import table_rows, tables


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
    assert "shuffled within" in tables.for_people(table)
    one = tables.for_people(row[:1])
    assert "shuffled within" not in one
    assert list(one["HSIC, linear"]) == ["0.300"]
    assert pd.isna(row["warnings"]).all()
