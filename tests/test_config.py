"""Bad configuration ends in one sentence that names the key and what is allowed."""

from pathlib import Path

import pytest
import yaml

from idbias.config.checking import check
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
        ({"correlation__shuffles": 1}, ["correlation.shuffles is 1", "greater than or equal to 2"]),
        ({"correlation__mu_fraction": 1.0}, ["correlation.mu_fraction is 1.0", "less than 1"]),
        ({"correlation__shuffles": True}, ["correlation.shuffles is True", "integer"]),
        ({"experiments": ["digit"]}, ["there is no experiment 'digit'", "did you mean 'digits'?"]),
        ({"experiments": []}, ["experiments is []", "at least 1 item"]),
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
        ({"experiment_blocks__digits__overrides": {"mask": {}}}, ["no section to override 'mask'", "masks"]),
        (
            {"experiment_blocks__digits__overrides": {"masks": {"penalty": "x"}}},
            ["experiment_blocks.digits.overrides", "masks.penalty is 'x'"],
        ),
        ({"datasets__digits__images": 2000}, ["datasets.digits.images is 2000", "1197"]),
        ({"datasets__digits__source": "didgits"}, ["datasets.digits.source is 'didgits'", "'digits'"]),
        ({"attacks__fmn": {"arguments": {}}}, ["'attacks.fmn.attack' is missing"]),
        ({"experiment_blocks__spiral__attacks": ["fmn"]}, ["experiment_blocks.spiral", "no images"]),
        ({"datasets__my set": {"source": "digits"}}, ["my set", "letters, digits"]),
        (
            {"datasets__spiral": {"source": "arrays", "first": "a.npy"}},
            ["datasets.spiral", "needs first and second"],
        ),
        ({"experiment_blocks__digits__analyses": ["mask"]}, ["analyses", "'mask'", "'spectra'"]),
        (
            {"classifiers__small_cnn__recipe__like": "paper2"},
            ["classifiers.small_cnn.recipe is like paper2", "full_convolution_1_relu"],
        ),
    ],
)  # fmt: skip
def test_bad_configuration_is_named(changes, said):
    with pytest.raises(InputError) as caught:
        check(config_with(**changes))
    message = str(caught.value)
    for part in (*said, "config.yaml"):
        assert part in message
    assert "\n" not in message


def test_a_star_stands_for_all_that_the_experiment_uses():
    overrides = {"attacks": {"*": {"epsilon": 0.5}, "pgd": {"epsilon": 0.2}}}
    settings = check(config_with(experiment_blocks__digits__overrides=overrides))
    epsilons = {name: attack.epsilon for name, attack in settings["digits"].attacks.items()}
    assert epsilons == {"fmn": 0.5, "pgd": 0.2, "deepfool": 0.5}
    assert settings["table2"].attacks["pgd"].epsilon == 0.01, "of another experiment"


def test_a_recipe_like_paper_2_s_follows_network_and_dataset():
    changed = {"classifiers__full_convolution_3_relu__recipe": {"like": "paper2", "epochs": 40}}
    settings = check(config_with(**changed))
    mnist, cifar = (
        settings[f"paper2_{name}"].classifiers["full_convolution_3_relu"].recipe
        for name in ("mnist", "cifar10")
    )
    assert (mnist.learning_rate, mnist.batch_size, mnist.epochs) == (0.002, 100, 40)
    assert (cifar.batch_size, cifar.milestones, cifar.momentum) == (128, [20, 30], 0.0)
    assert "like" not in mnist.model_dump()


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
