"""The I_d test on one screen: join, estimate, shuffle. The rest of this folder does the same, faster.

Paper 1, section 3.2. With a_i, b_i the vectors of point i, I_d the intrinsic dimension by TwoNN and pi_1 to
pi_R random permutations, the joined points (a_i, b_i) are compared with the shuffled (a_i, b_pi_r(i)):

    d = I_d{(a_i, b_i)},  d_r = I_d{(a_i, b_pi_r(i))},  Z = (d - mean_r d_r) / std_r d_r,  p = Phi(Z).

It costs the neighbours of N points of D numbers, some N^2 D operations, for each shuffle. The engine
(dependence.py) computes the distances within each set once, and then N^2 additions for each shuffle.
"""

import numpy as np
from dadapy import Data
from scipy.stats import norm

from idbias.streams import generator


def dependence(first, second, shuffles=50, seed=0):
    """Return (I_d joined, I_d shuffled (R,), Z, p) of two sets of vectors, float (N, D1) and (N, D2)."""

    def intrinsic_dimension(order):
        joined = Data(np.hstack([first, second[order]]), maxk=3)
        return joined.compute_id_2NN(mu_fraction=0.9)[0]

    count = len(first)
    orders = [generator("shuffle", seed, r).permutation(count) for r in range(shuffles)]
    observed = intrinsic_dimension(np.arange(count))
    shuffled = np.array([intrinsic_dimension(order) for order in orders])
    z = (observed - shuffled.mean()) / shuffled.std()
    return observed, shuffled, z, norm.cdf(z)
