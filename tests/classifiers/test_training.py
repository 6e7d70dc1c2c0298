"""Training follows its recipe, and a killed run ends with the weights it would have had."""

import copy
import os
import re
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import standin
import torch
import torch.nn.functional as F
import yaml
from sklearn.datasets import load_digits
from torch import nn

from idbias.classifiers.networks.resnet import resnet
from idbias.classifiers.training import (
    PADDING,
    Training,
    flip_and_crop,
    measure_accuracy,
    quicker,
    train,
    train_epoch,
)  # fmt: skip
from idbias.config.schema_entries import Recipe
from idbias.errors import InputError

QUICK = Recipe(
    learning_rate=0.05, batch_size=32, epochs=3, milestones=[2], weight_decay=1e-3, augment=True
)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """So small a network is slower on several; and as many threads are part of bit-identity."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.1), nn.Flatten(),
        nn.Linear(512, 10),
    )  # fmt: skip


def digits(number=300):
    images, labels = load_digits(return_X_y=True)
    images = (images[:number] * 255 / 16).astype(np.uint8)
    return images.reshape(-1, 1, 8, 8), labels[:number].astype(np.int64)


def same(one, other):
    state = other.state_dict()
    return all(torch.equal(value, state[name]) for name, value in one.state_dict().items())


def test_resnet20_improves_each_epoch_and_its_history_says_so():
    images, labels = digits(1500)
    torch.manual_seed(0)
    trained = resnet(20, (1, 8, 8))
    recipe = Recipe(learning_rate=0.05, batch_size=64, epochs=3, augment=False)
    tests = images[1000:], labels[1000:]
    history = train(
        trained, images[:1000], labels[:1000], recipe, seed=1, test_images=tests[0],
        test_labels=tests[1],
    )  # fmt: skip
    assert [row["epoch"] for row in history] == [1, 2, 3]
    for earlier, later in pairwise(history):
        assert later["loss"] < earlier["loss"]
        assert later["test_accuracy"] > earlier["test_accuracy"]
    assert history[-1]["train_accuracy"] > 0.9
    assert not trained.training
    found = measure_accuracy(trained, *map(torch.tensor, tests))
    assert found == history[-1]["test_accuracy"]


@pytest.mark.parametrize("momentum", [0.9, 0.0])
def test_steps_with_momentum_and_weight_decay_are_the_textbooks(momentum):
    images, labels = digits(64)
    plain = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    weight, bias = (value.detach().double() for value in plain[1].parameters())
    x, y = torch.tensor(images).reshape(64, 64) / 255.0, F.one_hot(torch.tensor(labels), 10)
    velocity = [torch.zeros_like(weight), torch.zeros_like(bias)]
    for epoch in range(5):
        error = (x.double() @ weight.T + bias).softmax(1) - y
        gradients = [error.T @ x.double() / 64 + 0.01 * weight, error.mean(0) + 0.01 * bias]
        velocity = [
            momentum * v + gradient for v, gradient in zip(velocity, gradients, strict=True)
        ]
        rate = 0.1 * 0.1 ** ((epoch >= 2) + (epoch >= 4))
        weight, bias = weight - rate * velocity[0], bias - rate * velocity[1]
    recipe = Recipe(
        batch_size=64,
        epochs=5,
        milestones=[2, 4],
        weight_decay=0.01,
        augment=False,
        momentum=momentum,
    )
    history = train(plain, images, labels, recipe, seed=0)
    assert [row["learning_rate"] for row in history] == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001])
    torch.testing.assert_close(plain[1].weight.double(), weight, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(plain[1].bias.double(), bias, rtol=1e-4, atol=1e-6)


def test_flips_and_crops_are_those_of_a_plain_loop():
    generator = torch.Generator().manual_seed(0)
    batch = torch.rand(200, 3, 6, 7, generator=generator)
    draws = torch.rand(200, 3, generator=generator)
    found = flip_and_crop(batch, draws)
    seen = set()
    for image, (flip, down, right), cropped in zip(batch, draws.tolist(), found, strict=True):
        down, right = int(down * 9), int(right * 9)
        padded = np.pad(image.numpy(), [(0, 0), (PADDING, PADDING), (PADDING, PADDING)])
        expected = padded[:, down : down + 6, right : right + 7]
        np.testing.assert_array_equal(cropped, expected[:, :, ::-1] if flip < 0.5 else expected)
        seen.add((flip < 0.5, down, right))
    assert len(seen) > 100


def test_head_alone_is_trained_and_batch_norm_stands_still():
    images, labels = digits()
    trained = network()
    before = copy.deepcopy(trained.state_dict())
    train(
        trained,
        images,
        labels,
        Recipe(optimizer="adam", learning_rate=0.01, epochs=1, trainable="head"),
        seed=0,
    )
    changed = {k for k, v in trained.state_dict().items() if not torch.equal(v, before[k])}
    assert changed == {"5.weight", "5.bias"}


def test_floating_images_train_as_their_bytes_do():
    images, labels = digits()
    one, other = network(), network()
    train(one, images, labels, QUICK, seed=0)
    train(other, images * np.float32(1 / 255), labels, QUICK, seed=0)
    assert same(one, other)


def test_the_configured_recipes_are_those_of_appendix_a1():
    config = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())
    recipes = {
        name: Recipe(**config["classifiers"][name]["recipe"])
        for name in ("resnet20", "cct7", "resnet18")
    }
    resnet, cct, head = recipes.values()
    assert (resnet.optimizer, resnet.learning_rate, resnet.epochs) == ("sgd", 0.1, 200)
    assert (resnet.schedule, resnet.milestones, resnet.weight_decay) == ("steps", [100, 150], 1e-4)
    assert (cct.optimizer, cct.learning_rate, cct.epochs) == ("adam", 1e-6, 50)
    assert cct.schedule == "constant"
    assert (head.optimizer, head.learning_rate, head.epochs) == ("adam", 0.01, 20)
    assert (head.schedule, head.trainable) == ("onecycle", "head")
    # On which the appendix is silent: the authors' code.
    assert (resnet.augment, cct.augment, head.augment) == (True, True, False)
    assert cct.weight_decay == head.weight_decay == 0


KILLED = """
import sys, time
sys.path[:0] = {paths!r}
import torch
import test_training as tests
from idbias.classifiers import training

