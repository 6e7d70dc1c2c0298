"""What rules ask of a resolved experiment, without Snakemake."""

import os
import shutil
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, lay_over

from idbias.config import targets
from idbias.config.checking import check
from idbias.config.commands import commands_first
from idbias.config.comparisons import by_folder
from idbias.config.counts import shards
from idbias.config.downloads import download_of
from idbias.config.experiments import within_experiment
from idbias.errors import InputError


def experiments(changes=None):
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    lay_over(config, changes or {})
    return check(config)


def test_comparisons_are_of_each_classifier_and_attack_or_of_two_arrays():
    found = experiments()
    assert [pair.folder for pair in found["table2"].comparisons][:4] == [
        "table2/resnet20/correlations/fmn",
        "table2/resnet20/correlations/pgd",
        "table2/resnet20/correlations/deepfool",
        "table2/cct7/correlations/fmn",
    ]
    (spiral,) = found["spiral"].comparisons
    assert spiral.row == "results/spiral/correlations/row.csv"
    assert spiral.names == {
        "experiment": "spiral", "dataset": "spiral", "classifier": "", "attack": "",
    }  # fmt: skip
    assert within_experiment(spiral.names) == {"dataset": "spiral"}
    assert found["paper2_mnist"].comparisons == []
    assert len(found["paper2_mnist"].attack_comparisons) == 80
    assert by_folder(found.values())[spiral.folder] is spiral


def test_an_attack_s_row_begins_with_what_was_asked_for():
    pgd = experiments()["digits"].comparisons[1]
    assert pgd.attack_names == {
        "experiment": "digits", "dataset": "digits", "classifier": "small_cnn", "attack": "pgd",
        "epsilon": 0.15, "images": 500,
    }  # fmt: skip
    assert pgd.predictions == "results/digits/small_cnn/predictions.h5"
    assert pgd.attack_file == "results/digits/small_cnn/attacks/pgd/00000-00499.h5"


def test_shards_cover_every_item_once():
    assert shards(1197, 512) == ["00000-00511", "00512-01023", "01024-01196"]
    assert shards(512, 512) == ["00000-00511"]
    digits = experiments(
        {"correlation": {"shuffles": 120}, "execution": {"shuffles_per_shard": 50}}
    )["digits"]
    assert digits.image_shards == ["00000-00499"]
    assert experiments()["table2"].image_shards == shards(10000, 512)
    assert digits.shuffle_shards == ["00000-00049", "00050-00099", "00100-00119"]
    assert experiments()["table3"].images == 3925 + 9469, "training images get masks too"


def test_files_are_those_that_a_stage_reads():
    found = experiments()
    assert found["table2"].dataset_files == ["resources/cifar10/cifar-10-binary.tar.gz"]
    assert found["digits"].dataset_files == []
    assert len(found["paper2_imagenet"].dataset_files) == 2
    assert found["table2"].weights_files("resnet20") == []
    (weights,) = found["table3"].weights_files("resnet18")
    urls, sha256 = download_of(found.values(), "weights", Path(weights).name)
    assert urls == ["https://download.pytorch.org/models/resnet18-f37072fd.pth"]
    assert sha256.startswith("f37072fd")
    assert download_of(found.values(), "svhn", "test_32x32.mat")[1].startswith("cdce80")
    with pytest.raises(InputError, match=r"resources/svhn/other\.mat"):
        download_of(found.values(), "svhn", "other.mat")
    mine = {"datasets": {"cifar10": {"path": "file:///data/cifar", "images": 10}}}
    assert experiments(mine)["table2"].dataset_files == ["/data/cifar"]


def test_two_arrays_are_named_with_what_lies_inside_them(tmp_path):
    (tmp_path / "a.h5").touch()
    dataset = {"source": "arrays", "first": f"{tmp_path}/a.h5:/x", "second": f"{tmp_path}/b.npy"}
    block = {"dataset": "sets", "analyses": ["masks"]}
    changes = {"datasets": {"sets": dataset}, "experiment_blocks": {"sets": block}}
    mine = experiments(changes)["sets"]
    assert mine.array_files == [f"{tmp_path}/a.h5", f"{tmp_path}/b.npy"]
    assert mine.arrays["first"] == f"{tmp_path}/a.h5:/x"
    assert not mine.writes_dataset
    assert experiments()["spiral"].array_files == ["results/spiral/dataset.h5"]


