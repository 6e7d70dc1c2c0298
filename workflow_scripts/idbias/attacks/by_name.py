"""Attacks by name: classes of foolbox.attacks, and functions and classes of the user's own."""

import inspect
from functools import partial

import foolbox

from idbias.errors import InputError
from idbias.own_code import check_arguments, own, takes


def make(name, arguments, epsilon=None):
    """Return an attack, built with `arguments`.

    name: a class of foolbox.attacks, or "MODULE:NAME", of MODULE.py in the working directory or of
        an installed package: a function (classifier, images, labels, **arguments), or a class whose
        instances, built with `arguments`, are called so; either returns the attacked images. Or a
        subclass of foolbox.attacks.base.Attack.
    epsilon: the size of the perturbation, or None if the attack seeks the smallest. Functions and
        classes that are not foolbox's get it as an argument of that name.
    Returns a foolbox attack, or a callable (classifier, images, labels) -> images.
    Raises InputError if there is no such attack, it takes no such arguments, or no epsilon.
    """
    if ":" in name:
        constructor = own(name, "attack", "class or function")
        if not isinstance(constructor, type):
            return partial(constructor, **_given(constructor, name, arguments, epsilon, before=3))
        if not issubclass(constructor, foolbox.attacks.base.Attack):
            return _callable(constructor(**_given(constructor, name, arguments, epsilon)), name)
        check_arguments(constructor, arguments, f"attack {name}")
        attack = constructor(**arguments)
    else:
        constructor = getattr(foolbox.attacks, name, None)
        base = foolbox.attacks.base.Attack
        if not (isinstance(constructor, type) and issubclass(constructor, base)):
            raise InputError(
                f"attacks: foolbox has no attack '{name}'; see the classes of foolbox.attacks."
            )
        try:
            attack = constructor(**_of_foolbox(constructor, arguments))
        except TypeError as error:
            raise InputError(f"attacks: {name} does not take these arguments: {error}.") from None
    if epsilon is None and isinstance(attack, foolbox.attacks.base.FixedEpsilonAttack):
        raise InputError(
            f"attacks: {name} needs an epsilon, the size of its perturbation; add one."
        )
    return attack


def _of_foolbox(constructor, arguments):
    """Return the arguments of one of foolbox's classes, with what it leaves open or what would couple images.

    `distance`, of attacks of any norm: l2 unless given. `abort_early` of Carlini-Wagner and EAD ends the search of
    all images of a batch by the sum of their losses, so it is off unless given.
    """
    taken, given = inspect.signature(constructor).parameters, dict(arguments)
    if "abort_early" in taken:
        given.setdefault("abort_early", False)
    if "distance" in taken:
        given["distance"] = getattr(foolbox.distances, given.get("distance") or "l2")
    return given


def _given(function, name, arguments, epsilon, before=0):
    given = dict(arguments) if epsilon is None else {**arguments, "epsilon": epsilon}
    if epsilon is not None and not takes(function, "epsilon"):
        raise InputError(
            f"config.yaml: attack {name} has no argument epsilon, so that it would not be heeded; "
            "remove epsilon, and say under arguments what the attack calls it."
        )
    check_arguments(function, given, f"attack {name}", before)
    return given


def _callable(attack, name):
    if not callable(attack):
        raise InputError(
            f"config.yaml: attack {name} is a class whose instances cannot be called; give it a "
            "method __call__(self, classifier, images, labels) that returns the attacked images."
        )
    return attack
