"""What users bring as a network: a right number, or one sentence that helps."""

import numpy as np
import pytest
import torch
from torch import nn

from idbias.classifiers import models, training
from idbias.classifiers.networks.by_name import NETWORKS, build
from idbias.classifiers.predictions import tell_accuracy
from idbias.classifiers.probe import probe, three_of
from idbias.config.schema_entries import Recipe
from idbias.errors import InputError

IMAGES = np.random.default_rng(0).random((7, 1, 8, 8), np.float32)


def classifier(network, arguments=None, seed=0):
    settings = {
        "network": f"user_networks:{network}", "arguments": arguments or {}, "normalisation": None,
    }  # fmt: skip
    return models.make(settings, (1, 8, 8), 10, seed).eval()


def one_sentence(error, *parts):
    text = str(error.value)
    assert "\n" not in text
    assert text.count("config.yaml") == 1
    for part in parts:
        assert part in text, text


WRONG = {
    "tuple": "a tuple of 2 things; its forward must return only the logits",
    "dict": "a dict with the keys logits, features",
    "object": "a SimpleNamespace, whose logits are its .logits",
    "nothing": "returned nothing",
    "numpy": "returned a ndarray",
    "three axes": "returned shape (3, 10, 1), but the dataset has 10 classes",
    "transposed": "returned shape (10, 3)",
    "no classes": "returned shape (3, 0)",
    "squeezed": "given 1 image of shape (1, 1, 8, 8), returned shape (10,); it must return (1, 10)",
    "not finite": "returned 30 of 30 logits that are not finite",
    "one not finite": "logits that are not finite",
    "batch mean": "gives an image by itself other logits than among others",
    "batch norm": "given 1 image of shape (1, 1, 8, 8), raised ValueError: Expected more than 1",
    "softmax over images": "gives an image by itself other logits",
    "dropout": "by itself",
    "rare dropout": "other logits",
    "python's chance": "other logits",
    "remembers": "other logits",
    "no_grad": "has no gradient at the image",
    "threshold": "has no gradient at the image; attacks and masks follow",
    "rounding": "has a gradient of zero at each image",
    "root": "has a gradient at the image that is not finite",
    "half": "returned logits of torch.float16",
    "double": "returned logits of torch.float64 on cpu; they must be torch.float32",
    "raises": "raised AttributeError: 'Wrong' object has no attribute 'missing'",
}


@pytest.mark.parametrize("what", WRONG)
def test_a_network_that_answers_wrongly_gets_one_sentence(what):
    network = classifier("Wrong", {"what": what})
    with pytest.raises(InputError) as caught:
        probe(network, three_of(IMAGES), 10, "user_networks:Wrong")
    one_sentence(caught, "network user_networks:Wrong, given ", WRONG[what])


NOT_BUILT = {
    "ManyImages": "given 1 image of shape (1, 1, 8, 8), raised ValueError: Expected more than 1",
    "StaysInTraining": "stays in training mode after eval()",
    "OwnBatchNorm": "batch statistics",
    "of_double": "network.layer.weight, network.layer.bias is torch.float64, but torch.float32",
    "of_half_inside": "network.unused is torch.bfloat16",
    "five_classes": "returned shape (3, 5), but the dataset has 10 classes",
    "too_small": "given 3 images of shape (3, 1, 8, 8), raised RuntimeError",
    "three_channels": "raised RuntimeError",
    "no_module": "builds a function; its constructor must return one torch.nn.Module",
    "a_pair": "builds a tuple",
    "a_bug": "cannot be built for images of shape (1, 8, 8) and 10 classes (TypeError",
}


@pytest.mark.parametrize("network", NOT_BUILT)
def test_a_network_that_is_built_wrongly_gets_one_sentence(network):
    with pytest.raises(InputError) as caught:
        probe(classifier(network), three_of(IMAGES), 10, f"user_networks:{network}")
    one_sentence(caught, f"network user_networks:{network}", NOT_BUILT[network])


def test_images_changed_in_place_are_noticed_where_nothing_copies_them():
    """A normalisation makes a copy, so that this happens to a bare network only."""
    with pytest.raises(InputError, match="changed the images it was given, in place") as caught:
        probe(classifier("Wrong", {"what": "in place"}).network, three_of(IMAGES), 10, "bare")
    one_sentence(caught, "x = x - mean, not x -= mean")


def test_probabilities_get_a_warning_and_log_probabilities_none():
    (warning,) = probe(classifier("Softmax"), three_of(IMAGES), 10, "user_networks:Softmax")
    assert "leave out the softmax" in warning
    assert probe(classifier("LogSoftmax"), three_of(IMAGES), 10, "any") == []


@pytest.mark.parametrize("network", ["Linear", "DropoutOff", "lazy", "TwoHeads", "Spectral"])
def test_a_right_network_comes_back_from_its_file_and_gives_its_own_numbers(network, tmp_path):
    made, path = classifier(network), tmp_path / "classifier.h5"
    probe(made, three_of(IMAGES), 10, network)
    settings = {"network": f"user_networks:{network}", "arguments": {}, "normalisation": None}
    models.save(path, made, settings, (1, 8, 8), 10, [], {})
    loaded = models.load(path, images=IMAGES)
    with torch.no_grad():
        assert torch.equal(loaded(torch.tensor(IMAGES)), made(torch.tensor(IMAGES)))