def slow(*arguments):
    tests_save(*arguments)
    print(len(arguments[-1]), flush=True)
    time.sleep(60)

torch.set_num_threads(1)
tests_save, training.save_checkpoint = training.save_checkpoint, slow
training.train(tests.network(), *tests.digits(), tests.{recipe}, seed=3, checkpoint={checkpoint!r})
"""
ONE_CYCLE = Recipe(
    optimizer="adam", learning_rate=0.01, batch_size=32, epochs=3, schedule="onecycle"
)


def test_killed_runs_resume_bit_identically(tmp_path, capsys):
    signals = {"QUICK": signal.SIGKILL, "ONE_CYCLE": signal.SIGTERM}
    processes = {}
    for recipe in signals:  # side by side: most of their time is importing torch
        code = KILLED.format(
            paths=[os.path.dirname(__file__), *sys.path], recipe=recipe,
            checkpoint=str(tmp_path / recipe),
        )  # fmt: skip
        processes[recipe] = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
        )
    for recipe, process in processes.items():
        assert process.stdout.readline() == "1\n"
        process.send_signal(signals[recipe])
        # At once: it sleeps for a minute after its first epoch.
        assert process.wait(timeout=30) == -signals[recipe]

    for recipe in signals:
        whole, resumed = network(), network()
        expected = train(whole, *digits(), globals()[recipe], seed=3)
        capsys.readouterr()
        history = train(resumed, *digits(), globals()[recipe], seed=3, checkpoint=tmp_path / recipe)
        first = re.search(r"(\d+)/\d+ ", capsys.readouterr().err)[1]
        assert first == "10", "it did not go on from the checkpoint"
        assert history == expected
        assert same(resumed, whole)


def test_training_that_never_comes_to_its_accuracy_says_so(capsys):
    recipe = Recipe(epochs=1, batch_size=50, learning_rate=1e-4, stop_accuracy=0.99)
    train(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), *digits(100), recipe, seed=0)
    assert "short of stop_accuracy 99.0%" in capsys.readouterr().err


def test_training_stops_at_an_accuracy_and_a_restart_goes_no_further(tmp_path):
    images, labels = digits(1500)
    recipe = Recipe(
        learning_rate=0.02, momentum=0.0, batch_size=2, epochs=50, augment=False, stop_accuracy=0.7
    )
    stopped, again = (nn.Sequential(nn.Flatten(), nn.Linear(64, 10)) for _ in range(2))
    again.load_state_dict(stopped.state_dict())
    history = train(stopped, images, labels, recipe, seed=0, checkpoint=tmp_path / "epoch.pt")
    assert len(history) < 50
    # One of two images more or less, of 200: the stop is at the first batch that reaches it.
    assert 0.7 <= history[-1]["train_accuracy"] < 0.71
    resumed = train(again, images, labels, recipe, seed=0, checkpoint=tmp_path / "epoch.pt")
    assert resumed == history
    assert same(again, stopped)


@pytest.mark.parametrize("damage", ["truncated", "bit", "text"])
def test_a_damaged_checkpoint_is_ignored_and_said_so(tmp_path, capsys, damage):
    checkpoint = tmp_path / "epoch.pt"
    whole, again = network(), network()
    expected = train(whole, *digits(), QUICK, seed=0, checkpoint=checkpoint)
    content = bytearray(checkpoint.read_bytes())
    if damage == "bit":
        content[len(content) // 2] ^= 1
    damaged = {"truncated": content[:-100], "bit": content, "text": b"not a checkpoint"}
    checkpoint.write_bytes(damaged[damage])
    assert train(again, *digits(), QUICK, seed=0, checkpoint=checkpoint) == expected
    assert same(again, whole)
    said = capsys.readouterr().err
    assert f"Checkpoint {checkpoint} cannot be read" in said
    assert "starts afresh" in said


@pytest.mark.parametrize("other", ["recipe", "seed", "labels", "weights"])
def test_a_checkpoint_of_another_training_is_not_used(tmp_path, capsys, other):
    checkpoint = tmp_path / "epoch.pt"
    train(network(), *digits(), QUICK, seed=0, checkpoint=checkpoint)
    images, labels = digits()
    trained = network()
    recipe = Recipe(learning_rate=0.01, batch_size=32, epochs=3) if other == "recipe" else QUICK
    labels = labels[::-1].copy() if other == "labels" else labels
    if other == "weights":
        nn.init.zeros_(trained[5].weight)
    expected = copy.deepcopy(trained)
    seed = 1 if other == "seed" else 0
    train(trained, images, labels, recipe, seed=seed, checkpoint=checkpoint)
    assert "is of other settings, data or weights" in capsys.readouterr().err
    train(expected, images, labels, recipe, seed=seed)
    assert same(trained, expected)


def test_bad_input_is_refused_in_a_sentence():
    images, labels = digits()
    cases = [
        (images[0], labels, QUICK, "as many labels"),
        (images, labels[:-1], QUICK, "as many labels"),
        (images.astype(np.float32), labels, QUICK, r"lie in \[0, 1\]"),
        (images.astype(np.int64), labels, QUICK, "uint8 or floating"),
        (images, labels + 1, QUICK, "labels 0 to 9; the training labels run from 1 to 10"),
        (
            images,
            labels,
            Recipe(learning_rate=1e30, batch_size=32, epochs=1),
            "diverged in epoch 1",
        ),
    ]
    for *arguments, message in cases:
        with pytest.raises(InputError, match=message):
            train(network(), *arguments, seed=0)


def test_mixed_precision_ends_within_the_spread_of_seeds():
    images, labels = digits(900)
    recipe = QUICK.model_copy(update={"augment": False, "epochs": 4, "milestones": [3]})
    mixed = recipe.model_copy(update={"precision": "mixed"})

    def accuracy(recipe, seed):
        trained = network()
        train(trained, images[:600], labels[:600], recipe, seed=seed)
        tests = torch.tensor(images[600:]), torch.tensor(labels[600:])
        return measure_accuracy(trained, *tests), trained

    plain, first = zip(*(accuracy(recipe, seed) for seed in range(4)), strict=True)
    found, other = accuracy(mixed, 0)
    assert not same(first[0], other), "it was not in mixed precision"
    assert abs(found - np.mean(plain)) < max(3 * np.std(plain), 0.03)
    assert np.mean(plain) > 0.8


def test_a_recipe_of_before_there_was_a_precision_is_the_same_recipe():
    assert "precision" not in Recipe().model_dump()
    assert Recipe(precision="mixed").model_dump()["precision"] == "mixed"
    assert "stop_accuracy" not in Recipe().model_dump()


def test_an_epoch_on_a_device_brings_only_its_sums_to_the_host():
    images, labels = (torch.as_tensor(part).to(standin.DEVICE) for part in digits(96))
    trained = network().to(standin.DEVICE)
    quicker(trained, standin.DEVICE)
    optimizer = torch.optim.SGD(trained.parameters(), 0.05, foreach=False)
    standin.crossings.clear()
    loss, _ = train_epoch(Training(trained, images, labels, QUICK, 0, optimizer), epoch=0)
    assert standin.crossings == ["_local_scalar_dense"] * 2
    near = network()
    optimizer = torch.optim.SGD(near.parameters(), 0.05)
    on_host = Training(near, images.cpu(), labels.cpu(), QUICK, 0, optimizer)
    wanted, _ = train_epoch(on_host, epoch=0)
    assert loss == pytest.approx(wanted, rel=0.02)
    with pytest.raises(RuntimeError, match="found one on the CPU"):
        train_epoch(Training(near, images, labels, QUICK, 0, optimizer), epoch=0)
