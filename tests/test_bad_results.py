"""Results that are cut, damaged or of another place: one sentence that names the file, and nothing is lost."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml
from bad_inputs import (
    Job,
    cut,
    damaged,
    empty,
    missing,
    older,
    other_seed,
    said_in_one_sentence,
    threads_stay,  # noqa: F401
)
from conftest import ROOT
from snakemake.iocontainers import Namedlist

from idbias.config.checking import check

pytestmark = pytest.mark.usefixtures("threads_stay")

DIGITS = "results/digits/small_cnn"
TEST = "results/digits/small_cnn/correlations/fmn"
SPIRAL = "results/spiral/correlations"


REMEDY = "delete it and run again"
# In the middle of the DAG: the rule, the file below results/, what is done to it, what is said.
RESULTS = {
    "cut dataset": ("essential_mask_shard", "results/digits/dataset.h5", cut, [REMEDY]),
    "predictions as dataset": (
        "essential_mask_shard",
        "results/digits/dataset.h5",
        f"{DIGITS}/predictions.h5",
        ["was made for the classifier small_cnn", REMEDY],
    ),
    "dataset as classifier": (
        "attack_shard",
        f"{DIGITS}/classifier.h5",
        "results/digits/dataset.h5",
        ["lacks weights", REMEDY],
    ),
    "classifier of another experiment": (
        "attack_shard",
        f"{DIGITS}/classifier.h5",
        "results/digits_spectra/local_convolution_1_linear/classifier.h5",
        ["was made for the experiment digits_spectra", REMEDY],
    ),
    "no predictions": (
        "essential_mask_shard",
        f"{DIGITS}/predictions.h5",
        missing,
        ["does not exist; run the stage that makes it"],
    ),
    "attack shard as mask shard": (
        "mask_pairs",
        f"{DIGITS}/masks/adversarial/fmn/00000-00095.h5",
        f"{DIGITS}/attacks/fmn/00000-00095.h5",
        ["lacks kept", REMEDY],
    ),
    "attack shard of another schema": (
        "adversarial_mask_shard",
        f"{DIGITS}/attacks/fmn/00000-00095.h5",
        older,
        ["schema version 0", "delete the file and run again"],
    ),
    "damaged mask shard": (
        "mask_pairs",
        f"{DIGITS}/masks/adversarial/fmn/00000-00095.h5",
        damaged("mask"),
        ["is damaged", REMEDY],
    ),
    "emptied pairs": ("distances", f"{TEST}/pairs.h5", empty, [REMEDY]),
    "dataset as pairs": (
        "distances",
        f"{TEST}/pairs.h5",
        "results/digits/dataset.h5",
        ["lacks first", REMEDY],
    ),
    "distances of another comparison": (
        "shuffle_shard",
        f"{TEST}/distances/second.h5",
        f"{SPIRAL}/distances/second.h5",
        ["was made for the comparison", REMEDY],
    ),
    "distances of the other set": (
        "intrinsic_dimensions",
        f"{TEST}/distances/second.h5",
        f"{TEST}/distances/first.h5",
        ["was made for the set first", REMEDY],
    ),
    "shuffles of another seed": (
        "row",
        f"{TEST}/shuffles/00000-00049.h5",
        other_seed,
        ["was not made as", "delete the one that is out of date"],
    ),
    "cut row": ("correlation_table", f"{TEST}/row.csv", cut, ["cut short", REMEDY]),
}


SHARD = "00000-00095"
# Rule -> its script, wildcards, and inputs, those of the digits' one classifier and attack.
NETWORK = {"experiment": "digits", "classifier": "small_cnn", "shard": SHARD}
ATTACK = {**NETWORK, "attack": "fmn"}
OF_TEST = {"comparison": TEST.removeprefix("results/"), "shard": "00000-00049"}
RULES = {
    "essential_mask_shard": (
        "train_masks.py",
        NETWORK,
        {
            "dataset": "results/digits/dataset.h5",
            "classifier": f"{DIGITS}/classifier.h5",
            "targets": f"{DIGITS}/predictions.h5",
        },
    ),
    "adversarial_mask_shard": (
        "train_masks.py",
        ATTACK,
        {"classifier": f"{DIGITS}/classifier.h5", "targets": f"{DIGITS}/attacks/fmn/{SHARD}.h5"},
    ),
    "attack_shard": (
        "attack_images.py",
        ATTACK,
        {
            "dataset": "results/digits/dataset.h5",
            "classifier": f"{DIGITS}/classifier.h5",
            "predictions": f"{DIGITS}/predictions.h5",
        },
    ),
    "mask_pairs": (
        "pair_masks.py",
        ATTACK,
        {
            "predictions": f"{DIGITS}/predictions.h5",
            "attack": f"{DIGITS}/attacks/fmn/{SHARD}.h5",
            "essential": f"{DIGITS}/masks/essential/{SHARD}.h5",
            "adversarial": f"{DIGITS}/masks/adversarial/fmn/{SHARD}.h5",
        },
    ),
    "distances": ("compute_distances.py", OF_TEST, {"pairs": f"{TEST}/pairs.h5"}),
    "intrinsic_dimensions": (
        "estimate_dimensions.py",
        OF_TEST,
        {
            "pairs": f"{TEST}/pairs.h5",
            "first": f"{TEST}/distances/first.h5",
            "second": f"{TEST}/distances/second.h5",
        },
    ),
    "shuffle_shard": (
        "shuffle_pairs.py",
        OF_TEST,
        {
            "pairs": f"{TEST}/pairs.h5",
            "dataset": [],
            "first": f"{TEST}/distances/first.h5",
            "second": f"{TEST}/distances/second.h5",
        },
    ),
    "row": (
        "write_row.py",
        OF_TEST,
        {
            "pairs": f"{TEST}/pairs.h5",
            "dimensions": f"{TEST}/intrinsic_dimensions.h5",
            "shuffles": [f"{TEST}/shuffles/00000-00049.h5", f"{TEST}/shuffles/00050-00099.h5"],
        },
    ),
    "correlation_table": (
        "tabulate_rows.py",
        {},
        {"rows": [f"{SPIRAL}/row.csv", f"{TEST}/row.csv"]},
    ),
}


@pytest.fixture(scope="module")
def clone(finished, tmp_path_factory):
    """Finished results, with a second shard of shuffles; each test leaves them as it found them."""
    workflow = finished.clone(tmp_path_factory.mktemp("bad") / "clone")
    shuffles = workflow.folder / TEST / "shuffles"
    shutil.copy(shuffles / "00000-00049.h5", shuffles / "00050-00099.h5")
    with h5py.File(shuffles / "00050-00099.h5", "a") as file:
        file["replicate"][:] += 50
    return workflow.folder


def state(folder):
    """Every file of the results, and when and how it was last written."""
    return {
        path: (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in sorted((folder / "results").rglob("*"))
        if path.is_file()
    }


def parameters(rule, digits):
    """The parameters of a rule, as rules/ have them."""
    correlation = digits.correlation
    of_test = {
        "preprocessing": correlation.preprocessing,
        "dtype": correlation.distances,
        "estimator": correlation.estimate,
        "baselines": correlation.baselines,
        "svcca": correlation.svcca,
        "within": "all",
        "stratum": correlation.stratum,
        "seed": digits.seed,
        "names": {},
        "images": digits.images,
    }
    settings = {
        "attack_shard": digits.attacks["fmn"].settings,
        "essential_mask_shard": digits.masks.model_dump(),
        "adversarial_mask_shard": digits.masks.model_dump(),
    }
    return {**of_test, "settings": settings.get(rule)}


def flat(inputs):
    """Inputs as Snakemake gives them: all paths one after the other, and each name's own."""
    given = Namedlist(
        np.hstack([np.array(paths, dtype=object) for paths in inputs.values()]).tolist()
    )
    for name, paths in inputs.items():
        setattr(given, name, paths)
    return given


