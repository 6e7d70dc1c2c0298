"""The I_d test on one screen: join, estimate, shuffle. The rest of this folder does the same, faster.

Paper 1, section 3.2. With a_i, b_i the vectors of point i, I_d the intrinsic dimension by TwoNN and pi_1 to
pi_R random permutations, the joined points (a_i, b_i) are compared with the shuffled (a_i, b_pi_r(i)):

    d = I_d{(a_i, b_i)},  d_r = I_d{(a_i, b_pi_r(i))},  Z = (d - mean_r d_r) / std_r d_r,  p = Phi(Z).

It costs the neighbours of N points of D numbers, some N^2 D operations, for each shuffle. The engine
(dependence.py) computes the distances within each set once, and then N^2 additions for each shuffle.
`execution.engine: reference` runs what is here. Points that are equal count once.
"""

import numpy as np
from dadapy import Data
from scipy.stats import norm

from idbias import files
from idbias.correlation.preprocessing import preprocessed
from idbias.streams import generator


def intrinsic_dimension(first, second, order, mu_fraction=0.9):
    """Return I_d by TwoNN, a float, of vectors (N, D1) joined to vectors (N, D2) in `order`, int (N,)."""
    joined = np.unique(np.hstack([first, second[order]]), axis=0)
    return (
        Data(joined, maxk=2).compute_id_2NN(mu_fraction=mu_fraction)[0]
        if len(joined) > 2
        else np.nan
    )


def dependence(first, second, shuffles=50, seed=0):
    """Return (I_d joined, I_d shuffled (R,), Z, p) of two sets of vectors, float (N, D1) and (N, D2)."""
    count = len(first)
    orders = [generator("shuffle", seed, r).permutation(count) for r in range(shuffles)]
    observed = intrinsic_dimension(first, second, np.arange(count))
    shuffled = np.array([intrinsic_dimension(first, second, order) for order in orders])
    z = (observed - shuffled.mean()) / shuffled.std()
    return observed, shuffled, z, norm.cdf(z)


def dimensions_of_pairs(path, orders, mu_fraction, preprocessing):
    """Return I_d of a pairs file's two sets joined in each of `orders`, float64 (R,), for the rules.

    orders: a function of N that returns int (R, N); preprocessing: arguments of `preprocessed`.
    """
    with files.opened(path) as pairs:
        sets = [preprocessed(pairs[name], **preprocessing)[:] for name in ("first", "second")]
    first, second = (points.reshape(len(points), -1) for points in sets)
    each = orders(len(first))
    return np.array([intrinsic_dimension(first, second, order, mu_fraction) for order in each])
