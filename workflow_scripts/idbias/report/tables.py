"""The forms of a table: CSV with all digits, Markdown, LaTeX and HTML for reading."""

from html import escape

import pandas as pd

from idbias.files import replacing
from idbias.report.answers import answers


def write_csv(path, table):
    """Write a DataFrame as CSV with all digits; the file appears only when it is complete."""
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False)


def write(table, csv, markdown, latex, html):
    """Write a table of rows: CSV with all digits, and rounded for people in the other three.

    Markdown and HTML begin with what rows of the I_d test say, in words (idbias.report.answers).
    """
    write_csv(csv, table)
    shown = for_people(table)
    said = answers(table.to_dict("records"))
    forms = {
        markdown: "".join(f"- {one}\n" for one in said)
        + "\n" * bool(said)
        + shown.to_markdown(index=False, disable_numparse=True)
        + "\n",
        latex: shown.rename(columns=LATEX_NAMES)
        .replace(LATEX_CELLS, regex=True)
        .to_latex(index=False),
        html: PAGE.format(
            "".join(f"<p>{escape(one).replace(' = ', '&nbsp;=&nbsp;')}</p>\n" for one in said),
            shown.to_html(index=False, border=0),
        ),
    }
    for path, text in forms.items():
        with replacing(path) as temporary:
            temporary.write_text(text)


