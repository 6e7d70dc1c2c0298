"""The stage on real files: what it reads, what it says of too few images, and its memory."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from idbias import files
from idbias.crossed import reference
from idbias.crossed.crossed_tables import curve, own_and_others, table, verdict
from idbias.crossed.measured import measure
from idbias.crossed.vectors import spectra
from idbias.report import figures_crossed
from idbias.report.answers_crossed import answer, answers
from idbias.report.summary import summary

TRAININGS, IMAGES, SHAPE = 4, 30, (1, 8, 8)
NAMES = {"experiment": "mine", "dataset": "digits", "classifier": "small_cnn", "attack": "fmn"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Files of 4 trainings, of which each lacks other images, and the arrays they hold."""
    folder, rng = tmp_path_factory.mktemp("crossed"), np.random.default_rng(0)
    clean = rng.uniform(size=(IMAGES, *SHAPE)).astype(np.float32)
    dataset = str(folder / "dataset.h5")
    test = {"test/images": clean, "test/labels": np.zeros(IMAGES, int)}
    files.write(dataset, test, {"scale": 1.0, "masked": "test", "classes": ["a"]})
    arrays = {"clean": clean, "dataset": dataset, "essential": [], "attacked": [], "noise": []}
    for training in range(TRAININGS):
        for kind, name, which in (
            ("essential", "mask", "kept"),
            ("attacked", "adversarial", "success"),
            ("noise", "mask", "kept"),
        ):
            # In shards of different sizes, and each training without an image or two of its own.
            index = np.delete(np.arange(IMAGES), 3 + training)
            values = rng.uniform(size=(len(index), *SHAPE)).astype(np.float32)
            counts = np.ones(len(index), bool)
            counts[[10 + training, 20]] = False
            shards, start = [], 0
            for number, size in enumerate((5 + training, len(index) - 5 - training)):
                rows = slice(start, start + size)
                path = folder / f"{kind}-{training}-{number}.h5"
                content = {"index": index[rows], name: values[rows], which: counts[rows]}
                files.write(path, content)
                shards.append(path)
                start += size
            whole = str(folder / f"{kind}-{training}.h5")
            files.join_shards(whole, shards)
            arrays[kind].append(whole)
            arrays[kind, training] = dict(zip(index[counts], values[counts], strict=True))
    return arrays


def products(made, path, bands=8, masks=("noise",)):
    chosen = {of: made[of] for of in masks}
    found = measure(made["essential"], made["attacked"], chosen, made["dataset"], bands)
    files.write(path, *found)
    return str(path)


def test_a_row_is_the_plain_method_on_the_images_that_all_have(made, tmp_path):
    found = table([NAMES], [products(made, tmp_path / "products.h5")], [0], [0.1])
    have = [set(made[kind, k]) for kind in ("essential", "attacked") for k in range(TRAININGS)]
    common = sorted(set.intersection(*have))
    essential = np.array([[made["essential", k][x] for x in common] for k in range(TRAININGS)])
    noise = np.array([[made["noise", k][x] for x in common] for k in range(TRAININGS)])
    attacked = np.array([[made["attacked", k][x] for x in common] for k in range(TRAININGS)])
    perturbations = np.abs(np.fft.fft2(attacked.astype(float) - made["clean"][common]))
    perturbations /= np.linalg.norm(perturbations.reshape(*perturbations.shape[:2], -1), axis=2)[
        ..., None, None, None
    ]
    for of, second in (("perturbations", perturbations), ("noise", noise)):
        row = found[found["of"] == of].iloc[0]
        flat = [
            one.reshape(TRAININGS, len(common), -1).astype(float) for one in (essential, second)
        ]
        for name, value in reference.crossed(*flat).items():
            assert row[name] == pytest.approx(value, abs=1e-10), (of, name)
        assert (row["networks"], row["images"]) == (TRAININGS, len(common))


def test_what_was_not_made_or_has_too_few_images_is_a_row_with_its_reason(made, tmp_path):
    found = table([NAMES], [products(made, tmp_path / "products.h5")], [0], [0.1])
    assert list(found["of"]) == ["perturbations", "adversarial masks", "noise", "clean image"]
    by_set = found.set_index("of")
    assert "add masks to the experiment's analyses" in by_set.loc["adversarial masks", "reason"]
    assert "add clean_image" in by_set.loc["clean image", "reason"]
    few = dict(made)
    with files.opened(made["attacked"][0]) as file:
        one = {name: file[name][()] for name in ("index", "adversarial", "success")}
    few["attacked"] = [str(tmp_path / "few.h5"), *made["attacked"][1:]]
    one["success"][4:] = False
    files.write(few["attacked"][0], one)
    found = table([NAMES], [products(few, tmp_path / "few-products.h5")], [0], [0.1])
    row = found.iloc[0]
    assert row["images"] < 10
    assert row["reason"].startswith(f"{row['images']} images are common to all 4 trainings, 10 are")
    assert np.isnan(row["rho"])
    assert row["reason"] in answer(row)
    nothing = {**one, "success": np.zeros(len(one["success"]), bool)}
    files.write(few["attacked"][0], nothing)
    none = products(few, tmp_path / "none.h5")
    assert table([NAMES], [none], [0], [0.1])["images"].iloc[0] == 0
    figures_crossed.trainings(own_and_others(none, list("abcd")), "mine")
    figures_crossed.resolution(curve(none, 0), "mine")


