"""Tables: rows of the I_d test, and their forms for reading, for LaTeX and for further work."""

from html import escape

import numpy as np
import pandas as pd

from idbias import files
from idbias.errors import InputError
from idbias.files import replacing
from idbias.report.answers import answers


def row(names, pairs, dimensions, shuffles):
    """Return the rows of two sets in the correlation table, one for each way to shuffle them.

    `names`: dict of first columns; `pairs`, `dimensions`: files; `shuffles`: list of files, shards of
    one way after those of another. Columns that do not apply (a spiral has no attack) are missing.
    """
    # Here, because the figures that read shuffles by this module should not wait for scipy.stats.
    from idbias.correlation.id_test import baselines_summary, summary
    from idbias.correlation.warnings import warnings_of

    with files.opened(pairs) as file:
        about = dict(file.attrs)
        cosine = file["cosine"][()] if "cosine" in file else np.array([np.nan])
        points = len(file["index"])
    observed, _ = files.read(dimensions)
    counts = (
        "test_accuracy", "images", "attack_success", "essential_masks", "adversarial_masks",
    )  # fmt: skip
    found = []
    for within, paths in by_way(shuffles).items():
        shuffled = read_statistics(paths)
        alone = (observed[name] for name in ("first", "second", "joined"))
        columns = {
            **names,
            **{name: about.get(name) for name in counts},
            "pairs": points,
            "shuffled_within": within,
            "cosine_mean": np.nanmean(cosine) if np.isfinite(cosine).any() else None,
            "cosine_std": np.nanstd(cosine) if np.isfinite(cosine).any() else None,
            "r_squared": about.get("r_squared"),
            **summary(*map(float, alone), shuffled["intrinsic_dimension"]),
            **baselines_summary(observed, shuffled),
            "svcca": observed.get("svcca"),
            "scale_ratio": observed["scale_ratio"],
        }
        found.append({**columns, "warnings": warnings_of(columns)})
    return pd.DataFrame(found)


def by_way(shuffles):
    """Return what is shuffled within -> its shard files, in their order."""
    found = {}
    for path in shuffles:
        within = files.read(path, [])[1].get("within", "all")
        found.setdefault(within, []).append(path)
    return found


def attacks(names, predictions, attacked):
    """Return what each attack did, a DataFrame with a row for each.

    names: dicts of its first columns (experiment, dataset, classifier, attack, epsilon, images);
    predictions, attacked: files of those stages, in the same order. Further columns: test_accuracy,
    correct (images classified correctly, the ones that were attacked), succeeded, attack_success (their
    share), timed_out (images that Brendel-Bethge's time limit ended; missing of other attacks), and
    median_linf and median_l2 of the successful perturbations, in units of the pixel range.
    """
    rows = []
    for name, predicted, path in zip(names, predictions, attacked, strict=True):
        about = files.read(predicted, [])[1]
        found, _ = files.read(path, ["success", "linf", "l2"])
        success = found["success"]
        with files.opened(path) as file:
            timed_out = file["timed_out"][()].sum() if "timed_out" in file else None
        rows.append(
            {
                **name,
                "test_accuracy": about["test_accuracy"],
                "correct": len(success),
                "succeeded": success.sum(),
                "attack_success": success.mean() if len(success) else None,
                "timed_out": timed_out,
                **{
                    f"median_{norm}": np.median(found[norm][success]) if success.any() else None
                    for norm in ("linf", "l2")
                },
            }
        )
    return pd.DataFrame(rows)


def read_shuffles(paths):
    """Return I_d of every replicate in shard files, float64 (R,), as `read_statistics`."""
    return read_statistics(paths)["intrinsic_dimension"]


def read_statistics(paths):
    """Return each statistic of every replicate in shard files, name -> float64 (R,), by number.

    Raises InputError unless they are the replicates 0 .. R-1, each once, of one seed and estimator.
    """
    shards, attributes = zip(*(files.read(path) for path in paths), strict=True)
    made = ("comparison", "seed", "estimator", "mu_fraction", "neighbours", "within")
    for path, shard, about in zip(paths, shards, attributes, strict=True):
        differ = any(about.get(name) != attributes[0].get(name) for name in made)
        if differ or shard.keys() != shards[0].keys():
            raise InputError(
                f"{path} was not made as {paths[0]} was (its {', '.join(made)} or statistics differ "
                "somewhere); delete the one that is out of date and run again."
            )
    joined = {name: np.concatenate([shard[name] for shard in shards]) for name in shards[0]}
    numbers = joined.pop("replicate")
    order = np.argsort(numbers, kind="stable")
    if not np.array_equal(numbers[order], np.arange(len(numbers))):
        raise InputError(
            f"the shuffles from {paths[0]} to {paths[-1]} are not replicates 0 to {len(numbers) - 1}, "
            "each once; delete them and run again."
        )
    return {name: values[order] for name, values in joined.items()}


def join(rows, published=None):
    """Return the rows of CSV files as one DataFrame; rows of `published` follow, so marked.

    Several rows of a test get p-values adjusted for their number beside them.
    """
    read = [pd.read_csv(path) for path in rows]
    table = pd.concat([one for one in read if len(one)] or read[:1], ignore_index=True)
    for column in ("p", "p_permutation"):
        if column in table and len(table) > 1:
            table.insert(table.columns.get_loc(column) + 1, f"{column}_holm", holm(table[column]))
    if published:
        table.insert(0, "source", "measured")
        known = pd.read_csv(published)
        known.insert(0, "source", "published")
        table = pd.concat([table, known], ignore_index=True)
    return table.dropna(axis=1, how="all")


def holm(ps):
    """Return p-values (M,) adjusted for their number; a missing one stays missing and does not count.

    The i-th smallest is multiplied by M - i + 1, and is no smaller than one before it, nor above 1:
    at or below a level in any of M true nulls no more often than that level says (Holm 1979, "A
    simple sequentially rejective multiple test procedure").
    """
    ps = np.asarray(ps, np.float64)
    order = np.argsort(ps)[: np.isfinite(ps).sum()]
    steps = ps[order] * np.arange(len(order), 0, -1)
    out = np.full(len(ps), np.nan)
    out[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return out


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
