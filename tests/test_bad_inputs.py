"""Forty bad inputs of all kinds: one sentence each that names file or key and remedy, and a failed job."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import torch
import yaml
from archive_files import pack
from conftest import ROOT
from correlate import main
from snakemake.iocontainers import Namedlist
from test_config import config_with

from idbias import files
from idbias.attacks import attack_files
from idbias.classifiers.models import make
from idbias.classifiers.weights import load_weights
from idbias.config.checking import check
from idbias.datasets import binary
from idbias.stage import stage

DIGITS = "results/digits/small_cnn"
TEST = "results/digits/small_cnn/correlations/fmn"
SPIRAL = "results/spiral/correlations"


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def missing(path):
    path.unlink()


def text(path):
    path.write_text("hello\n")


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def older(path):
    with h5py.File(path, "a") as file:
        file.attrs["schema_version"] = 0


def other_seed(path):
    with h5py.File(path, "a") as file:
        file.attrs["seed"] = 7


def damaged(name):
    """Flip a byte within a chunk of the dataset `name`."""

    def harm(path):
        with h5py.File(path) as file:
            chunk = file[name].id.get_chunk_info(1)
        content = bytearray(path.read_bytes())
        content[chunk.byte_offset + chunk.size // 2] ^= 0xFF
        path.write_bytes(content)

    return harm


# What is changed in config.yaml, and what the sentence must hold beside the file's name.
CONFIG = {
    "misspelt key": ({"masks__penatly": 0.1}, ["'masks.penatly'", "did you mean 'penalty'"]),
    "no number": ({"masks__penalty": "much"}, ["masks.penalty is 'much'", "should be a valid number"]),
    "out of range": ({"correlation__shuffles": 1}, ["correlation.shuffles is 1", "greater than or equal to 2"]),
    "gone key": ({"correlation__within_class": True}, ["'correlation.within_class'", "write shuffles_within"]),
    "unknown attack": (
        {"experiment_blocks__digits__attacks": ["fnm"]}, ["digits.attacks", "did you mean 'fmn'"]
    ),
    "too many images": ({"datasets__digits__images": 2000}, ["datasets.digits.images", "give 1197 or fewer"]),
    "attack without file": ({"attacks__fmn": {"attack": "file"}}, ["attacks.fmn", "file needs a path"]),
    "steps the wrong way": ({"masks__max_steps": 100}, ["masks", "min_steps (500) must not exceed"]),
}  # fmt: skip

CIFAR = "cifar-10-batches-bin/"
# Archive: the packed file's content is cut, or a member is changed.
ARCHIVES = {
    "cut archive": (cut, {}, ["cifar.tar.gz", "truncated or damaged", "get the file again"]),
    "empty archive": (empty, {}, ["cifar.tar.gz", "truncated or damaged", "get the file again"]),
    "no archive": (missing, {}, ["cifar.tar.gz does not exist", "give an existing archive"]),
    "damaged archive": (flip, {}, ["cifar.tar.gz", "truncated or damaged", "get the file again"]),
    "path that leads out": (None, {"../x.bin": b"x"}, ["cifar.tar.gz", "leads out", "pack it again"]),
}  # fmt: skip

# Weights: what is saved, or what is done to the file.
WEIGHTS = {
    "cut weights": (cut, ["weights.pth", "get the file again"]),
    "empty weights": (empty, ["weights.pth", "get the file again"]),
    "weights of another network": (
        lambda path: torch.save({"conv1.weight": torch.ones(3)}, path),
        ["weights.pth does not fit", "choose the network it was saved from"],
    ),
    "weights with code": (
        lambda path: torch.save({"state_dict": SimpleNamespace()}, path),
        ["weights.pth", "save `network.state_dict()` as .safetensors"],
    ),
}

POINTS = np.random.default_rng(0).normal(size=(40, 3))
# Arrays: two files' contents for correlate.py.
ARRAYS = {
    "arrays of two lengths": (POINTS, POINTS[:30], ["a.npy has 40 rows", "give as many rows"]),
    "array with NaN": (
        POINTS,
        np.where(POINTS > 2, np.nan, POINTS),
        ["b.npy: Row", "remove that row"],
    ),
    "cut array": (POINTS, cut, ["b.npy", "get or make the file again"]),
    "empty array": (POINTS, empty, ["b.npy", "get or make the file again"]),
    "points that coincide": (
        POINTS,
        np.zeros((40, 3)),
        ["b.npy: all points coincide", "give points that differ"],
    ),
}

# Attack file: from the clean images, float32 in [0, 1], to what the file holds.
ATTACKS = {
    "pixels of 8 bits": (lambda x: (x * 255).astype(np.uint8), ["attack.npy", "such as images / 255"]),
    "pixels out of range": (lambda x: x * 255, ["attack.npy", "give images in [0, 1]"]),
    "channels last": (lambda x: x.transpose(0, 2, 3, 1), ["attack.npy", "give an array (N, 1, 8, 8)"]),
    "too few images": (lambda x: x[:9], ["attack.npy has 9 images", "by `index`"]),
}  # fmt: skip

REMEDY = "delete it and run again"
# In the middle of the DAG: the rule, the file below results/, what is done to it, what is said.
RESULTS = {
    "cut dataset": ("essential_mask_shard", "results/digits/dataset.h5", cut, [REMEDY]),
    "predictions as dataset": (
        "essential_mask_shard",
        "results/digits/dataset.h5",
        f"{DIGITS}/predictions.h5",
        ["lacks masked", REMEDY],
    ),
    "dataset as classifier": (
        "attack_shard",
        f"{DIGITS}/classifier.h5",
        "results/digits/dataset.h5",
        ["lacks made_of", REMEDY],
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


def test_there_are_forty():
    tables = (CONFIG, ARCHIVES, WEIGHTS, ARRAYS, ATTACKS, RESULTS)
    assert sum(map(len, tables)) == len({name for table in tables for name in table}) == 40


class Job:
    """A rule's job: `stage` runs the work as every script's, and says how it ended."""

    def __init__(self, folder, **about):
        self.log = folder / "job.log"
        empty_lists = {name: Namedlist() for name in ("wildcards", "input", "output", "params")}
        self.snakemake = SimpleNamespace(
            **{
                "rule": "bad",
                "threads": 1,
                "log": [str(self.log)],
                "config": {},
                **empty_lists,
                **about,
            }
        )

    def fails(self, work, words):
        with pytest.raises(SystemExit) as ended:
            work()
        assert ended.value.code == 1
        said_in_one_sentence(self.log.read_text(), f"idbias, rule {self.snakemake.rule}: ", words)


def said_in_one_sentence(text, start, words):
    assert text.startswith(start), text
    assert text.count("\n") == 1, text
    assert "Traceback" not in text
    for part in words:
        assert part in text, text


@pytest.fixture(autouse=True)
def threads_stay(monkeypatch):
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(variable, "1")


@pytest.mark.parametrize(("changes", "words"), CONFIG.values(), ids=CONFIG)
def test_configuration(tmp_path, changes, words):
    def work():
        with stage(job.snakemake):
            check(config_with(**changes))

    job = Job(tmp_path)
    job.fails(work, ["config.yaml: ", *words])


@pytest.mark.parametrize(("harm", "members", "words"), ARCHIVES.values(), ids=ARCHIVES)
def test_archives(tmp_path, harm, members, words):
    names = [
        f"{CIFAR}{name}.bin" for name in ("test_batch", *(f"data_batch_{i}" for i in range(1, 6)))
    ]
    whole = {f"{CIFAR}batches.meta.txt": b"a\n" * 10, **dict.fromkeys(names, bytes(3073))}
    path = pack(tmp_path / "cifar.tar.gz", whole | members)
    if harm:
        harm(path)

    def work():
        with stage(job.snakemake):
            binary.cifar10(path)

    job = Job(tmp_path)
    job.fails(work, words)


@pytest.mark.parametrize(("harm", "words"), WEIGHTS.values(), ids=WEIGHTS)
def test_weights(tmp_path, harm, words):
    settings = {"network": "small_cnn", "arguments": {}, "normalisation": None}
    network = make(settings, (1, 8, 8), 10).network
    path = tmp_path / "weights.pth"
    torch.save(network.state_dict(), path)
    harm(path)

    def work():
        with stage(job.snakemake):
            load_weights(network, path)

    job = Job(tmp_path)
    job.fails(work, words)


@pytest.mark.parametrize(("first", "second", "words"), ARRAYS.values(), ids=ARRAYS)
def test_arrays(tmp_path, monkeypatch, capsys, first, second, words):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", first)
    np.save("b.npy", POINTS if callable(second) else second)
    if callable(second):
        second(tmp_path / "b.npy")
    assert main(["a.npy", "b.npy", "--shuffles", "5", "--threads", "1", "--output", "row.csv"]) == 2
    said_in_one_sentence(capsys.readouterr().err, "correlate.py: ", words)
    assert not (tmp_path / "row.csv").exists()


@pytest.mark.parametrize(("made", "words"), ATTACKS.values(), ids=ATTACKS)
def test_attack_files(tmp_path, made, words):
    clean = np.random.default_rng(0).random((20, 1, 8, 8)).astype(np.float32)
    datasets = {"test/images": clean, "test/labels": np.zeros(20, int)}
    files.write(
        tmp_path / "dataset.h5", datasets, {"classes": ["0"], "scale": 1.0, "masked": "test"}
    )
    np.save(tmp_path / "attack.npy", made(clean))

    def work():
        with stage(job.snakemake):
            attack_files.write(
                tmp_path / "out.h5", tmp_path / "dataset.h5", 20, str(tmp_path / "attack.npy")
            )

    job = Job(tmp_path)
    job.fails(work, words)
    assert not (tmp_path / "out.h5").exists()


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
        "settings": correlation.estimate,
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
    return {**of_test, "settings": settings.get(rule, correlation.estimate)}


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
        input=Namedlist(fromdict=inputs),
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
