"""Which of an experiment's networks differ only in the side of their kernel (paper 2). Imports nothing heavy."""

from collections import Counter, defaultdict

from idbias.classifiers.paper2 import zoo_model

# Arguments of a zoo model that its family's first words say, or that families are to differ in.
SAID = ("architecture", "hidden_layers", "nonlinearity", "kernel")


def zoo_models(classifiers):
    """Return the models of the zoo among classifiers (as for `kernels_of`), name -> arguments of zoo."""
    models = {
        name: zoo_model(classifier.network, classifier.arguments)
        for name, classifier in classifiers.items()
    }
    return {name: model for name, model in models.items() if model}


def kernels_of(classifiers, arm_of, training_seed):
    """Return classifier -> (family, side of the kernel, training seed) of convolutional models of the zoo.

    classifiers: name -> schema_entries.Classifier; arm_of: name -> (what it is an arm of, seed); training_seed:
    a function of the name. The side is 0 for a kernel as large as the image. Models of one family and seed
    differ only in the kernel, and in training only as much as each side has one recipe: paper 2 has a
    learning rate of its own for full kernels. So a family is called by its layers, by further arguments, by
    what differs in the recipes of one side, and, if nothing else tells two models apart, by their names.
    """
    models = {}
    for name, model in zoo_models(classifiers).items():
        if model["architecture"].endswith("_convolution"):
            side = model.get("kernel", 3) if model["architecture"] == "local_convolution" else 0
            family = f"{model['hidden_layers']} {model['nonlinearity']}"
            others = {key: value for key, value in model.items() if key not in SAID}
            models[name] = (family + words(others), side, training_seed(name))
    recipes = {
        name: classifiers[name].recipe.model_dump() if classifiers[name].recipe else {}
        for name in models
    }
    for names in grouped(models, 0):
        differ = {
            key
            for of_side in grouped({name: models[name] for name in names}, 1)
            for key in set().union(*(recipes[name] for name in of_side))
            if any(recipes[name].get(key) != recipes[of_side[0]].get(key) for name in of_side)
        }
        for name in names:
            family, *rest = models[name]
            of_recipe = {key: recipes[name].get(key, "none") for key in sorted(differ)}
            models[name] = (family + words(of_recipe), *rest)
    alike = Counter(models.values())
    return {
        name: (f"{model[0]}, {arm_of.get(name, (name,))[0]}", *model[1:])
        if alike[model] > 1
        else model
        for name, model in models.items()
    }


def grouped(models, place):
    """Return lists of the names of models that are equal at one place of their tuples."""
    groups = defaultdict(list)
    for name, model in models.items():
        groups[model[place]].append(name)
    return list(groups.values())


def words(settings):
    """Return ", key value" of each of `settings`."""
    return "".join(f", {key.replace('_', ' ')} {value}" for key, value in settings.items())
