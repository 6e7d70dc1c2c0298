"""Tables of paper 2's measures, from the files of idbias.spectra.measured_spectra."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from idbias import files
from idbias.spectra.measured_spectra import RADII
from idbias.spectra.radial import bootstrap, reason

# What a spectrum is of -> the column of its mean radial frequency.
OF = {
    "perturbation": "perturbations",
    "gradient": "input gradients",
    "weights": "end-to-end weights",
    "essential": "essential masks",
    "adversarial": "adversarial masks",
}


def read(perturbations, classifiers):
    """Read spectra, one a classifier and attack.

    perturbations: files spectra/ATTACK.h5; classifiers: their classifiers' files
    classifier_spectrum.h5, each once, or none for only the perturbations. Returns a list of dicts:
    experiment, classifier, attack, and of each of OF that there is the dict of its arrays
    (idbias.spectra.measured_spectra.measures).
    """
    shared = {}
    for path in classifiers:
        arrays, about = files.read(path)
        shared[about["experiment"], about["classifier"]] = grouped(arrays)
    spectra = []
    for path in perturbations:
        arrays, about = files.read(path)
        names = {name: str(about[name]) for name in ("experiment", "classifier", "attack")}
        of_classifier = shared.get((names["experiment"], names["classifier"]), {})
        spectra.append({**names, **grouped(arrays), **of_classifier})
    return spectra


def grouped(arrays):
    """Return {"a": {"b": array}} of {"a/b": array}."""
    groups = {}
    for name, array in arrays.items():
        group, _, key = name.partition("/")
        groups.setdefault(group, {})[key] = array
    return groups


def frequencies(spectra, seed):
    """Return mean radial frequencies with 95 % bootstrap intervals over images, a DataFrame.

    spectra: as `read` returns. A row for each of OF that a spectrum has: experiment, classifier,
    attack, of, images, mean, low, high (cycles per pixel), share_above_RADIUS, the mean share of
    the energy above each radius, and, if a row lacks an interval or all numbers, reason. End-to-end
    weights have a row a class, and no interval.
    """
    rows = []
    for spectrum in spectra:
        for of in OF:
            if of not in spectrum:
                continue
            values, weights = spectrum[of]["frequency"], of == "weights"
            interval = (values.mean(), None, None) if weights else bootstrap(values, seed)
            shares = mean_of(spectrum[of]["share_above"])
            rows.append(
                {
                    **{name: spectrum[name] for name in ("experiment", "classifier", "attack")},
                    "of": OF[of],
                    "images": None if weights else len(values),
                    **dict(zip(("mean", "low", "high"), interval, strict=True)),
                    **{
                        f"share_above_{radius}": share
                        for radius, share in zip(RADII, shares, strict=True)
                    },
                    "reason": "" if weights else reason(len(values)),
                }
            )
    return with_reasons(rows)


def mean_of(values):
    """Return the mean over rows of `values` (N, ...); NaN if there is none."""
    return values.mean(axis=0) if len(values) else np.full(values.shape[1:], np.nan)[()]


def with_reasons(rows):
    """Return rows (dicts) as a DataFrame, without the column reason where none has any."""
    table = pd.DataFrame(rows)
    return (
        table
        if any(row["reason"] for row in rows)
        else table.drop(columns="reason", errors="ignore")
    )


def read_trained(paths):
    """Return (experiment, classifier) -> dict of learning_rate and train_accuracy of classifiers' files.

    paths: results/E/C/classifier.h5. The rate is the recipe's, the accuracy that of the last epoch's
    batches. Where the recipe has a stop_accuracy, that, or short_of_accuracy if training never came to it.
    Empty for weights that were not trained here.
    """
    trained = {}
    for path in paths:
        experiment, classifier = Path(path).parts[-3:-1]
        with files.opened(path) as file:
            recipe = json.loads(file.attrs["made_of"])["network"].get("recipe")
            last = file["history/train_accuracy"][-1] if recipe else None
        known = {"learning_rate": recipe["learning_rate"], "train_accuracy": last} if recipe else {}
        if stop := (recipe or {}).get("stop_accuracy"):
            known["stop_accuracy" if last >= stop else "short_of_accuracy"] = stop
        trained[experiment, classifier] = known
    return trained


def local_against_full(spectra, kernels, seed, trained=None):
    """Return the claim of paper 2, measured: frequencies of local kernels minus those of full ones.

    spectra: as `read` returns; kernels: experiment -> classifier -> (family, side of the kernel, 0
    for a full one, training seed), as idbias.config.experiments.Experiment.kernels. A row for each
    attack and pair of convolutional models of one seed that differ only in the kernel, of
    perturbations and of input gradients: on the images that both have, the mean difference in radial
    frequency (cycles per pixel) and its 95 % bootstrap interval over images, which says nothing of
    another training run. A DataFrame: experiment, attack, family, kernel (side of the local one), of,
    images, local, full, difference, low, high, and the names of both classifiers; with several seeds
    also seed, and the rows of `over_seeds` below them. trained: as `read_trained` returns, for columns
    (local_ and full_) learning_rate and train_accuracy: a difference in frequency is one of kernels only
    where these are alike.
    """
    trained = trained or {}
    convolutions = [
        (spectrum, *kernels[spectrum["experiment"]][spectrum["classifier"]])
        for spectrum in spectra
        if spectrum["classifier"] in kernels.get(spectrum["experiment"], {})
    ]
    pairs = [
        (local, full, family, side, training)
        for local, family, side, training in convolutions
        for full, full_family, full_side, full_training in convolutions
        if side
        and not full_side
        and (family, training) == (full_family, full_training)
        and all(local[name] == full[name] for name in ("experiment", "attack"))
    ]
    rows = []
    for local, full, family, side, training in pairs:
        for of in ("perturbation", "gradient"):
            common, a, b = np.intersect1d(
                local[of]["index"], full[of]["index"], return_indices=True
            )
            pair = local[of]["frequency"][a], full[of]["frequency"][b]
            difference, low, high = bootstrap(pair[0] - pair[1], seed)
            rows.append(
                {
                    "experiment": local["experiment"],
                    "seed": training,
                    "attack": local["attack"],
                    "family": family,
                    "kernel": side,
                    "of": OF[of],
                    "images": len(common),
                    "local": mean_of(pair[0]),
                    "full": mean_of(pair[1]),
                    "difference": difference,
                    "low": low,
                    "high": high,
                    **{
                        f"{kernel}_{name}": value
                        for kernel, spectrum in (("local", local), ("full", full))
                        for name, value in trained.get(
                            (spectrum["experiment"], spectrum["classifier"]), {}
                        ).items()
                    },
                    "local_classifier": local["classifier"],
                    "full_classifier": full["classifier"],
                    "reason": reason(len(common)),
                }
            )
    return with_means_over_seeds(with_reasons(rows), "difference")


def with_means_over_seeds(table, value):
    """Return `table` with the rows of `over_seeds` below it; of one seed or none, `table` without its column."""
    if table.empty or table["seed"].nunique() < 2:
        return table.drop(columns="seed", errors="ignore")
    return pd.concat([table, over_seeds(table, value)], ignore_index=True)


def over_seeds(table, value):
    """Return the mean of the column `value` over training seeds and its 95 % interval, a DataFrame.

    table: rows of `local_against_full` or `kernel_sizes` with seed. A row for each experiment, attack,
    family, kernel and of that has several: seeds, the means of images and of what else was measured,
    and low and high, of Student's t with one degree of freedom less than there are seeds.
    """
    # Here, because figures that read this module should not wait for scipy.stats.
    from scipy.stats import t as student_t

    names = ("experiment", "dataset", "attack", "family", "kernel", "of", "full_kernel")
    by = [name for name in names if name in table]
    grouped = table.dropna(subset=value).groupby(by, sort=False)
    shown = [name for name in ("images", "local", "full", value) if name in table]
    of_training = [name for name in table if name.endswith(("learning_rate", "_accuracy"))]
    means = grouped[shown + of_training].mean()
    means["seeds"] = grouped["seed"].nunique()
    error = grouped[value].std(ddof=1) / np.sqrt(means["seeds"])
    reach = student_t.ppf(0.975, means["seeds"] - 1) * error
    means["low"], means["high"] = means[value] - reach, means[value] + reach
    return means[means["seeds"] > 1].reset_index()


def kernel_sizes(spectra, kernels, datasets, seed, trained=None):
    """Return the mean radial frequency of perturbations by the side of the kernel, a DataFrame.

    spectra, kernels, seed, trained: as for `local_against_full`; datasets: experiment -> its name. A row
    for each attack on each convolution: experiment, dataset, attack, family, kernel (side in pixels),
    full_kernel (whether it is as large as the image), images, mean, low, high (cycles per pixel; 95 %
    bootstrap interval over images), learning_rate, train_accuracy, and stop_accuracy or short_of_accuracy (as
    `read_trained` has them); with several seeds also seed, and the rows of `over_seeds` below them.
    """
    rows = []
    for spectrum in spectra:
        name, classifier = spectrum["experiment"], spectrum["classifier"]
        if classifier not in kernels.get(name, {}):
            continue
        family, side, training = kernels[name][classifier]
        values = spectrum["perturbation"]["frequency"]
        mean, low, high = bootstrap(values, seed)
        rows.append(
            {
                "experiment": name,
                "dataset": datasets[name],
                "seed": training,
                "attack": spectrum["attack"],
                "family": family,
                "kernel": side or min(spectrum["perturbation"]["amplitude"].shape[-2:]),
                "full_kernel": not side,
                "images": len(values),
                **{"mean": mean, "low": low, "high": high},
                **(trained or {}).get((name, classifier), {}),
                "classifier": classifier,
                "reason": reason(len(values)),
            }
        )
    return with_means_over_seeds(with_reasons(rows), "mean")


def accuracies(classifiers, predictions, published):
    """Return measured test accuracies beside published ones (paper 2, Tables 3 and 4).

    classifiers: dicts with experiment, dataset (its source), classifier and epochs (of training here,
    at most; None for weights as they came); predictions: their files, in the same order; published: the
    two CSV files. A DataFrame, a row a classifier: also published_name, test_accuracy,
    published_accuracy, accuracy_difference, and for ImageNet top5_accuracy and published_top5; all
    shares, not percent. Models that were not published have no published numbers.
    """
    three, four = (pd.read_csv(path) for path in published)
    three["classifier"] = [
        f"{row.architecture}_{row.hidden_layers}_{row.nonlinearity}" for row in three.itertuples()
    ]
    three["published_accuracy"] = three["test_accuracy_percent"] / 100
    four = four.rename(columns={"timm_name": "classifier"}).assign(dataset="imagenet")
    four["published_accuracy"] = four["top1_percent"] / 100
    four["published_top5"] = four["top5_percent"] / 100
    columns = ["dataset", "classifier", "published_name", "published_accuracy", "published_top5"]
    known = pd.concat([three, four], ignore_index=True)[columns]
    rows = []
    for names, path in zip(classifiers, predictions, strict=True):
        measured, about = files.read(path, ["logits", "label"])
        row = {**names, "test_accuracy": about["test_accuracy"]}
        if names["dataset"] == "imagenet":
            best = np.argsort(measured["logits"], axis=1)[:, -5:]
            row["top5_accuracy"] = (best == measured["label"][:, None]).any(axis=1).mean()
        rows.append(row)
    named = None if rows else ["experiment", "dataset", "classifier", "test_accuracy"]
    table = pd.DataFrame(rows, columns=named).merge(known, "left", ["dataset", "classifier"])
    table["accuracy_difference"] = table["test_accuracy"] - table["published_accuracy"]
    return table.dropna(axis=1, how="all")
