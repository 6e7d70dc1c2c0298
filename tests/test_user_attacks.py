"""What users bring as an attack, and what attacks do to few images: a right number, or one sentence."""

import foolbox
import numpy as np
import pytest
import torch
from user_attacks import Classifier

from idbias.attacks import adversarial_images, batched, brendel_bethge
from idbias.attacks.perturbations import succeeded
from idbias.classifiers.networks.by_name import build
from idbias.config.schema_attacks import Attack
from idbias.errors import InputError

IMAGES = np.random.default_rng(0).uniform(0.3, 0.7, (8, 1, 4, 4)).astype(np.float32)
# Three bright ones, on which the attacks here fail.
IMAGES[:, 0, 0, 0] = [0.6, 0.4, 0.6, 0.4, 0.4, 0.6, 0.4, 0.4]
BRIGHT = IMAGES[:, 0, 0, 0] > 0.5
LABELS = (IMAGES.mean((1, 2, 3)) > 0.5).astype(np.int64)


class AlwaysZero(Classifier):
    """Class 0, whatever the image: no attack finds anything."""

    def forward(self, x):
        zero = 0 * x.flatten(1).sum(1)
        return torch.stack([zero + 1, zero], dim=1)


ALONE = {"one_at_a_time": True}
ZERO = {"classifier": AlwaysZero().eval(), "labels": np.zeros(8, np.int64)}


def run(attack, images=IMAGES, labels=LABELS, classifier=None, **settings):
    settings = {"attack": attack, "arguments": {}, "epsilon": None, **settings}
    return batched.run(
        classifier or Classifier().eval(), images, labels, np.arange(len(images)), settings, seed=0,
        batch_size=settings.pop("batch_size", 4), label="mine 00000-00007",
    )  # fmt: skip


@pytest.mark.parametrize(
    "attack", ["LInfFMNAttack", "user_attacks:shift", "file", "L2BrendelBethgeAttack"]
)
def test_a_shard_without_an_image_is_a_shard(attack, tmp_path):
    nothing = IMAGES[:0], LABELS[:0], np.arange(0)
    settings = {"attack": attack, "arguments": {}, "epsilon": None}
    if attack == "file":
        from idbias import files

        files.write(tmp_path / "images.h5", {"adversarial": IMAGES, "index": np.arange(8)}, {})
        found = adversarial_images.run(Classifier().eval(), *nothing, tmp_path / "images.h5")
    elif "Brendel" in attack:
        found = brendel_bethge.run(Classifier().eval(), *nothing, settings, seed=0)
    else:
        found = batched.run(Classifier().eval(), *nothing, settings, seed=0)
    assert found["adversarial"].shape == (0, 1, 4, 4)
    assert found["adversarial"].dtype == np.float32
    kinds = {"adversarial_class": np.int64, "success": bool, "l2": np.float32, "linf": np.float32}
    for name, kind in kinds.items():
        assert found[name].shape == (0,)
        assert found[name].dtype == kind


