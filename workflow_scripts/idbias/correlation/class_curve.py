"""Dependence against the number of classes: is it more than that masks of one class are alike?

Of one class the test can see nothing that the class explains; if dependence rises with the number of classes
at an equal number of pairs, the classes carry it.
"""

import numpy as np
import pandas as pd

from idbias.correlation.dependence import TWO_NN, joined_statistics, shuffled_statistics
from idbias.correlation.significance import dimension_test
from idbias.streams import generator

MOST_CLASSES = 10
ORDERS = 20
SHUFFLES = 50
# Pairs of a class, at least, and so points of each test.
LEAST = 20


def class_curve(first, second, labels, seed, estimator=TWO_NN, threads=1, orders=ORDERS):
    """Return the I_d test and the distance correlation of 1, 2, ... 10 classes, a DataFrame.

    first, second: (N, N) squared distances, arrays; labels: (N,) classes. seed: of orders, pairs and
    shuffles. Classes of fewer than LEAST pairs are left out. In each of `orders` random orders of the
    classes, for each k the first k of them give equally many pairs, drawn at random; their number is that
    of the smallest class for every k, so that N does not grow along the curve. Columns: order, classes
    (k), pairs, id, id_shuffled_mean, z (NaN where there is no test), distance_correlation. No rows where
    no class has LEAST pairs.
    """
    labels = np.asarray(labels)
    names, counts = np.unique(labels, return_counts=True)
    names = names[counts >= LEAST]
    members = {name: np.flatnonzero(labels == name) for name in names}
    pairs = min((len(points) for points in members.values()), default=0)
    rows = []
    for order in range(orders if len(names) else 0):
        stream = generator("class curve", seed, order)
        shuffled_names = stream.permutation(names)
        for classes in range(1, min(MOST_CLASSES, len(names)) + 1):
            shares = np.full(classes, pairs // classes)
            shares[: pairs % classes] += 1
            drawn = [
                stream.choice(members[name], share, replace=False)
                for name, share in zip(shuffled_names[:classes], shares, strict=True)
            ]
            points = np.sort(np.concatenate(drawn))
            a, b = (np.ascontiguousarray(z[np.ix_(points, points)]) for z in (first, second))
            numbers = _tested(a, b, seed, estimator, threads)
            rows.append({"order": order, "classes": classes, "pairs": pairs, **numbers})
    columns = ["order", "classes", "pairs", "id", "id_shuffled_mean", "z", "distance_correlation"]
    kinds = dict.fromkeys(columns[:3], int) | dict.fromkeys(columns[3:], float)
    return pd.DataFrame(rows, columns=columns).astype(kinds)


def _tested(first, second, seed, estimator, threads):
    """Return id, id_shuffled_mean, z and distance_correlation of two sets."""
    both = joined_statistics(first, second, np.arange(len(first))[None], estimator)
    shuffled = shuffled_statistics(
        first, second, range(SHUFFLES), seed, estimator, baselines=False, threads=threads
    )
    joined = float(both["intrinsic_dimension"][0])
    test = dimension_test(np.nan, np.nan, joined, shuffled["intrinsic_dimension"])
    numbers = {name: test.get(name, np.nan) for name in ("id", "id_shuffled_mean", "z")}
    return numbers | {"distance_correlation": float(both["distance_correlation"][0])}
