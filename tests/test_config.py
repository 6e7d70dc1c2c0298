"""Bad configuration ends in one sentence that names the key and what is allowed."""

from pathlib import Path

import pytest
import yaml

from idbias.config.checking import check, selected
from idbias.errors import InputError

CONFIG = Path(__file__).parent.parent / "config.yaml"


def config_with(**changes):
    config = yaml.safe_load(CONFIG.read_text())
    for path, value in changes.items():
        *sections, key = path.split("__")
        place = config
        for section in sections:
            place = place[section]
        place[key] = value
    return config


def test_the_shipped_configuration_is_valid():
    settings = check(config_with())
    assert settings["digits"].masks.penalty == 0.01


def test_a_test_need_not_suit_experiments_that_are_not_run():
    settings = check(config_with(experiments=["table3"], correlation__pool=7))
    assert settings["spiral"].correlation.pool == 7


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"masks__penatly": 0.1}, ["unknown key 'masks.penatly'", "did you mean 'penalty'?"]),
        ({"shufles": 3}, ["unknown key 'shufles'", "there are: experiments"]),
        ({"masks__penalty": "much"}, ["masks.penalty is 'much'", "should be a valid number"]),
        ({"masks__penalty": -1}, ["masks.penalty is -1", "greater than or equal to 0"]),
        ({"masks__spectrum": "third"}, ["masks.spectrum is 'third'", "'half' or 'full'"]),
        ({"masks__max_steps": 100}, ["masks", "min_steps (500) must not exceed max_steps (100)"]),
        ({"execution__mask_batch": "huge"}, ["execution.mask_batch is 'huge'", "'auto'"]),
        (
            {"correlation__shuffles_within": ["all", "class"]},
            ["correlation.shuffles_within has class, but dataset spiral has no labels"],
        ),
        (
            {"correlation__shuffles_within": ["spectrum"]},
            ["shuffles_within has spectrum, but dataset spiral has no images"],
        ),
        (
            {"correlation__shuffles_within": ["size", "size"]},
            ["correlation.shuffles_within names one thing twice"],
        ),
        (
            {"correlation__pool": 7},
            ["correlation.pool is 7, which does not divide the 8 pixels of digits"],
        ),
        ({"correlation__pool": 2}, ["does not divide the scalars of spiral"]),
        ({"correlation__shuffles": 1}, ["correlation.shuffles is 1", "greater than or equal to 2"]),
        ({"correlation__mu_fraction": 1.0}, ["correlation.mu_fraction is 1.0", "less than 1"]),
        ({"correlation__shuffles": True}, ["correlation.shuffles is True", "whole number"]),
        ({"experiments": ["digit"]}, ["there is no experiment 'digit'", "did you mean 'digits'?"]),
        ({"experiments": []}, ["experiments is []", "name at least one"]),
        (
            {"experiment_blocks__digits__dataset": "digit"},
            ["experiment_blocks.digits.dataset", "no dataset 'digit'", "did you mean 'digits'?"],
        ),
        (
            {"experiment_blocks__digits__attacks": ["fnm"]},
            ["experiment_blocks.digits.attacks", "no attack 'fnm'", "did you mean 'fmn'?"],
        ),
        (
            {"experiment_blocks__digits__classifiers": ["vgg"]},
            ["experiment_blocks.digits.classifiers", "no classifier 'vgg'", "resnet20"],
        ),
        ({"classifiers__small_cnn__network": "smallcnn"}, ["no network 'smallcnn'", "small_cnn"]),
        (
            {"classifiers__resnet18__normalisation": "image_net"},
            ["classifiers.resnet18.normalisation", "did you mean 'imagenet'?"],
        ),
        (
            {"classifiers__cct7__normalisation": None},
            ["classifiers.cct7: weights came with a normalisation", "the name of a dataset"],
        ),
        (
            {"experiment_blocks__paper2_svhn": {"dataset": "spiral"}},
            ["experiment_blocks.paper2 and", "both have an experiment paper2_svhn", "rename one"],
        ),
        (
            {"experiment_blocks__paper2__dataset": ["mnist", "cifer10"]},
            ["experiment_blocks.paper2.dataset", "did you mean 'cifar10'?"],
        ),
        (
            {"experiment_blocks__digits__images": 2000},
            ["experiment_blocks.digits.images is 2000", "1197"],
        ),
        ({"experiment_blocks__digits__overrides": {"mask": {}}}, ["no section to override 'mask'", "masks"]),
        (
            {"experiment_blocks__digits__overrides": {"masks": {"penalty": "x"}}},
            ["experiment_blocks.digits.overrides", "masks.penalty is 'x'"],
        ),
        ({"datasets__digits__images": 2000}, ["datasets.digits.images is 2000", "1197"]),
        ({"datasets__digits__source": "didgits"}, ["datasets.digits.source is 'didgits'", "'digits'"]),
        ({"attacks__fmn": {"arguments": {}}}, ["'attacks.fmn.attack' is missing"]),
        ({"attacks__fmn": {"attack": "file"}}, ["attacks.fmn", "file needs a path"]),
        (
            {"attacks__fmn": {"attack": "file", "path": "x.npy", "epsilon": 0.1}},
            ["attacks.fmn", "takes no arguments, epsilon"],
        ),
        ({"attacks__pgd__path": "x.npy"}, ["attacks.pgd", "belong to attack: file"]),
        ({"attacks__pgd__time_limit": 60}, ["attacks.pgd", "time_limit belongs to Brendel-Bethge"]),
        ({"attacks__bb_l2__time_limit": 0}, ["attacks.bb_l2.time_limit is 0", "greater than 0"]),
        ({"attacks__fmn__attack": "my_attack:Mine"}, ["attacks.fmn.attack", "no my_attack.py"]),
        ({"attacks__fmn__attack": "L2 FMN"}, ["attacks.fmn.attack is 'L2 FMN'"]),
        ({"experiment_blocks__spiral__attacks": ["fmn"]}, ["experiment_blocks.spiral", "no images"]),
        ({"datasets__my set": {"source": "digits"}}, ["my set", "letters, digits"]),
        (
            {"datasets__spiral": {"source": "arrays", "first": "a.npy"}},
            ["datasets.spiral", "needs first and second"],
        ),
        ({"experiment_blocks__digits__analyses": ["mask"]}, ["analyses", "'mask'", "'spectra'"]),
    ],
)  # fmt: skip
def test_bad_configuration_is_named(changes, said):
    with pytest.raises(InputError) as caught:
        check(config_with(**changes))
    message = str(caught.value)
    for part in (*said, "config.yaml"):
        assert part in message
    assert all(line.startswith("config.yaml: ") for line in message.split("\n"))


