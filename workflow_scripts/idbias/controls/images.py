"""Images that stand in the place of adversarial ones: what of a result needs no attack?"""

import numpy as np

from idbias.attacks.sizes import ORDERS
from idbias.errors import InputError
from idbias.streams import generator


def noise_like(perturbations, index, norm, seed):
    """Return random noise of each perturbation's own norm, float32 (N, C, H, W).

    perturbations: float (N, C, H, W), in units of the pixel range; index: int64 (N,), the images'
    positions in the dataset, which with `seed` seed their noise; norm: "linf", uniform in a cube,
    "l2", normal, or "l1", Laplace. Each is scaled to the norm of its perturbation.
    Raises InputError for another norm.
    """
    draws = {"linf": lambda g, s: g.uniform(-1, 1, s), "l2": lambda g, s: g.normal(size=s)}
    draws["l1"] = lambda g, s: g.laplace(size=s)
    if norm not in draws:
        raise InputError(f"There is no noise of norm {norm!r}: choose linf, l2 or l1.")
    order = ORDERS[norm]
    noise = np.empty(perturbations.shape, np.float32)
    for row, (image, perturbation) in enumerate(zip(index, perturbations, strict=True)):
        drawn = draws[norm](generator("noise", seed, image), perturbation.shape)
        size = np.linalg.norm(perturbation.ravel(), order)
        noise[row] = drawn * (size / np.linalg.norm(drawn.ravel(), order))
    return noise


def control_images(control, clean, attacked, norm, seed):
    """Return (images float32 (N, C, H, W), targets int64 (N,)) of a control.

    control: "noise", the clean image with noise of the attack's norm, clipped to [0, 1], and its own
    class as target; "noise_attack_class", the same noisy image and the attack's class; or "clean_image",
    the clean image and the attack's class. So image and target are crossed two by two: the clean image
    with its own class is the essential mask's.
    clean: float32 (N, C, H, W); attacked: dict of index, label, adversarial and adversarial_class, a
    row an image of `clean`.
    """
    if control == "clean_image":
        return clean, attacked["adversarial_class"]
    noise = noise_like(attacked["adversarial"] - clean, attacked["index"], norm, seed)
    target = "adversarial_class" if control == "noise_attack_class" else "label"
    return np.clip(clean + noise, 0, 1), attacked[target]
