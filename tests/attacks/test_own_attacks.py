"""Attacks of one's own: their random numbers belong to an image, and what they return is checked."""

import numpy as np
import pytest
import torch
from own_attacks import Classifier

from idbias.attacks import batched
from idbias.attacks.random_numbers import RandomNumbersPerImage
from idbias.errors import InputError
from idbias.streams import torch_seed

INDEX = np.array([7, 11, 2, 30, 4])


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(0.3, 0.7, (5, 1, 4, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def labels(images):
    return (images.mean((1, 2, 3)) > 0.5).astype(np.int64)


def attacked(name, images, labels, index=INDEX, **settings):
    settings = {"attack": f"own_attacks:{name}", "arguments": {}, "epsilon": None, **settings}
    sizes = {"batch_size": settings.pop("batch_size", 3)}
    return batched.run(Classifier().eval(), images, labels, index, settings, seed=5, **sizes)


@pytest.mark.parametrize(
    "draw", ["rand", "rand size", "rand_like", "randn_like", "randint", "uniform_", "normal_"]
)
def test_random_numbers_belong_to_an_image_however_they_are_drawn(images, labels, draw):
    options = {"arguments": {"draw": draw}, "epsilon": 0.2}
    found = attacked("Noise", images, labels, **options)["adversarial"]
    assert not np.array_equal(found[0] - images[0], found[1] - images[1])
    rows = [3, 0]
    alone = attacked("Noise", images[rows], labels[rows], INDEX[rows], batch_size=7, **options)
    np.testing.assert_array_equal(alone["adversarial"], found[rows])
    elsewhere = attacked("Noise", images, labels, INDEX + 1, **options)["adversarial"]
    assert not np.array_equal(elsewhere, found)


@pytest.mark.parametrize("draw", ["numpy", "python", "one for all", "bernoulli"])
def test_other_draws_are_refused_in_a_batch_and_seeded_one_at_a_time(images, labels, draw):
    options = {"arguments": {"draw": draw}, "epsilon": 0.2}
    with pytest.raises(
        InputError, match=r"for a batch and not for each image.*one_at_a_time: true"
    ):
        attacked("Noise", images, labels, **options)
    options["one_at_a_time"] = True
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    found = attacked("Noise", images, labels, **options)["adversarial"]
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    alone = attacked("Noise", images[3:], labels[3:], INDEX[3:], **options)["adversarial"]
    np.testing.assert_array_equal(alone, found[3:])
    assert len({row.tobytes() for row in found - images}) == 5


def test_draws_are_those_of_a_generator_seeded_by_seed_image_and_draw():
    with RandomNumbersPerImage(5, [7, 11]):
        torch.rand(2, 3)
        second = torch.rand((2, 3), dtype=torch.float64)
    generator = torch.Generator().manual_seed(torch_seed("attack", 5, 11, 1))
    expected = torch.rand((3,), generator=generator, dtype=torch.float64)
    assert torch.equal(second[1], expected)


@pytest.mark.parametrize("name", ["shift", "FoolboxShift"])
def test_functions_and_foolbox_s_classes_are_attacks_too(images, labels, name):
    found = attacked(name, images, labels, arguments={"by": 0.4})
    assert found["success"].all()
    np.testing.assert_array_equal(found["adversarial_class"], 1 - labels)
    np.testing.assert_allclose(found["linf"], 0.4, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"attack": "own_attacks:wrong_shape"}, r"a Tensor of shape \(3, 4, 4\); it must .* \(3, 1, 4, 4\)"),
        ({"attack": "own_attacks:nothing"}, "returned a NoneType; it must return a tensor"),
        ({"attack": "own_attacks:not_finite"}, "images that are not finite"),
        ({"attack": "own_attacks:out_of_range"}, r"pixels from 1\.3\d* to 1\.\d*; they must lie in \[0, 1\]"),
        ({"attack": "own_attacks:NotCallable"}, "instances cannot be called; give it a method __call__"),
        ({"attack": "own_attacks:missing"}, "attack own_attacks:missing cannot be loaded .* class or function"),
        ({"attack": "own_attacks:shift", "arguments": {"of": 1}}, "shift takes no of; its arguments are by"),
        ({"attack": "own_attacks:needs"}, "needs: missing a required argument: 'by'; .* may hold by"),
        ({"attack": "own_attacks:FoolboxShift", "arguments": {"of": 1}}, "takes no of; .* are by"),
        ({"attack": "own_attacks:shift", "epsilon": 0.1}, "no argument epsilon, so that it would not"),
        ({"attack": "L2PGD", "epsilon": None}, "L2PGD needs an epsilon"),
        ({"attack": "L3PGD"}, "foolbox has no attack 'L3PGD'"),
    ],
)  # fmt: skip
def test_what_is_no_attack_gets_one_sentence(images, labels, settings, said):
    settings = {"arguments": {}, "epsilon": None, **settings}
    with pytest.raises(InputError, match=said) as caught:
        batched.run(Classifier().eval(), images, labels, INDEX, settings, seed=0, batch_size=3)
    assert "\n" not in str(caught.value)
