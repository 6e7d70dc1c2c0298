"""How well a linear classifier reads an image's class from its mask.

Karantzas et al. 2022, "Understanding robustness and generalization of artificial neural networks through
Fourier masks", read classes from such masks: dependence of two sets may be no more than their classes.
"""

import numpy as np

from idbias.streams import generator

NAMES = tuple(
    f"class_decoded_{which}{kind}" for which in ("first", "second") for kind in ("", "_scrambled")
)
FOLDS = 5
# Points at most, drawn once: a Gram matrix of this size is factored for each fold.
MOST = 4000


def class_decoded(squared, labels, seed):
    """Return (share, share of scrambled labels) of points whose class is read from the others.

    squared: (N, N) squared distances, an array or an h5py dataset. labels: (N,) classes. seed: of folds
    and scrambling. Ridge regression on one-hot classes (Hastie et al., "The elements of statistical
    learning", section 4.2) in its kernel form, the greatest output wins; its penalty is the mean squared
    distance of points from their mean. Five stratified folds; classes of fewer than 5 points are left
    out. Of more than 4,000 points it is that of 4,000. NaN where fewer than two classes remain.
    """
    # Here, because scikit-learn takes seconds to import, which a job without classes can save.
    from sklearn.kernel_ridge import KernelRidge
    from sklearn.model_selection import StratifiedKFold

    labels = np.asarray(labels)
    classes, counts = np.unique(labels, return_counts=True)
    chosen = np.flatnonzero(np.isin(labels, classes[counts >= FOLDS]))
    if len(np.unique(labels[chosen])) < 2:
        return np.nan, np.nan
    stream = generator("class decodability", seed)
    if len(chosen) > MOST:
        chosen = np.sort(stream.choice(chosen, MOST, replace=False))
    gram = centred_products(np.stack([squared[int(row)][chosen] for row in chosen]))
    classes, true = np.unique(labels[chosen], return_inverse=True)
    names = np.stack([true, stream.permutation(true)])
    targets = np.concatenate([np.eye(len(classes))[numbers] for numbers in names], axis=1)
    right = np.zeros(2)
    splits = StratifiedKFold(FOLDS, shuffle=True, random_state=int(stream.integers(2**31)))
    for train, test in splits.split(gram, true):
        mean = targets[train].mean(axis=0)
        model = KernelRidge(alpha=np.trace(gram) / len(gram), kernel="precomputed")
        model.fit(gram[np.ix_(train, train)], targets[train] - mean)
        outputs = model.predict(gram[np.ix_(test, train)]) + mean
        guesses = outputs.reshape(len(test), 2, len(classes)).argmax(axis=2)
        right += (names[:, test] == guesses.T).sum(axis=1)
    return tuple(float(share) for share in right / len(chosen))


def centred_products(squared):
    """Return the inner products of points about their mean, (N, N), from squared distances (N, N)."""
    squared = np.asarray(squared, np.float64)
    rows = squared.mean(axis=0)
    return -0.5 * (squared - rows - rows[:, None] + rows.mean())