def saved(network, path, seed):
    trained = classifier(network, seed=seed)
    settings = {"network": f"user_networks:{network}", "arguments": {}, "normalisation": None}
    models.save(path, trained, settings, (1, 8, 8), 10, [], {"seed": seed})
    return trained


@pytest.mark.parametrize("network", ["DrawnOnce", "Masked"])
def test_what_a_constructor_draws_comes_back_with_its_seed(network, tmp_path):
    trained = saved(network, tmp_path / "c.h5", seed=3)
    loaded = models.load(tmp_path / "c.h5")
    images = torch.as_tensor(IMAGES)
    assert torch.equal(trained(images), loaded(images))
    models.check_loaded(trained, loaded, IMAGES, network)


def test_what_no_seed_decides_is_refused(tmp_path):
    trained = saved("Unknowable", tmp_path / "c.h5", seed=3)
    with pytest.raises(InputError) as error:
        models.check_loaded(trained, models.load(tmp_path / "c.h5"), IMAGES, "Unknowable")
    one_sentence(error, "answers otherwise once it was saved and loaded", "register_buffer it")


def test_a_batch_of_one_that_cannot_be_trained_on_is_said_before_training():
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Linear(8, 10))
    recipe = Recipe(batch_size=3, epochs=1, augment=False)
    with pytest.raises(InputError, match="7 training images in batches of 3 leave one over"):
        training.train(network, IMAGES, np.arange(7), recipe, seed=0)
    training.train(network, IMAGES[:6], np.arange(6), recipe, seed=0)


def test_a_classifier_s_file_is_probed_where_it_is_read(tmp_path, capsys):
    for network, arguments in (("Softmax", {}), ("Wrong", {"what": "rounding"})):
        settings = {
            "network": f"user_networks:{network}", "arguments": arguments, "normalisation": None,
        }  # fmt: skip
        path = tmp_path / f"{network}.h5"
        models.save(path, classifier(network, arguments), settings, (1, 8, 8), 10, [], {})
    models.load(tmp_path / "Softmax.h5", images=IMAGES)
    assert (
        "warning: config.yaml, classifiers: network user_networks:Softmax"
        in capsys.readouterr().err
    )
    with pytest.raises(InputError, match="gradient of zero"):
        models.load(tmp_path / "Wrong.h5", images=IMAGES[:1])


def test_what_is_not_trained_yet_may_have_a_gradient_of_zero():
    made = classifier("Linear")
    nn.init.zeros_(made.network.layer.weight)
    assert probe(made, IMAGES[:3], 10, "zero head", trained=False) == []
    with pytest.raises(InputError, match="gradient of zero"):
        probe(made, IMAGES[:3], 10, "zero head")


@pytest.mark.parametrize("name", [name for name in NETWORKS if not name.startswith("cct")])
def test_networks_of_idbias_pass(name):
    torch.manual_seed(0)
    assert probe(build(name, (1, 8, 8), 10).eval(), IMAGES[:3], 10, name) == []


def test_a_class_needs_finite_logits():
    logits = torch.tensor([[0.0, 2, 1], [torch.nan, 0, 0], [0, torch.inf, 0]])
    assert models.classes_of(logits).tolist() == [1, -1, -1]


@pytest.mark.parametrize(
    ("accuracy", "images", "claimed", "said"),
    [
        (0.92, 1000, None, ""),
        (0.92, 1000, 0.945, ""),
        (
            0.392,
            1000,
            0.656,
            "WARNING: its checkpoint is said to have 65.6%; look at normalisation",
        ),
        (0.11, 1000, 0.9, "WARNING: that is near chance (10.0%)"),
        (0.9, 40, None, "standard error is 4.7%"),
    ],
)
def test_an_accuracy_is_told_with_what_is_odd_about_it(accuracy, images, claimed, said, capsys):
    lines = tell_accuracy(accuracy, images, 10, "mine", claimed)
    assert lines[0].startswith(f"mine: test accuracy {accuracy:.1%}")
    warnings = " ".join(lines).count("WARNING") + len(lines) - 1
    assert warnings == bool(said)
    assert said in " ".join(lines)
    assert capsys.readouterr().err.splitlines() == lines


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 9, 10, 11, 40])
def test_one_cycle_climbs_and_descends_in_any_number_of_steps(steps):
    recipe = Recipe(schedule="onecycle", learning_rate=0.1, epochs=steps)
    optimizer = training.make_optimizer(recipe, [nn.Parameter(torch.zeros(1))])
    scheduler = training.make_scheduler(recipe, optimizer, 1)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if scheduler:
            scheduler.step()
    assert max(rates) == pytest.approx(0.1, rel=0.03)
    assert steps < 3 or rates[0] < 0.01
    assert steps < 3 or rates[-1] < 0.001