@pytest.mark.parametrize(
    ("attack", "settings", "said"),
    [
        ("Fails", {}, r"failed on mine 00000-00007 \(ValueError: no starting point\); .* one_at_a_time: true"),
        ("Fails", {"arguments": {"error": "MemoryError"}}, "lower execution.attack_batch, now 4"),
        ("Fails", {"arguments": {"message": "out of memory"}}, "lower execution.attack_batch, now 4"),
        ("Fails", {"arguments": {"error": "TypeError"}, **ALONE}, "fix the attack or its arguments"),
        ("nan_on_bright", {}, "not finite; where it fails on an image it must return that image"),
        ("OfFoolbox", {"arguments": {"returns": "out of range"}}, r"they must lie in \[0, 1\]"),
        ("foolbox GenAttack", {"epsilon": 0.3}, r"mine 00000-00007 \(ValueError: unsupported criterion"),
        ("foolbox GenAttack", {"epsilon": 0.3, **ALONE}, "fix the attack or its arguments"),
        ("foolbox BoundaryAttack", {"arguments": {"steps": 3}, **ZERO}, "mine 00000-00007 .*ValueError"),
        ("foolbox LinfPGD", {"epsilon": 8.0}, "epsilon 8, but perturbations .* 1 at most; .* 8/255"),
        ("foolbox L2PGD", {"epsilon": 5.0}, "are 4 at most"),
        ("shift", {"epsilon": 1.5, "norm": "linf"}, "are 1 at most"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_an_attack_that_fails_gets_one_sentence(attack, settings, said):
    name = attack.removeprefix("foolbox ") if " " in attack else f"user_attacks:{attack}"
    with pytest.raises(
        InputError,
        match=said,
    ) as caught:
        run(name, **settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("attack", "settings"),
    [
        ("user_attacks:Fails", {"one_at_a_time": True}),
        ("user_attacks:nan_on_bright", {"one_at_a_time": True}),
        ("user_attacks:OfFoolbox", {"arguments": {"returns": "nan"}}),
        ("user_attacks:OfFoolbox", {"arguments": {"returns": "black"}}),
    ],
)
def test_where_an_attack_fails_the_others_count(attack, settings, capsys):
    found = run(attack, **settings)
    np.testing.assert_array_equal(found["failed"], BRIGHT)
    np.testing.assert_array_equal(found["success"], ~BRIGHT)
    np.testing.assert_array_equal(found["adversarial"][BRIGHT], IMAGES[BRIGHT])
    np.testing.assert_allclose(found["linf"][~BRIGHT], 0.4, atol=1e-6)
    assert "the attack failed on 3 of 8 images" in capsys.readouterr().err


def test_black_that_is_clipped_towards_the_image_is_no_success_either():
    found = run("user_attacks:OfFoolbox", arguments={"returns": "black"}, epsilon=0.45)
    np.testing.assert_array_equal(found["failed"], BRIGHT)
    assert not found["success"][BRIGHT].any()


def test_carlini_wagner_that_finds_nothing_has_no_success():
    """It returns black images, which are of class 0, other than the label."""
    bright = np.clip(IMAGES + 0.3, 0, 0.99).astype(np.float32)
    arguments = {"steps": 2, "binary_search_steps": 1, "initial_const": 1e-9}
    found = run(
        "L2CarliniWagnerAttack",
        bright,
        np.ones(8, np.int64),
        Classifier().eval(),
        arguments=arguments,
    )
    assert found["failed"].all()
    assert not found["success"].any()
    np.testing.assert_array_equal(found["adversarial"], bright)


@pytest.mark.parametrize(
    ("attack", "said"),
    [
        ("user_attacks:OwnGenerator", "at another place in its batch: it draws from a generator of its own"),
        ("user_attacks:left_training", "leaves the classifier in training mode"),
    ],
)  # fmt: skip
def test_an_attack_whose_images_depend_on_their_batch_is_refused(attack, said):
    with pytest.raises(InputError, match=said):
        run(attack)


def test_with_one_at_a_time_a_generator_of_its_own_knows_of_no_other_image():
    whole = run("user_attacks:OwnGenerator", **ALONE)["adversarial"]
    half = run("user_attacks:OwnGenerator", IMAGES[4:], LABELS[4:], **ALONE)["adversarial"]
    assert np.array_equal(whole[4:], half)


def test_whole_numbers_are_drawn_by_keyword_too():
    found = run("user_attacks:whole_numbers")["adversarial"] - IMAGES
    assert set(found.round(3).ravel()) == {0.0, np.float32(0.2)}


def test_carlini_wagner_ends_each_image_by_itself():
    settings = {"arguments": {"steps": 20, "stepsize": 0.02, "binary_search_steps": 2}}
    eight = run("L2CarliniWagnerAttack", batch_size=8, **settings)["adversarial"]
    two = run("L2CarliniWagnerAttack", batch_size=2, **settings)["adversarial"]
    np.testing.assert_allclose(eight, two, atol=1e-5)
    with pytest.raises(ValueError, match="abort_early ends the search of all images"):
        Attack(attack="L2CarliniWagnerAttack", arguments={"abort_early": True})


def test_attacks_of_any_norm_are_of_l2():
    assert run("InversionAttack")["success"].any()
    assert run("InversionAttack", arguments={"distance": "linf"})["success"].any()
    mine = Attack(attack="InversionAttack", arguments={"distance": "linf"})
    assert (mine.perturbation_norm, Attack(attack="InversionAttack").perturbation_norm) == (
        "linf",
        "l2",
    )


def test_an_image_that_is_not_changed_is_no_success():
    found = run("user_attacks:unchanged", labels=1 - LABELS)
    assert (found["adversarial_class"] != 1 - LABELS).all()
    assert not found["success"].any()


def test_logits_that_are_not_finite_are_no_success():
    found = run(
        "user_attacks:everything_above",
        labels=np.zeros(8, np.int64),
        classifier=Classifier(broken=0.9).eval(),
    )
    np.testing.assert_array_equal(found["adversarial_class"], -1)
    assert not found["success"].any()


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_a_perturbation_beyond_epsilon_is_no_success(norm):
    """A quarter at each of 16 pixels."""
    size = {"linf": 0.25, "l2": 1.0, "l1": 4.0}[norm]
    for epsilon, expected in ((size, True), (0.99 * size, False)):
        found = run("user_attacks:shift", arguments={"by": 0.25}, epsilon=epsilon, norm=norm)
        assert (found["success"] == expected).all()
    assert run("user_attacks:shift", epsilon=0.1)["success"].all()  # in which norm is not said


@pytest.mark.parametrize("p", ["Linf", "L2", "L1"])
def test_foolbox_s_own_stay_within_epsilon_however_small(p):
    """Rounding of float32 pixels is no excess."""
    torch.manual_seed(0)
    network = build("small_cnn", (1, 8, 8), 10).eval().requires_grad_(False)
    images = np.random.default_rng(1).uniform(0, 1, (16, 1, 8, 8)).astype(np.float32)
    with torch.no_grad():
        labels = network(torch.tensor(images)).argmax(1).numpy()
    for epsilon in (1e-4, 1e-2, 0.5):
        settings = {"epsilon": epsilon, "arguments": {"steps": 5}}
        found = run(f"{p}ProjectedGradientDescentAttack", images, labels, network, **settings)
        other = found["adversarial_class"] != labels
        np.testing.assert_array_equal(found["success"], other)


def test_what_a_success_is():
    clean = IMAGES[:6]
    made = np.clip(clean + 0.1, 0, 1)
    made[1] = clean[1]
    made[2, 0, 1, 1] = np.nan
    made[3, 0, 1, 1] = 1.5
    made[4] = 0.5
    classes = np.array([1, 1, 1, 1, 1, -1])
    found = succeeded(clean, made, classes, np.zeros(6, np.int64))
    assert found.tolist() == [True, False, False, False, False, False]


@pytest.mark.parametrize("attack", ["LInfFMNAttack", "LinfDeepFoolAttack", "LinfPGD", "L1PGD"])
@pytest.mark.parametrize("name", ["small_cnn", "full_convolution_1_relu"])
def test_a_last_batch_that_is_not_filled_up_gives_the_same_bits(attack, name, monkeypatch):
    torch.manual_seed(0)
    network = build(name, (1, 8, 8), 10).eval().requires_grad_(False)
    images = np.random.default_rng(1).uniform(0, 1, (43, 1, 8, 8)).astype(np.float32)
    with torch.no_grad():
        labels = network(torch.tensor(images)).argmax(1).numpy()
    settings = {
        "epsilon": 0.05 if "PGD" in attack else None,
        "arguments": {"steps": 8},
        "batch_size": 32,
    }
    seen = []
    network.register_forward_pre_hook(lambda module, given: seen.append(len(given[0])))
    found = run(attack, images, labels, network, **settings)
    monkeypatch.setattr(batched, "last_batch", lambda *_: 32)
    full = run(attack, images, labels, network, **settings)
    for key, values in full.items():
        np.testing.assert_array_equal(found[key], values)
    assert 16 in seen


def test_a_network_that_rounds_otherwise_in_small_batches_gets_full_ones():
    class Rounds(AlwaysZero):
        def forward(self, x):
            return super().forward(x) * (1 + 1e-6 * (len(x) < 32))

    assert batched.last_batch(Rounds(), IMAGES, LABELS, 32) == 32
    assert batched.last_batch(AlwaysZero(), IMAGES, LABELS, 32) == 8
    assert batched.last_batch(AlwaysZero(), IMAGES, LABELS, 8) == 8


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"epsilon": -0.1}, "greater than 0"),
        ({"epsilon": 8}, r"epsilon is 8, but images lie in \[0, 1\].* such as 0.031373 for 8/255"),
        ({"epsilon": [0.1, 8]}, "epsilon is 8"),
        ({"epsilon": float("nan")}, "finite"),
        ({"epsilon": float("inf")}, "finite"),
        ({"arguments": {"steps": 0}}, "arguments.steps is 0; it must be a whole number, 1 or more"),
        ({"arguments": {"steps": True}}, "arguments.steps is True"),
        ({"arguments": {"steps": "ten"}}, "arguments.steps is 'ten'"),
        ({"arguments": {"steps": 10.5}}, "arguments.steps is 10.5"),
        (
            {"arguments": {"rel_stepsize": -0.1}},
            "arguments.rel_stepsize is -0.1; it must be above 0",
        ),
        ({"arguments": {"adam_beta1": 1.5}}, "it must be from 0 to 1"),
        ({"norm": "l2"}, "norm is l2, but foolbox's LinfPGD is of linf"),
        ({"norm": "l7"}, "Input should be 'linf', 'l2' or 'l1'"),
    ],
)
def test_values_that_nobody_can_mean_are_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        Attack(**{"attack": "LinfPGD", "epsilon": 0.1, **settings})


def test_only_foolbox_s_attacks_have_a_norm_without_saying_so():
    own = {"attack": "user_attacks:GradientHead"}
    assert Attack(**own).perturbation_norm is None
    assert Attack(**own, norm="linf", epsilon=0.1).settings["norm"] == "linf"
    with pytest.raises(ValueError, match="epsilon is 8"):
        Attack(**own, norm="linf", epsilon=8.0)
    assert Attack(**own, epsilon=8.0).perturbation_norm is None
    base = foolbox.attacks.base.Attack
    names = {None: None, np.inf: "linf", 2: "l2", 1: "l1"}
    for name, attack in vars(foolbox.attacks).items():
        kept = getattr(getattr(attack, "distance", None), "p", None)
        # HopSkipJump's class says l1 and measures l2, as its constraint does.
        if isinstance(attack, type) and issubclass(attack, base) and kept in (1, 2, np.inf):
            expected = "l2" if name == "HopSkipJumpAttack" else names[kept]
            assert Attack(attack=name).perturbation_norm == expected, name
