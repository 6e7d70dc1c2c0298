"""Arms of an experiment: an attack at several epsilons, a classifier from several seeds, controls.

An arm has a name of its own wherever a classifier's or an attack's name stands, so that every rule
makes it as it makes any other, and adding one touches no file of those that are done.
"""

from idbias.errors import InputError

# What stands in the place of one of the two masks -> which of them it replaces.
CONTROLS = {
    "spectrum": "essential",
    "other_seed": "essential",
    "other_network": "essential",
    "noise": "adversarial",
    "noise_attack_class": "adversarial",
    "clean_image": "adversarial",
}


def attack_arms(attacks):
    """Return (attacks, their origins) with an attack for each epsilon of a list.

    attacks: name -> schema_attacks.Attack. The first value keeps the attack's name, others append theirs:
    pgd, pgd_0.02. origins: name -> name of the attack in the configuration, of those with several.
    """
    arms, origins = {}, {}
    for name, attack in attacks.items():
        values = attack.epsilon if isinstance(attack.epsilon, list) else [attack.epsilon]
        if len(set(values)) < len(values):
            raise InputError(f"attack {name} has one epsilon twice; name each once.")
        for number, epsilon in enumerate(values):
            arm = f"{name}_{epsilon:g}" if number else name
            _new(arm, {**arms, **attacks} if number else arms, "attack", "epsilon")
            arms[arm] = attack.model_copy(update={"epsilon": epsilon})
            if len(values) > 1:
                origins[arm] = name
    return arms, origins


def seed_arms(classifiers, seeds, seed):
    """Return (classifiers, their origins) with a classifier for each of `seeds`.

    classifiers: name -> schema_entries.Classifier. That of `seed`, the experiment's own, keeps the name:
    small_cnn, small_cnn_seed1. Weights that are used as they are have no seed. origins: name -> (name
    in the configuration, seed), of those trained from several, or from one that is not the experiment's.
    """
    arms, origins = {}, {}
    for name, classifier in classifiers.items():
        trained = classifier.recipe is not None
        for own_seed in seeds if trained and seeds else [seed]:
            arm = seed_name(name, own_seed, seed)
            _new(arm, {**arms, **classifiers} if own_seed != seed else arms, "classifier", "seeds")
            arms[arm] = classifier
            if trained and (len(seeds) > 1 or own_seed != seed):
                origins[arm] = (name, own_seed)
    return arms, origins


def seed_name(name, seed, own):
    """Return the name of a classifier trained from `seed`, in an experiment whose seed is `own`."""
    return name if seed == own else f"{name}_seed{seed}"


def substitutes(controls, classifiers, arms, seed, seeds, other_network=None):
    """Return (taken, extra, trained_from): whose essential masks each control takes.

    taken: (control, arm) -> classifier; extra: name -> schema_entries.Classifier, of those that are no arms;
    trained_from: name -> seed, of other trainings.
    classifiers: name -> schema_entries.Classifier; arms: arm -> (name, seed), of each that has rows. The
    other training of an arm is from the next of `seeds`, or from the next number; the other network
    is `other_network`, or the next of `classifiers`. Weights that are used as they are have no other
    training. Raises InputError if a control finds nothing to take.
    """
    taken, extra, trained_from = {}, {}, {}
    names = list(classifiers)
    for arm, (name, own) in arms.items():
        if "other_seed" in controls and classifiers[name].recipe:
            other = seeds[(seeds.index(own) + 1) % len(seeds)] if len(seeds) > 1 else own + 1
            taken["other_seed", arm] = again = seed_name(name, other, seed)
            extra[again], trained_from[again] = classifiers[name], other
        following = names[(names.index(name) + 1) % len(names)]
        other = other_network or following
        if "other_network" in controls and other != name:
            with_seed = seed_name(other, own, seed)
            taken["other_network", arm] = chosen = with_seed if with_seed in arms else other
            extra[chosen] = classifiers[other]
    missing = {control for control in controls if control.startswith("other_")} - {
        control for control, _ in taken
    }
    if missing:
        raise InputError(
            f"the control {sorted(missing)[0]} finds nothing to take: other_seed needs a classifier with a "
            "recipe, other_network a second classifier, or one that other_network names."
        )
    return (
        taken,
        {name: classifier for name, classifier in extra.items() if name not in arms},
        trained_from,
    )


def _new(name, taken, kind, key):
    if name in taken:
        raise InputError(
            f"there would be two {kind}s called {name}, one of them by {key}: rename the other."
        )