# In the report a table stands in a narrow frame of its own, and that of the I_d tests on the opening page,
# which takes what is between the tags of body.
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>idbias</title>
</head>
<body>
<div class="idbias">
<style>
.idbias {{ font: 10.5px/1.5 sans-serif; margin: 6px; color: #111; background: #fff; }}
.idbias p {{ font-size: 13px; margin: 0 0 6px; }}
.idbias .wide {{ overflow-x: auto; }}
.idbias table {{ border-collapse: collapse; margin: 0; }}
.idbias th {{ border-bottom: 1px solid #333; font-weight: 600; }}
.idbias td {{ border-bottom: 1px solid #ddd; white-space: nowrap; }}
.idbias th, .idbias td {{ padding: 2px 4px; text-align: right; vertical-align: bottom; }}
</style>
{}<div class="wide">
{}
</div>
</div>
</body>
</html>
"""

PERCENT, WHOLE, TWO, THREE = "{:.1%}".format, "{:.0f}".format, "{:.2f}".format, "{:.3f}".format
# What a table over seeds has the mean and the standard deviation of.
OVER_SEEDS = {
    "test_accuracy": "accuracy",
    "attack_success": "success",
    "pairs": "pairs N",
    "z": "Z",
    "id_correlation_corrected": "I_d correlation, corrected",
    "contrast": "attack - control",
}
# Column -> its name for people and how its values are written; in the order of the columns.
FORMATS = {
    **{name: (name, str) for name in ("source", "experiment", "dataset", "classifier")},
    "seed": ("seed", WHOLE),
    "seeds": ("seeds", WHOLE),
    "published_name": ("published as", str),
    "hidden_layers": ("hidden layers", WHOLE),
    "nonlinearity": ("nonlinearity", str),
    "test_accuracy": ("accuracy", PERCENT),
    "published_accuracy": ("published accuracy", PERCENT),
    "accuracy_difference": ("measured - published", "{:+.1%}".format),
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
    "median_linf": ("median linf", "{:.4f}".format),
    "median_l2": ("median l2", "{:.3f}".format),
    "essential_masks": ("essential masks", WHOLE),
    "adversarial_masks": ("adversarial masks", WHOLE),
    "pairs": ("pairs N", WHOLE),
    "shuffled_within": ("shuffled within", str),
    "cosine": ("cosine", str),
    "r_squared": ("R^2", "{:.1e}".format),
    "id_first": ("I_d first", TWO),
    "id_second": ("I_d second", TWO),
    "id": ("I_d", TWO),
    "id_shuffled": ("I_d shuffled", str),
    "z": ("Z", TWO),
    "p": ("p", "{:.1e}".format),
    "p_holm": ("p, Holm", "{:.1e}".format),
    "p_permutation": ("permutation p", "{:.2g}".format),
    "p_permutation_holm": ("permutation p, Holm", "{:.2g}".format),
    "id_correlation": ("I_d correlation", TWO),
    "id_correlation_corrected": ("I_d correlation, corrected", TWO),
    "distance_correlation": ("distance correlation", THREE),
    "distance_correlation_p": ("its p", "{:.2g}".format),
    "hsic_linear": ("HSIC, linear", THREE),
    "hsic_linear_p": ("p, linear", "{:.2g}".format),
    "hsic_gaussian": ("HSIC, Gaussian", THREE),
    "hsic_gaussian_p": ("p, Gaussian", "{:.2g}".format),
    "svcca": ("SVCCA", TWO),
    "scale_ratio": ("scale ratio", "{:.2g}".format),
    "warnings": ("warnings", str),
    "training_images": ("training images", WHOLE),
    "test_images": ("test images", WHOLE),
    "accuracy": ("accuracy before the attack", PERCENT),
    "attacked_accuracy": ("after it", PERCENT),
    "undone_accuracy": ("after the map undid it", PERCENT),
    "undone_share": ("attacks undone", PERCENT),
    "kept_accuracy": ("clean images after their map", PERCENT),
    "contrast_interval": ("attack - control [95 % interval]", str),
    "contrast_p": ("p of the contrast", "{:.2g}".format),
    **{f"{name}_over_seeds": (words, str) for name, words in OVER_SEEDS.items()},
    "family": ("layers", str),
    "kernel": ("side of the local kernel", WHOLE),
    "local": ("local kernel", THREE),
    "full": ("full kernel", THREE),
    **{
        f"{kernel}_{name}": (f"{kernel}: {words}", show)
        for name, words, show in (
            ("learning_rate", "learning rate", "{:.3g}".format),
            ("train_accuracy", "training accuracy", PERCENT),
        )
        for kernel in ("local", "full")
    },
    "interval": ("radial frequency [95 % interval]", str),
    **{
        f"share_above_{radius}": (f"energy above {radius}", PERCENT)
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

LATEX_NAMES = {
    "I_d": "$I_d$",
    "I_d essential": "$I_d$ essential",
    "I_d adversarial": "$I_d$ adversarial",
    "I_d first": "$I_d$ first",
    "I_d second": "$I_d$ second",
    "I_d shuffled": "$I_d$ shuffled",
    "R^2": "$R^2$",
    "I_d correlation": "$I_d$ correlation",
    "radial frequency [95 % interval]": r"radial frequency [95 \% interval]",
    "attack - control [95 % interval]": r"attack $-$ control [95 \% interval]",
    "kappa(S^c)": r"$\kappa(S^c)$",
    "kappa-hat(Omega^c)": r"$\hat\kappa(\Omega^c)$",
    "kappa(Omega, beta)": r"$\kappa(\Omega, \beta)$",
    "product of kappa(Omega, w)": r"$\prod \kappa(\Omega, w_l)$",
    "median linf": r"median $\ell_\infty$",
    "median l2": r"median $\ell_2$",
    "Z": "$Z$",
    "p": "$p$",
}
LATEX_CELLS = {"_": r"\_", "%": r"\%", "±": r"$\\pm$"}


def for_people(table):
    """Return the columns of a table that FORMATS knows, in its order, rounded and named for reading.

    A mean stands with its standard deviation, or with its interval, in one cell.
    """
    masks = "attack" in table and table["attack"].notna().all()
    first, second = ("essential", "adversarial") if masks else ("first", "second")
    if "shuffled_within" in table and (table["shuffled_within"].dropna() == "all").all():
        table = table.drop(columns="shuffled_within")
    table = table.assign(
        cosine=plus_minus(table, "cosine_mean", "cosine_std"),
        id_shuffled=plus_minus(table, "id_shuffled_mean", "id_shuffled_std"),
        interval=with_interval(table, "difference" if "difference" in table else "mean"),
        contrast_interval=with_interval(table, "contrast", "contrast_low", "contrast_high"),
        **{
            f"{name}_over_seeds": plus_minus(table, f"{name}_mean", f"{name}_std")
            for name in OVER_SEEDS
        },
    ).dropna(axis=1, how="all")
    formats = {
        **FORMATS,
        "id_first": (f"I_d {first}", "{:.2f}".format),
        "id_second": (f"I_d {second}", "{:.2f}".format),
    }
    shown = {
        name: [show(value) if pd.notna(value) else "" for value in table[column]]
        for column, (name, show) in formats.items()
        if column in table
    }
    return pd.DataFrame(shown)


def with_interval(table, mean, low="low", high="high"):
    """Return "mean [low, high]" for each row, the mean alone where it has no interval."""
    if mean not in table:
        return pd.Series([None] * len(table), index=table.index)
    texts = [
        f"{m:.3f} [{below:.3f}, {above:.3f}]"
        if pd.notna(below)
        else f"{m:.3f}"
        if pd.notna(m)
        else None
        for m, below, above in zip(table[mean], table[low], table[high], strict=True)
    ]
    return pd.Series(texts, index=table.index)


def plus_minus(table, mean, std):
    """Return "mean ± std" for each row, missing where the mean is."""
    if mean not in table:
        return pd.Series([None] * len(table), index=table.index)
    both = zip(table[mean], table[std], strict=True)
    texts = [f"{m:.2f} ± {s:.2f}" if pd.notna(m) else None for m, s in both]
    return pd.Series(texts, index=table.index)
