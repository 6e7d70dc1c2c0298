"""More of what may be wrong in a student's folder, for test_mistakes.py; its beginning is mistakes.py."""

from mistakes import arrays, from_weights, nothing, write


def attack_of(text, **more):
    own = {"attack": "own_attacks:mirror", "epsilon": 0.1, **more}
    return {"attacks": {"mirror": own}}, write("own_attacks.py", text)


def as_a_test_folder(folder):
    (folder / "pictures").rename(folder / "test")
    (folder / "pictures").mkdir()
    (folder / "test").rename(folder / "pictures/test")


def link_to_itself(folder):
    (folder / "pictures/bird").symlink_to("bird")


def helper(name):
    def harm(folder):
        write("networks.py", f"import os\nimport {name}\n")(folder)
        with (folder / "networks.py").open("a", encoding="utf-8") as file:
            file.write("def small(channels, classes, width=8):\n    pass\n")
        write(f"{name}.py", "")(folder)

    return harm


# As MISTAKES.
FURTHER = {
    "a shipped block's name for another dataset": (
        {"experiment_blocks": {"digits": {"dataset": "pictures"}}}, nothing,
        ["experiment_blocks.digits is of another dataset", "digits, of which", "overrides would stay"],
    ),
    "a recipe of all that trains none": (
        from_weights(overrides={"recipe": {"epochs": 3}}), write("w.pth", "x"),
        ["mine.overrides.recipe would be ignored", "own: with weights", "leave it out"],
    ),
    "a test fraction beside a test folder": (
        {"datasets": {"pictures": {"test_fraction": 0.3}}}, as_a_test_folder,
        ["datasets.pictures.test_fraction is 0.3", "a folder test", "leave test_fraction out"],
    ),
    "braces in a path": (
        {"datasets": {"pictures": {"path": "pictures{1}"}}},
        lambda folder: (folder / "pictures").rename("pictures{1}"),
        ["datasets.pictures.path is pictures{1}, with braces", "without { and }"],
    ),
    "a link to itself among folders": (
        {}, link_to_itself, ["datasets.pictures.path: ", "bird cannot be read", "take it away"],
    ),
    "more images of a block than there are": (
        {"experiment_blocks": {"mine": {"images": 10}}}, nothing,
        ["experiment_blocks.mine.images: images up to 10", "give 2 or fewer"],
    ),
    "more images by an override than there are": (
        {"experiment_blocks": {"mine": {"overrides": {"datasets": {"pictures": {"images": 10}}}}}}, nothing,
        ["experiment_blocks.mine.overrides.datasets.pictures.images: images up to 10"],
    ),
    "a section in a block": (
        {"experiment_blocks": {"mine": {"masks": {"penalty": 1}}}}, nothing,
        ["unknown key 'experiment_blocks.mine.masks'", "put it under overrides, as overrides: {masks: ...}"],
    ),
    "a seed in overrides": (
        {"experiment_blocks": {"mine": {"overrides": {"seed": 3}}}}, nothing,
        ["mine.overrides.seed is 3", "write seeds: [3] beside overrides"],
    ),
    "a decimal comma within braces": ({"masks": {"penalty": 0, 5: None}}, nothing, ["'masks.5'", "0.5 for 0,5"]),
    "a decimal comma": ({"masks": {"penalty": "0,5"}}, nothing, ["masks.penalty is '0,5'; write 0.5"]),
    "a list without an epsilon": (
        {"attacks": {"pgd_own": {"epsilon": []}}}, nothing, ["attacks.pgd_own.epsilon is []; name at least one"],
    ),
    "None for none": (
        {"classifiers": {"own": {"normalisation": "None"}}}, nothing,
        ["classifiers.own.normalisation", "called 'None'; did you mean 'none'?"],
    ),
    "an epsilon beyond any perturbation": (
        {"attacks": {"pgd_own": {"attack": "L2PGD", "epsilon": 1000}}}, nothing,
        ["attacks.pgd_own.epsilon is 1000", "of 3,072 values are 55.4", "in l2; give it in units"],
    ),
    "a helper called like a script of the workflow": (
        {}, helper("download"),
        ["networks.py, line 2, imports download", "before your download.py", "another name"],
    ),
    "a helper called like a module of Python": (
        {}, helper("statistics"), ["line 2, imports statistics", "before your statistics.py", "another name"],
    ),
    "a deviation of pixels up to 255": (
        {"classifiers": {"own": {"normalisation": {"mean": [0.5] * 3, "std": [58, 57, 57]}}}}, nothing,
        ["classifiers.own.normalisation has a std of 58", "divide mean and std by 255"],
    ),
    "a negative mean": (
        {"classifiers": {"own": {"normalisation": {"mean": [-1] * 3, "std": [1] * 3}}}}, nothing,
        ["classifiers.own.normalisation has a mean of -1", "mean 0.5 and std 0.5"],
    ),
    "a file for a scratch": (
        {"execution": {"scratch": "mine.yaml"}}, nothing,
        ["execution.scratch is mine.yaml", "the path of a folder"],
    ),
    "a function's epsilon without a norm": (
        *attack_of("def mirror(model, x, y, epsilon):\n    return x\n"),
        ["attacks.mirror has an epsilon but no norm", "add norm: linf, l2 or l1"],
    ),
    "a class's epsilon without a norm": (
        *attack_of("class mirror:\n    def __init__(self, epsilon):\n        pass\n"),
        ["attacks.mirror has an epsilon but no norm", "add norm: linf, l2 or l1"],
    ),
    "a set against itself": (
        arrays("b.csv", "./b.csv"), write("b.csv", "1,2\n"),
        ["first and second are both b.csv", "give two arrays"],
    ),
}  # fmt: skip
