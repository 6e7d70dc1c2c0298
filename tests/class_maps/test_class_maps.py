"""Class-level maps against a plain loop, how they resume, and what the workflow says of them."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from idbias import files
from idbias.class_maps.images import sets_of, trained_on
from idbias.class_maps.outcome import outcome
from idbias.class_maps.training import train_class_map
from idbias.classifiers import models
from idbias.config.schema import ClassMaps
from idbias.datasets.images import read_images
from idbias.fourier import filtered

FOLDER = "results/digits/small_cnn"


def plain(classifier, sets, settings):
    """The published loop: one mask, two steps of torch's Adam an epoch, stop by the mean loss."""
    mask = torch.ones(sets[0][0].shape[1:], requires_grad=True)
    optimizer = torch.optim.Adam([mask], lr=settings.learning_rate)
    losses = []
    for epoch in range(settings.max_steps):
        both = 0.0
        for images, targets in sets:
            logits = classifier(filtered(mask, torch.as_tensor(images)))
            loss = functional.cross_entropy(logits, torch.as_tensor(targets))
            loss = loss + settings.penalty * mask.abs().sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            mask.data.clamp_(0, 1)
            both += loss.item()
        losses.append(both / 2)
        if (
            epoch > settings.min_steps
            and abs(losses[-1] - np.mean(losses[-20:])) < settings.tolerance
        ):
            break
    return mask.detach().numpy(), len(losses)


@pytest.fixture
def digits(finished):
    """(classifier, sets of class 3) of the small demonstration."""
    with files.opened(finished.folder / FOLDER / "attacks/fmn/00000-00095.h5") as attack:
        trains = np.ones(len(attack["index"]), bool)
        sets = sets_of(3, finished.folder / "results/digits/dataset.h5", attack, trains)
    # On flat ground, and where an attack stopped on a kink, a ReLU's input is 0 up to rounding, and two ways to
    # transform an image may take its two sides: a little noise leaves no such places.
    noise = np.random.default_rng(0)
    sets = [
        (
            np.clip(images, 0.05, 0.95)
            + noise.uniform(-0.04, 0.04, images.shape).astype(np.float32),
            targets,
        )
        for images, targets in sets
    ]
    assert all(len(images) for images, _ in sets)
    return models.load(finished.folder / FOLDER / "classifier.h5"), sets


def test_a_map_is_the_plain_loop_s(digits):
    settings = ClassMaps(min_steps=60, tolerance=3e-3)
    expected, epochs = plain(*digits, settings)
    found = train_class_map(*digits, settings)
    assert found["epochs"] == epochs
    assert found["converged"]
    # Rounding alone, which Adam magnifies where a gradient is nearly 0: half a spectrum, sums in
    # batches, compiled convolutions.
    assert np.abs(found["mask"] - expected).max() < 0.01
    settings = ClassMaps(min_steps=40, max_steps=40)
    early = train_class_map(*digits, settings)["mask"]
    np.testing.assert_allclose(early, plain(*digits, settings)[0], atol=1e-5)
    assert 0.1 < (expected == 1).mean() + (expected == 0).mean() < 1


def test_a_map_goes_on_from_its_checkpoint(digits, tmp_path):
    whole = train_class_map(*digits, ClassMaps(min_steps=30, max_steps=30))
    calls = []

    def stop(_):
        calls.append(1)
        if len(calls) == 12:
            raise KeyboardInterrupt

    settings = ClassMaps(min_steps=30, max_steps=30)
    options = {"checkpoint": tmp_path / "state", "checkpoint_seconds": 0}
    with pytest.raises(KeyboardInterrupt):
        train_class_map(*digits, settings, **options, progress=stop)
    steps = []
    again = train_class_map(*digits, settings, **options, progress=steps.append)
    assert steps[0] >= 10, "epochs that were done are not done again"
    np.testing.assert_array_equal(again["mask"], whole["mask"])


def test_maps_are_tested_on_images_that_trained_none():
    index = np.arange(400)
    trains = trained_on(index, tests=400, masked="test", seed=0)
    assert 160 < trains.sum() < 240
    np.testing.assert_array_equal(trained_on(index[100:], 400, "test", 0), trains[100:])
    np.testing.assert_array_equal(trained_on(index, 150, "all", 0), index >= 150)


def test_a_class_is_trained_on_its_own_images_and_on_those_attacked_into_it(finished):
    path = finished.folder / FOLDER / "attacks/fmn/00000-00095.h5"
    attacked, _ = files.read(path)
    clean, _ = read_images(finished.folder / "results/digits/dataset.h5", "masked", slice(0, 96))
    trains = np.arange(len(attacked["index"])) % 3 > 0
    with files.opened(path) as attack:
        adversarial, own = sets_of(3, finished.folder / "results/digits/dataset.h5", attack, trains)
    into, of_it = (trains & (attacked[key] == 3) for key in ("adversarial_class", "label"))
    np.testing.assert_array_equal(adversarial[0], attacked["adversarial"][into])
    np.testing.assert_array_equal(adversarial[1], attacked["label"][into])
    np.testing.assert_array_equal(own[0], clean[attacked["index"][of_it]])
    assert (own[1] == 3).all()


def test_maps_of_ones_undo_nothing_and_keep_everything(finished):
    classifier = models.load(finished.folder / FOLDER / "classifier.h5")
    with files.opened(finished.folder / FOLDER / "attacks/fmn/00000-00095.h5") as attack:
        success, size = attack["success"][()], attack["adversarial"].shape[1:]
        held_out = np.arange(len(success)) % 2 == 0
        ones = np.ones((10, *size), np.float32)
        dataset = finished.folder / "results/digits/dataset.h5"
        found = outcome(classifier, ones, dataset, attack, held_out, total=50)
    failed = (~success[held_out]).sum()
    assert found["accuracy"] == found["kept_accuracy"] == held_out.sum() / 50
    assert found["attacked_accuracy"] == failed / 50
    assert found["undone_accuracy"] <= found["attacked_accuracy"] + 0.05
    assert found["undone_share"] < 0.1


def test_a_job_for_each_class_is_planned(finished, tmp_path):
    workflow = finished.clone(tmp_path / "maps")
    workflow.configure({"experiment_blocks": {"digits": {"analyses": ["masks", "class_maps"]}}})
    plan = workflow.plan("results/tables/class_maps.md")
    assert plan == {"class_map": 10, "class_map_row": 1, "class_map_table": 1}