def test_kernels_are_matched_by_network_whatever_the_classifier_is_called():
    zoo = experiments()["digits_zoo"]
    assert zoo.kernels["local_convolution_1_linear_kernel5"] == ("1 linear", 5, 0)
    assert zoo.kernels["full_convolution_3_relu"] == ("3 relu", 0, 0)
    assert zoo.has_both_kernels
    changes = {
        "classifiers": {
            "mine": {"network": "local_convolution_1_relu", "recipe": {}},
            "other": {"network": "full_convolution_1_relu", "recipe": {}},
        },
        "experiment_blocks": {"digits": {"classifiers": ["mine", "other"]}},
    }
    assert experiments(changes)["digits"].has_both_kernels
    changes["classifiers"]["other"]["network"] = "full_convolution_3_relu"
    assert not experiments(changes)["digits"].has_both_kernels


def test_a_module_of_a_network_or_attack_is_ours_or_the_user_s(tmp_path, monkeypatch):
    changes = {
        "classifiers": {"small_cnn": {"network": "my.nets:small"}},
        "attacks": {
            "fmn": {"attack": "mine:Attack", "norm": "linf"},
            "pgd": {"attack": "json:dumps", "epsilon": None, "norm": "linf"},
        },
    }
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"network is my.nets:small, but there is no my/nets.py"):
        experiments(changes)
    for name in ("my/nets.py", "mine.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = experiments(changes)
    assert found["digits"].network_module("small_cnn") == tmp_path / "my/nets.py"
    attacks = [found["digits"].attack_module(name) for name in ("fmn", "pgd")]
    assert attacks == [tmp_path / "mine.py", None]
    assert found["table2"].network_module("resnet20") == "classifiers/networks/resnet.py"
    assert found["paper2_imagenet"].network_module("repvgg_b3").endswith("timm_models.py")


def test_paths_are_filled_in_for_what_the_pattern_names():
    digits = experiments()["digits"]
    assert digits.paths("{experiment}/{attack}") == ["digits/fmn", "digits/pgd"]
    assert digits.paths("{experiment}/{classifier}") == ["digits/small_cnn"]


def test_masks_are_files_only_where_they_are_trained():
    found = experiments()
    assert found["digits"].masks_files("small_cnn", "pgd")["adversarial"] == (
        "results/digits/small_cnn/masks/adversarial/pgd/00000-00499.h5"
    )
    assert found["digits"].files_of("small_cnn", "pgd")["attack"].endswith("pgd/00000-00499.h5")
    assert found["table2"].files_of("resnet20", "pgd") == {
        "attack": "results/table2/resnet20/attacks/pgd.h5",
        "essential": "results/table2/resnet20/masks/essential.h5",
        "adversarial": "results/table2/resnet20/masks/adversarial/pgd.h5",
    }, "of several shards, the file that joins them"
    assert len(found["table2"].all_masks("cct7")) == 4
    assert found["paper2_mnist"].masks_files("fully_connected_1_relu", "pgd_l2") == {}


def test_tables_and_figures_are_those_that_have_something_to_show():
    found = experiments()
    stems = [Path(path).stem for path in targets.tables([found["digits"]])]
    assert stems == ["correlations", "attacks", "spectra"]
    stems = [Path(path).stem for path in targets.tables([found["spiral"]])]
    assert stems == ["correlations", "table1"]
    stems = [Path(path).stem for path in targets.tables([found["digits_spectra"]])]
    assert stems == ["attacks", "spectra", "inequalities", "local_against_full", "kernel_sizes"]
    assert targets.figures([found["spiral"]]) == [
        "results/figures/costs.png",
        "results/figures/spiral/correlations/shuffles.png",
        "results/figures/spiral/correlations/spiral.png",
    ]
    figures = targets.figures([found["digits"]])
    assert len(figures) == 1 + 2 + 1 + 2 + 1 + 2
    assert "results/figures/digits/small_cnn/yields.png" in figures
    kernels = targets.spectra_figures([found["digits_spectra"]])
    assert [Path(path).stem for path in kernels].count("kernel_sizes") == 1
    assert "kernel_sizes" not in str(targets.spectra_figures([found["digits"]]))


def test_commands_of_ours_are_found_before_the_site_s(tmp_path, monkeypatch):
    (tmp_path / "sh").write_text("#!/bin/sh\n")
    (tmp_path / "sh").chmod(0o755)
    monkeypatch.setenv("PATH", os.environ["PATH"])
    commands_first(tmp_path)
    assert shutil.which("sh") == str(tmp_path / "sh")