@pytest.mark.parametrize(("rule", "path", "harm", "words"), RESULTS.values(), ids=RESULTS)
def test_results(clone, tmp_path, monkeypatch, rule, path, harm, words):
    script, wildcards, inputs = RULES[rule]
    config = yaml.safe_load((clone / "config.yaml").read_text())
    monkeypatch.chdir(clone)
    kept = tmp_path / "kept"
    shutil.copy2(path, kept)
    if isinstance(harm, str):
        shutil.copy(harm, path)
    else:
        harm(clone / path)
    output = {name: f"results/out/{name}" for name in ("first", "second", "csv", "markdown")}
    job = Job(
        tmp_path,
        rule=rule,
        config=config,
        wildcards=Namedlist(fromdict=wildcards),
        input=flat(inputs),
        output=Namedlist(fromdict=output),
        params=Namedlist(fromdict=parameters(rule, check(config)["digits"])),
    )
    code = compile((ROOT / "workflow_scripts" / script).read_text(), script, "exec")
    before = state(clone)
    try:
        job.fails(lambda: exec(code, {"snakemake": job.snakemake}), [path, *words])
        assert state(clone) == before
    finally:
        shutil.copy2(kept, path)


def test_a_run_says_it_for_each_branch_and_keeps_the_rest(finished, tmp_path):
    workflow = finished.clone(tmp_path / "run")
    first, second = f"{TEST}/distances/first.h5", f"{SPIRAL}/distances/second.h5"
    shutil.copy(workflow.folder / TEST / "distances/second.h5", workflow.folder / first)
    cut(workflow.folder / second)
    before = state(workflow.folder)
    done = workflow.snakemake(
        "--keep-going", "--forcerun", "shuffle_shard", "--", "correlations", check=False
    )
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    lines = [line for line in said.splitlines() if line.startswith("idbias, rule")]
    for path in (first, second):
        log = workflow.folder / Path(path.replace("results/", "logs/")).parents[1]
        log = (log / "shuffles/00000-00049.log").read_text()
        said_in_one_sentence(log, "idbias, rule shuffle_shard: ", [path, REMEDY])
        assert log.strip() in lines
    assert all((first in line) != (second in line) and REMEDY in line for line in lines)
    # Snakemake itself removes the old output of a job that it runs again: of those told to, and of those
    # whose input is newer now.
    again = ("shuffles/00000-00049.h5", "intrinsic_dimensions.h5")
    forced = {path for path in before if str(path).endswith(again)}
    after = state(workflow.folder)
    assert {path: after.get(path) for path in before.keys() - forced} == {
        path: when for path, when in before.items() if path not in forced
    }
