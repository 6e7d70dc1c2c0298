r"""The crossed analysis in its plainest form: what the streaming one is tested against.

K trainings of one recipe, N images. e_k(x) is the essential mask of training k for image x, a_l(x) what the
attack on training l uses of it. With bars for means over trainings,

    G_kl  = mean over x of <e_k(x) - e_bar(x), a_l(x) - a_bar(x)>
    theta = tr G / (K - 1)
    rho   = theta / sqrt(V_e V_a),   V_e = mean over x of sum_k |e_k(x) - e_bar(x)|^2 / (K - 1)

and V_a likewise. Everything that the image explains is the same for all trainings and is gone with the
mean over them. Null hypothesis: given the images, essential masks and attacks are independent. Then any
training's attacks fit any training's masks equally well, and theta is one of the values

    theta_pi = sum_k G_{k, pi(k)} / (K - 1)

of all K! relabellings pi, each as likely: p is the share of them with theta_pi >= theta. G = M + I with
M_kl = mean over pairs of images x != y of <e_k(x) - e_bar(x), a_l(y) - a_bar(y)>: what trainings have on average
over images, and the rest I, which depends on the image (pairs x = y would count 1 / N of I in M). The interval
is rho +- t s, with s^2 = (K - 1) / K sum_k (rho_(k) - mean)^2 over the rho_(k) without training k (jackknife;
Efron and Stein 1981) and t the 97.5 % point of Student's t with K - 1 degrees of freedom.
"""

from itertools import permutations

import numpy as np
from scipy.stats import t


def crossed(essential, attack):
    """Return rho, low, high, p, network_means, network_means_p, interaction and interaction_p, a dict.

    essential, attack: float (K, N, D), (K, N, D), K >= 3.
    """
    count = len(essential)
    e, a = essential - essential.mean(0), attack - attack.mean(0)
    gram = np.einsum("knd,lnd->kl", e, a) / e.shape[1]
    images = e.shape[1]
    means = (images**2 * e.mean(1) @ a.mean(1).T - images * gram) / (images * (images - 1))
    scale = (count - 1) * rho_of(essential, attack)[1]
    numbers = {}
    for name, part in (("", gram), ("network_means", means), ("interaction", gram - means)):
        traces = [sum(part[k, pi[k]] for k in range(count)) for pi in permutations(range(count))]
        numbers[name or "rho"] = traces[0] / scale
        numbers[f"{name}_p" if name else "p"] = np.mean(
            [trace >= traces[0] - 1e-12 for trace in traces]
        )
    without = [rho_of(np.delete(essential, k, 0), np.delete(attack, k, 0))[0] for k in range(count)]
    error = np.sqrt((count - 1) / count * np.sum((without - np.mean(without)) ** 2))
    reach = t.ppf(0.975, count - 1) * error
    return {**numbers, "low": numbers["rho"] - reach, "high": numbers["rho"] + reach}


def rho_of(essential, attack):
    """Return (rho, sqrt(V_e V_a)) of float (K, N, D), (K, N, D)."""
    count, images = essential.shape[:2]
    e, a = essential - essential.mean(0), attack - attack.mean(0)
    degrees = images * (count - 1)
    scale = np.sqrt((e**2).sum() / degrees * (a**2).sum() / degrees)
    return (e * a).sum() / degrees / scale, scale
