"""The cells of tables as text: what columns are called for people and how their values are written."""

import pandas as pd

from idbias.report.rounding import PERCENT, THREE, TWO, WHOLE, p_value, shown_as, with_interval

# What a table over seeds has the mean and the standard deviation of: its name and how both are written.
OVER_SEEDS = {
    "test_accuracy": ("accuracy", PERCENT),
    "attack_success": ("success", PERCENT),
    "pairs": ("N", WHOLE),
    "z": ("Z", TWO),
    "distance_correlation": ("distance correlation", THREE),
    "dimensions_lost": ("share of dimensions lost", TWO),
    "contrast": ("attack - control", THREE),
}
# Column -> its name for people and how its values are written; in the order of the columns.
FORMATS = {
    **{name: (name, str) for name in ("source", "experiment", "dataset", "classifier")},
    **{name: (name, WHOLE) for name in ("seed", "seeds", "epochs")},
    "published_name": ("published as", str),
    "test_accuracy": ("accuracy", PERCENT),
    "published_accuracy": ("published accuracy", PERCENT),
    "accuracy_difference": ("measured - published", shown_as("{:+.1%}")),
    "top5_accuracy": ("top-5 accuracy", PERCENT),
    "published_top5": ("published top-5", PERCENT),
    "attack": ("attack", str),
    "epsilon": ("epsilon", "{:.3g}".format),
    "control": ("control", str),
    "of": ("of", str),
    "images": ("images", WHOLE),
    "correct": ("classified correctly", WHOLE),
    "succeeded": ("attack succeeded", WHOLE),
    "attack_success": ("success", PERCENT),
    "timed_out": ("out of time", WHOLE),
    "failed": ("attack failed", WHOLE),
    "median_linf": ("median linf", "{:.4f}".format),
    "median_l2": ("median l2", "{:.3f}".format),
    "essential_masks": ("essential masks", WHOLE),
    "adversarial_masks": ("adversarial masks", WHOLE),
    "pairs": ("N", WHOLE),
    "shuffles": ("shuffles", WHOLE),
    "shuffled_within": ("shuffled within", str),
    "cosine": ("cosine", str),
    "coincident": ("coinciding pairs", WHOLE),
    "coincident_first": ("coinciding, first set", WHOLE),
    "coincident_second": ("coinciding, second set", WHOLE),
    "degenerate_first": ("masks of one entry or none, first set", WHOLE),
    "degenerate_first_by_class": ("by class, first set", str),
    "degenerate_second": ("masks of one entry or none, second set", WHOLE),
    "degenerate_second_by_class": ("by class, second set", str),
    "r_squared": ("R^2", "{:.1e}".format),
    "id_first": ("I_d first", TWO),
    "id_second": ("I_d second", TWO),
    "id": ("I_d", TWO),
    "id_shuffled": ("I_d shuffled", str),
    "z": ("Z", TWO),
    "p": ("p", p_value),
    "p_holm": ("p, Holm", p_value),
    "p_permutation": ("permutation p", p_value),
    "p_permutation_holm": ("permutation p, Holm", p_value),
    "p_two_sided": ("two-sided p", p_value),
    "p_two_sided_holm": ("two-sided p, Holm", p_value),
    "effect": ("distance correlation", str),
    "id_correlation": ("I_d correlation", TWO),
    "dimensions_lost": ("share of dimensions lost", TWO),
    "distance_correlation_p": ("p of the distance correlation", p_value),
    "information_first_to_second": ("information, first to second", THREE),
    "information_first_to_second_p": ("p, first to second", p_value),
    "information_second_to_first": ("information, second to first", THREE),
    "information_second_to_first_p": ("p, second to first", p_value),
    **{
        f"class_decoded_{which}{scrambled}": (f"class decoded, {which} set{words}", PERCENT)
        for which in ("first", "second")
        for scrambled, words in (("", ""), ("_scrambled", ", scrambled labels"))
    },
    "hsic_linear": ("HSIC, linear", THREE),
    "hsic_linear_p": ("p, linear", p_value),
    "hsic_gaussian": ("HSIC, Gaussian", THREE),
    "hsic_gaussian_p": ("p, Gaussian", p_value),
    "svcca": ("SVCCA", TWO),
    "scale_ratio": ("scale ratio", "{:.2g}".format),
    "caveats": ("caveats", str),
    "reason": ("reason", str),
    "training_images": ("training images", WHOLE),
    "test_images": ("test images", WHOLE),
    "accuracy": ("accuracy before the attack", PERCENT),
    "attacked_accuracy": ("after it", PERCENT),
    "undone_accuracy": ("after the map undid it", PERCENT),
    "undone_share": ("attacks undone", PERCENT),
    "maps": ("maps", WHOLE),
    "converged": ("maps that converged", WHOLE),
    "kept_accuracy": ("clean images after their map", PERCENT),
    "contrast_interval": ("attack - control [95 % interval]", str),
    "contrast_p": ("p of the contrast", p_value),
    "contrast_p_holm": ("p of the contrast, Holm", p_value),
    "contrast_images": ("images of the contrast", WHOLE),
    "contrast_reason": ("no contrast, because", str),
    **{f"{name}_over_seeds": (words, str) for name, (words, _) in OVER_SEEDS.items()},
    "family": ("layers", str),
    "kernel": ("side of the kernel", WHOLE),
    "local": ("local kernel", THREE),
    "full": ("full kernel", THREE),
    **{
        f"{kernel}_{name}".strip("_"): (f"{kernel}: {words}".strip(" :"), show)
        for name, words, show in (
            ("learning_rate", "learning rate", "{:.3g}".format),
            ("train_accuracy", "training accuracy", PERCENT),
            ("stop_accuracy", "stopped at training accuracy", PERCENT),
            ("short_of_accuracy", "never came to training accuracy", PERCENT),
        )
        for kernel in ("", "local", "full")
    },
    "full_kernel": ("as large as the image", "{:}".format),
    "networks": ("networks", WHOLE),
    "bands": ("bands", str),
    "rho_interval": ("rho [95 % interval]", str),
    "ceiling": ("ceiling", THREE),
    "share_of_ceiling": ("of the ceiling", PERCENT),
    **{
        f"{name}{p}": (before + words, show)
        for name, words in (("network_means", "network means"), ("interaction", "image by network"))
        for p, before, show in (("", "", THREE), ("_p", "p, ", p_value))
    },
    "verdict": ("verdict", str),
    "interval": ("radial frequency [95 % interval]", str),
    **{
        f"share_above_{radius}": (f"share above {radius}", PERCENT)
        for radius in (0.125, 0.25, 0.375, 0.5)
    },
    "inequality": ("inequality", str),
    "radius": ("radius", WHOLE),
    "layer": ("layer", WHOLE),
    "readout": ("with readout", str),
    "outside_space": ("kappa(S^c)", THREE),
    "outside_frequency": ("kappa-hat(Omega^c)", THREE),
    "constant": ("constant", THREE),
    "beta": ("kappa(Omega, beta)", THREE),
    "product": ("product of kappa(Omega, w)", "{:.2e}".format),
    "misalignment": ("misalignment", "{:.2e}".format),
    "holds": ("holds", str),
    "held": ("held in single filters", PERCENT),
    "stated_holds": ("holds as printed", str),
    "stated_held": ("as printed, in single filters", PERCENT),
}