def test_later_keys_of_an_attack_change_nothing_of_what_made_older_results():
    attack = check(config_with())["digits"].attacks["pgd"]
    older = {"attack": "LinfProjectedGradientDescentAttack", "arguments": {}, "epsilon": 0.15}
    assert attack.settings == older
    assert attack.model_copy(update={"one_at_a_time": True}).settings["one_at_a_time"]


def test_overrides_hold_for_their_experiment_alone():
    settings = check(config_with())
    assert settings["digits"].attacks["pgd"].epsilon == 0.15
    assert settings["table2"].attacks["pgd"].epsilon == 0.01
    overrides = {"recipe": {"epochs": 3}, "classifiers": {"cct7": {"recipe": {"epochs": 4}}}}
    settings = check(config_with(experiment_blocks__table2__overrides=overrides))
    epochs = [one.recipe.epochs for one in settings["table2"].classifiers.values()]
    assert epochs == [3, 4], "a classifier's own override lies over that of all"
    assert settings["table3"].classifiers["resnet18"].recipe.epochs == 20


def test_a_recipe_of_all_trains_none_whose_weights_are_used_as_they_are():
    changes = {"experiment_blocks__table2__overrides": {"recipe": {"epochs": 3}}}
    config = config_with(**changes)
    del config["classifiers"]["cct7"]["recipe"]
    assert check(config)["table2"].classifiers["cct7"].recipe is None


def test_a_family_is_an_experiment_for_each_of_its_datasets():
    config = config_with(experiments=["paper2", "digits", "paper2_svhn"])
    settings = check(config)
    assert [one.name for one in selected(config, settings)] == [
        "paper2_cifar10", "paper2_cifar100", "paper2_mnist", "paper2_fashion_mnist", "paper2_svhn",
        "digits",
    ]  # fmt: skip
    svhn = settings["paper2_svhn"]
    assert (svhn.dataset_name, svhn.images, svhn.execution.images_per_shard) == ("svhn", 1000, 100)
    assert settings["table2"].images == 10000


def test_normalisation_is_the_dataset_s_unless_the_classifier_has_its_own():
    settings = check(config_with())
    zoo = settings["digits_zoo"].classifiers["fully_connected_1_relu"]
    assert (zoo.normalisation.mean, zoo.normalisation.std) == ([0.3053], [0.3763])
    assert settings["digits"].classifiers["small_cnn"].normalisation is None
    assert settings["table3"].classifiers["resnet18"].normalisation.mean == [0.485, 0.456, 0.406]
    models = settings["paper2_imagenet"].classifiers
    assert models["mixer_b16_224"].normalisation.std == [0.5, 0.5, 0.5]
    assert models["resnet50d"].normalisation.std == [0.229, 0.224, 0.225]


def test_a_recipe_of_all_is_also_of_the_zoo_s_networks_under_names_of_their_own():
    zoo = check(config_with())["digits_zoo"].classifiers
    assert zoo["local_convolution_1_linear_kernel5"].recipe.epochs == 30
    assert zoo["local_convolution_1_linear"].recipe.epochs == 30


def test_a_recipe_of_the_zoo_follows_network_and_dataset():
    overrides = {"classifiers": {"full_convolution_3_relu": {"recipe": {"epochs": 40}}}}
    settings = check(config_with(experiment_blocks__paper2__overrides=overrides))
    mnist, cifar = (
        settings[f"paper2_{name}"].classifiers["full_convolution_3_relu"].recipe
        for name in ("mnist", "cifar10")
    )
    assert (mnist.learning_rate, mnist.batch_size, mnist.epochs) == (0.002, 100, 40)
    assert (cifar.batch_size, cifar.milestones, cifar.momentum) == (128, [20, 30], 0.0)


def test_the_user_of_snakemake_sees_the_sentence_and_no_traceback(project):
    project.configure({"masks": {"penatly": 1}})
    done = project.snakemake("-n", check=False)
    assert done.returncode != 0
    output = done.stdout + done.stderr
    assert "idbias: config.yaml: unknown key 'masks.penatly'; did you mean 'penalty'?" in output
    assert "Traceback" not in output
    assert "pydantic" not in output


def test_parsing_the_configuration_imports_no_torch(project):
    # In a script of its own: this test session may have imported torch long ago.
    import subprocess
    import sys

    code = (
        "import sys; sys.path.insert(0, 'workflow_scripts'); import idbias.config.checking; "
        "print([name for name in ('torch', 'numpy', 'pandas', 'foolbox') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project.folder, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]", done.stderr