def test_trainings_that_are_all_the_same_have_no_rho(made, tmp_path):
    same = {**made, "essential": [made["essential"][0]] * TRAININGS}
    found = table([NAMES], [products(same, tmp_path / "same.h5")], [0], [0.1])
    assert found["rho"].isna().all()
    assert "train them from different seeds" in found["reason"].iloc[0]


def test_the_curve_ends_entry_by_entry_and_the_figures_draw(made, tmp_path):
    path = products(made, tmp_path / "products.h5", bands=4)
    found = curve(path, 0)
    of = found[found["of"] == "perturbations"]
    assert list(of["bands"]) == ["4", "1", "2", "8", "rings"]
    own = own_and_others(path, list("abcd"))
    diagonal = own[own["masks_of"] == own["attacks_on"]]["value"].mean()
    assert diagonal == pytest.approx(of["rho"].iloc[0])
    figures_crossed.trainings(own, "mine")
    figures_crossed.resolution(found, "mine")


def test_a_spectrum_has_length_one_and_of_nothing_it_is_nothing():
    clean = np.random.default_rng(0).uniform(size=(2, 1, 4, 4))
    found = spectra(np.stack([clean, clean + 0.1 * clean]), clean)
    assert (found[0] == 0).all()
    np.testing.assert_allclose((found[1] ** 2).sum((1, 2, 3)), 1)


def test_p_is_adjusted_over_the_attacks_on_the_same_trainings(made, tmp_path):
    path = products(made, tmp_path / "products.h5")
    other = {**NAMES, "classifier": "other"}
    names = [NAMES, {**NAMES, "attack": "pgd"}, other]
    found = table(names, [path] * 3, [0] * 3, [0.1] * 3)
    found = found[found["of"] == "perturbations"]
    p = found["p"].iloc[0]
    assert list(found["p_holm"]) == pytest.approx([min(2 * p, 1), min(2 * p, 1), p])


ROW = {
    **NAMES, "of": "perturbations", "networks": 7, "images": 1318, "rho": 0.0432, "low": 0.028,
    "high": 0.059, "p_holm": 2 / 5040, "ceiling": 0.875, "share_of_ceiling": 0.0494, "verdict": "tied",
}  # fmt: skip


def test_the_answer_in_words_and_first_in_what_is_printed(tmp_path, monkeypatch):
    said = (
        "mine, small_cnn, fmn: the frequencies a training needs are tied to those its own attack exploits, "
        "beyond what the image explains; rho = 0.043 [0.028, 0.059], 5% of the ceiling 0.88, p = 0.0004 "
        "(7 trainings, 1,318 images)."
    )
    assert answers([ROW, {**ROW, "of": "noise"}]) == [said]
    both = answers([ROW, {**ROW, "attack": "pgd"}])
    assert all("Holm over 2 attacks (" in sentence for sentence in both)
    undecided = answer({**ROW, "verdict": "undecided", "share_of_ceiling": float("nan")})
    assert "is not decided; rho = 0.043 [0.028, 0.059], p = 0.0004" in undecided
    few = {"rho": 0.5, "low": 0.4, "high": 0.6, "margin": 0.1, "ceiling": 0.9, "p_holm": 1 / 6}
    assert verdict({**few, "networks": 3, "attacks": 1}) == "too few trainings", "1 / 3! > 0.05"
    assert verdict({**few, "networks": 4, "attacks": 2}) == "too few trainings", "2 / 4! > 0.05"
    assert verdict({**few, "networks": 4, "attacks": 1}) == "undecided"
    three = answer({**ROW, "networks": 3, "verdict": "too few trainings"})
    assert "3 trainings are too few to show" in three
    small = answer({**ROW, "verdict": "no tie shown, at most 10% of the ceiling"})
    assert "are not shown to be tied" in small
    assert "a tie, if there is one, is at most 10% of the ceiling; rho = 0.043" in small
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results/tables").mkdir(parents=True)
    pd.DataFrame([ROW]).to_csv("results/tables/crossed.csv", index=False)
    tables = [f"results/tables/crossed.{form}" for form in ("csv", "md")]
    printed = summary([SimpleNamespace(name="mine")], tables)
    assert printed.startswith(said)