def texts(table):
    """Return a table's values as text, rounded for people, by columns of FORMATS, in its order.

    A mean stands with its standard deviation, or with its interval, in one cell. Empty columns and
    those that FORMATS does not know are left out.
    """
    if "shuffled_within" in table and (table["shuffled_within"].dropna() == "all").all():
        table = table.drop(columns="shuffled_within")
    table = table.assign(
        cosine=plus_minus(table, "cosine_mean", "cosine_std"),
        id_shuffled=plus_minus(table, "id_shuffled_mean", "id_shuffled_std"),
        interval=interval(table, "difference" if "difference" in table else "mean"),
        rho_interval=interval(table, "rho"),
        effect=interval(
            table, "distance_correlation", "distance_correlation_low", "distance_correlation_high"
        ),
        contrast_interval=interval(table, "contrast", "contrast_low", "contrast_high"),
        **{
            f"{name}_over_seeds": plus_minus(table, f"{name}_mean", f"{name}_std", show)
            for name, (_, show) in OVER_SEEDS.items()
        },
    ).dropna(axis=1, how="all")
    return pd.DataFrame(
        {
            column: [show(value) if pd.notna(value) else "" for value in table[column]]
            for column, (_, show) in FORMATS.items()
            if column in table
        },
        index=table.index,
    )


def names(table):
    """Return the name for people of each column of a table of `texts`, a dict."""
    masks = "attack" in table and (table["attack"] != "").all()
    first, second = ("essential", "adversarial") if masks else ("first", "second")
    special = {"id_first": f"I_d {first}", "id_second": f"I_d {second}"}
    if "z" in table:
        special |= {"p": "Φ(Z)", "p_holm": "Φ(Z), Holm"}
    if "local" in table and "full" in table:
        special["interval"] = "local - full [95 % interval]"
    return {column: special.get(column, FORMATS[column][0]) for column in table}


def interval(table, mean, low="low", high="high"):
    """Return "mean [low, high]" for each row, the mean alone where it has no interval."""
    missing = pd.Series([None] * len(table), index=table.index)
    if mean not in table:
        return missing
    columns = (table[mean], table.get(low, missing), table.get(high, missing))
    texts = [
        None if pd.isna(value) else with_interval(value, below, above)
        for value, below, above in zip(*columns, strict=True)
    ]
    return pd.Series(texts, index=table.index)


def plus_minus(table, mean, std, show=TWO):
    """Return "mean ± std" for each row, the mean alone where there is no std, missing where the mean is.

    Where only some of a row's seeds have a value (column NAME_seeds beside NAME_mean), it says how many.
    """
    missing = pd.Series([None] * len(table), index=table.index)
    if mean not in table:
        return missing
    counts = table.get(f"{mean.removesuffix('_mean')}_seeds", missing)
    texts = [
        None
        if pd.isna(m)
        else show(m)
        + (f" ± {show(s)}" if pd.notna(s) else "")
        + (f" (of {count:.0f})" if pd.notna(count) else "")
        for m, s, count in zip(table[mean], table.get(std, missing), counts, strict=True)
    ]
    return pd.Series(texts, index=table.index)
