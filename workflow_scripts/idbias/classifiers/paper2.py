"""Paper 2's supplement as data: its models, training and attacks. Imports no torch.

Accuracies (its Tables 3 and 4) and the learning rates as printed (Tables 5 to 9) are in
workflow_scripts/published/paper2_*.csv. Where the supplement is silent or contradicts itself the
choice is ours, marked so here and in docs/classifiers.md.
"""

from itertools import product

from idbias.errors import InputError

# Table 1: name -> arguments of idbias.classifiers.networks.zoo.zoo.
ZOO = {
    f"{architecture}_{layers}_{nonlinearity}": {
        "architecture": architecture, "hidden_layers": layers, "nonlinearity": nonlinearity,
    }
    for architecture, layers, nonlinearity in product(
        ("fully_connected", "local_convolution", "full_convolution", "locally_connected"),
        (1, 3),
        ("linear", "relu"),
    )
}  # fmt: skip


def zoo_model(network, arguments=None):
    """Return arguments of idbias.classifiers.networks.zoo.zoo that make a classifier's network.

    network, arguments: of its entry, whose arguments come over those of the name. {} if it is not of the zoo.
    """
    return {**ZOO[network], **(arguments or {})} if network in ZOO else {}


# Table 2: name -> architecture and weights in timm. Where timm has several weights of a name, those
# whose published accuracy is Table 4's.
IMAGENET = {
    "resnet50d": "resnet50d.ra2_in1k",
    "tf_efficientnet_b0_ns": "tf_efficientnet_b0.ns_jft_in1k",
    "repvgg_b3": "repvgg_b3.rvgg_in1k",
    "convit_base": "convit_base.fb_in1k",
    "vit_large_r50_s32_224": "vit_large_r50_s32_224.augreg_in21k_ft_in1k",
    "coat_lite_small": "coat_lite_small.in1k",
    "resmlp_36_distilled_224": "resmlp_36_224.fb_distilled_in1k",
    "gmixer_24_224": "gmixer_24_224.ra3_in1k",
    "mixer_b16_224": "mixer_b16_224.goog_in21k_ft_in1k",
    "vit_base_patch8_224": "vit_base_patch8_224.augreg_in21k_ft_in1k",
    "vit_base_patch16_224": "vit_base_patch16_224.augreg_in21k_ft_in1k",
    "vit_base_patch32_224": "vit_base_patch32_224.augreg_in21k_ft_in1k",
}

# Those whose weights were trained on images from -1 to 1; the others with ImageNet's mean and std.
FROM_MINUS_1_TO_1 = (
    "vit_large_r50_s32_224",
    "mixer_b16_224",
    "vit_base_patch8_224",
    "vit_base_patch16_224",
    "vit_base_patch32_224",
)

# An entry for each model of Tables 1 and 2, as under `classifiers` in config.yaml.
ENTRIES = {name: {"network": name} for name in ZOO} | {
    name: {
        "network": f"timm:{weights.partition('.')[0]}",
        "normalisation": {"mean": [0.5] * 3, "std": [0.5] * 3}
        if name in FROM_MINUS_1_TO_1
        else {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
        "weights": {"huggingface": f"timm/{weights}"},
    }
    for name, weights in IMAGENET.items()
}

# Tables 5 to 9. "Local Kernel Convolution" stands in each twice, with .01 and .002 (Table 5 calls
# the first "Full Kernel"): our reading is 1 and 3 hidden layers.
BATCH_SIZE = {"cifar10": 128, "cifar100": 128, "mnist": 100, "fashion_mnist": 100, "svhn": 128}


EPOCHS = 100


def recipe(name, dataset, epochs=EPOCHS):
    """Return the training recipe of zoo model `name` on `dataset`: fields of a Recipe, a dict.

    Learning rate and batch size are those of Tables 5 to 9; datasets not in them train like mnist.
    The tables say that the rate drops, not when: it is cut to a tenth after half and three quarters
    of `epochs`. Optimiser (plain SGD: with momentum 0.9 the deep linear network of full kernels
    diverges at the printed rate) and number of epochs are ours too.
    Raises InputError for a name not in ZOO.
    """
    if name not in ZOO:
        raise InputError(f"Paper 2 has no model {name!r}; its models are {', '.join(ZOO)}.")
    model = ZOO[name]
    deep_local = model["architecture"] == "local_convolution" and model["hidden_layers"] > 1
    slow = deep_local or model["architecture"] == "full_convolution"
    return {
        "optimizer": "sgd",
        "momentum": 0.0,
        "learning_rate": 0.002 if slow else 0.01,
        "batch_size": BATCH_SIZE.get(dataset, 100),
        "epochs": epochs,
        "schedule": "steps",
        "milestones": [max(1, epochs // 2), max(1, epochs * 3 // 4)],
        "weight_decay": 0.0,
        "augment": False,
    }
