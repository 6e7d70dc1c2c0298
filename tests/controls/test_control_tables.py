"""Tables and figures of arms, from rows whose answer is known."""

import numpy as np
import pandas as pd
import pytest

from idbias.controls.control_tables import controls, over_seeds
from idbias.report import answers, figures_arms, figures_effects, table_rows, table_texts


def row(seed=0, epsilon=0.1, z=-3.0, **others):
    return {
        "experiment": "e", "dataset": "d", "classifier": "c", "seed": seed, "attack": "pgd",
        "epsilon": epsilon, "shuffled_within": "all", "test_accuracy": 0.9, "attack_success": 0.5,
        "pairs": 100, "z": z, "distance_correlation": 0.3, **others,
    }  # fmt: skip


def csv(path, *rows):
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def test_a_control_s_contrast_stands_beside_it_once(tmp_path):
    attack = csv(tmp_path / "a.csv", row())
    within = [row(control="noise"), row(control="noise", shuffled_within="class")]
    noise = csv(tmp_path / "n.csv", *within)
    spectrum = csv(tmp_path / "s.csv", row(control="spectrum"))
    found = {"difference": 0.2, "low": 0.1, "high": 0.3, "p": 0.01, "images": 90}
    contrasts = [csv(tmp_path / f"{name}.csv", found) for name in ("x", "y")]
    table = controls([attack, attack], [noise, spectrum], contrasts)
    assert list(table["control"]) == ["none", "noise", "noise", "spectrum"]
    assert list(table["contrast"].notna()) == [False, True, False, True]
    shown = table_texts.texts(table)
    assert shown["contrast_interval"][1] == "0.200 [0.100, 0.300]"
    assert shown["contrast_interval"][0] == ""
    # Two contrasts are made of one experiment, so their p-values are doubled.
    assert table["contrast_p_holm"].dropna().tolist() == pytest.approx([0.02, 0.02])


def test_rows_beside_their_controls_have_corrected_p_values_too(tmp_path):
    paths = [
        csv(tmp_path / f"{name}.csv", row(p_two_sided=p, attack=name))
        for name, p in (("fmn", 0.03), ("pgd", 0.04))
    ]
    noise = csv(tmp_path / "n.csv", row(control="noise", p_two_sided=0.01))
    few = {"images": 12, "reason": "12 images have both, too few for an interval"}
    contrasts = [csv(tmp_path / "c.csv", few)] * 2
    table = controls(paths, [noise, noise], contrasts)
    attacks = table[table["control"] == "none"]
    assert attacks["p_two_sided_holm"].tolist() == pytest.approx([0.06, 0.06])
    # Why there is no contrast is said, and the figure of contrasts says that there is nothing to draw.
    assert table["contrast_reason"].dropna().tolist() == [few["reason"]] * 2
    assert "12 images have both" in " ".join(answers.remarks(table.to_dict("records")))
    figure = figures_effects.forest(figures_effects.contrasts(table), "e", "contrast")
    assert not figure.axes


def test_seeds_are_summed_up_by_mean_and_standard_deviation():
    z = [-3.0, -5.0, -4.0]
    rows = pd.DataFrame([row(seed, z=one) for seed, one in enumerate(z)])
    below = rows.assign(control="noise", contrast=[0.1, 0.2, 0.3], z=-1.0)
    table = over_seeds(rows, pd.concat([rows.assign(control="none"), below]))
    assert list(table["control"]) == ["none", "noise"]
    assert list(table["seeds"]) == [3, 3]
    assert table["z_mean"][0] == pytest.approx(-4)
    assert table["z_std"][0] == pytest.approx(np.std(z, ddof=1))
    assert table["contrast_mean"][1] == pytest.approx(0.2)
    assert table_texts.texts(table)["z_over_seeds"][0] == "-4.00 ± 1.00"
    some = over_seeds(rows.assign(z=[-3.0, -5.0, None], distance_correlation=[0.02, 0.023, 0.026]))
    shown = table_texts.texts(some)
    assert shown["z_over_seeds"][0] == "-4.00 ± 1.41 (of 2)"
    assert shown["distance_correlation_over_seeds"][0] == "0.023 ± 0.003"
    one = over_seeds(rows.assign(z=[-3.0, None, None]))
    assert table_texts.texts(one)["z_over_seeds"][0] == "-3.00 (of 1)"


def test_every_epsilon_has_a_row_of_the_forest_plot():
    rows = pd.DataFrame([row(seed, epsilon) for epsilon in (0.1, 0.2) for seed in (0, 1)])
    table = figures_effects.effects(rows)
    assert table["group"].value_counts().to_dict() == {
        "c, pgd, epsilon 0.1": 2,
        "c, pgd, epsilon 0.2": 2,
    }


def test_a_row_has_one_p_after_holm_whatever_table_it_is_in(tmp_path):
    """Rows without a control ask the same question as those with one."""
    paths = [
        csv(tmp_path / f"{seed}.csv", row(seed, p_two_sided=p))
        for seed, p in enumerate((0.02, 0.03, 0.04))
    ]
    control = csv(tmp_path / "control.csv", row(control="noise", p_two_sided=0.5))
    found = {"difference": 0.1, "low": 0.0, "high": 0.2, "p": 0.05, "images": 50}
    contrast = csv(tmp_path / "contrast.csv", found)
    beside = controls(paths[:1], [control], [contrast], paths[1:])
    assert list(beside["control"]) == ["none", "noise", "none", "none"]
    assert beside["p_two_sided_holm"][0] == pytest.approx(0.06)
    assert table_rows.join(paths)["p_two_sided_holm"][0] == pytest.approx(0.06)


def test_numbers_against_epsilon_are_sorted_and_drawn():
    rows = [row(seed, epsilon, z=-seed - epsilon) for epsilon in (0.2, 0.1) for seed in (0, 1)]
    within = [{**one, "shuffled_within": "class", "z": 0.0} for one in rows]
    numbers = figures_arms.against_epsilon(pd.DataFrame([*rows, *within]))
    assert list(numbers["epsilon"]) == [0.1, 0.2]
    assert list(numbers["seeds"]) == [2, 2]
    np.testing.assert_allclose(numbers["z"], [-0.6, -0.7])
    figure = figures_arms.epsilons(numbers, "e")
    assert [len(axes.lines[0].get_xdata()) for axes in figure.axes[1:]] == [2, 2]
    without = figures_arms.against_epsilon(pd.DataFrame(rows).drop(columns="distance_correlation"))
    assert len(figures_arms.epsilons(without, "e").axes) == 2
    one = figures_arms.against_epsilon(pd.DataFrame([row(), row(1, z=None)]))
    assert "z_std" not in one  # of one value there is no spread
    assert list(one["z_seeds"]) == [1]
    assert len(figures_arms.epsilons(one, "e").axes) == 3
