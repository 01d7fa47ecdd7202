"""Reference values for tests/decision_reference.rs, computed with SciPy and statsmodels: `python decisions.py > decisions.json`.

Made with Python 3, NumPy 2.4.6, SciPy 1.17.1 and statsmodels 0.15.0; seeded, so a second run prints the same file.
"""

import json

import numpy as np
import statsmodels.api as sm
from scipy import integrate, optimize, stats
from statsmodels.formula.api import ols
from statsmodels.stats.meta_analysis import combine_effects
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

rng = np.random.default_rng(20240602)


def contrast(n, mean, std, margin):
    """A paired comparison by statsmodels: t test, intervals and two one-sided tests."""
    d = DescrStatsW(rng.normal(mean, std, n))
    return {
        "seeds": n, "difference": d.mean, "std_error": d.std_mean, "degrees": n - 1, "margin": margin,
        "interval": d.tconfint_mean(0.05), "equivalence_interval": d.tconfint_mean(0.10),
        "p_value": d.ttest_mean(0)[1], "equivalence_p_value": d.ttost_mean(-margin, margin)[0],
    }


def provable(std_error, degrees):
    """Power of two one-sided tests at a true difference of 0, integrated over the estimated standard error."""
    t = stats.t.ppf(0.95, degrees)
    chi = stats.chi(degrees, scale=1 / np.sqrt(degrees))

    def missing(margin):  # in standard errors
        inside = lambda u: (2 * stats.norm.cdf(margin - t * u) - 1) * chi.pdf(u)
        low, high = max(0, 1 - 10 / degrees**0.5), min(margin / t, 1 + 10 / degrees**0.5)
        return integrate.quad(inside, low, max(low, high), epsabs=1e-13, epsrel=1e-13, limit=500)[0] - 0.8

    margin = optimize.brentq(missing, 0.1, 200, xtol=1e-13)
    return {"std_error": std_error, "degrees": degrees, "margin": margin * std_error}


def components(seeds, images):
    """Mean squares of a two-way table by statsmodels' analysis of variance."""
    quality = rng.uniform(0, 1, images)
    a = rng.uniform(0, 1, (seeds, images)) < 0.5 + 0.4 * quality + rng.normal(0, 0.08, (seeds, 1))
    b = rng.uniform(0, 1, (seeds, images)) < 0.9 - 0.3 * quality
    d = a.astype(float) - b
    s, i = np.indices(d.shape)
    table = sm.stats.anova_lm(ols("d ~ C(s) + C(i)", {"d": d.ravel(), "s": s.ravel(), "i": i.ravel()}).fit())
    squares = table["mean_sq"] / d.size
    rows = ["".join("01"[x] for x in row.astype(int)) for row in np.concatenate([a, b])]
    return {"correct": rows, "mean": d.mean(), "seed_part": squares["C(s)"], "image_part": squares["C(i)"],
            "rest_part": squares["Residual"]}


def wilson(right, images, level):
    low, high = proportion_confint(right, images, 1 - level, method="wilson")
    return {"right": right, "images": images, "level": level, "low": low, "high": high}


def pooled(differences, std_errors):
    result = combine_effects(np.array(differences), np.square(std_errors), method_re="iterated", use_t=True, atol=1e-14)
    weights = 1 / (np.square(std_errors) + result.tau2)
    k, std_error = len(differences), weights.sum() ** -0.5
    return {
        "differences": list(differences), "std_errors": list(std_errors), "difference": result.mean_effect_re,
        "between": result.tau2 ** 0.5, "std_error": std_error, "scale_hksj": result.scale_hksj_re,
        "half_width": stats.t.ppf(0.975, k - 1) * std_error,
        "prediction": stats.t.ppf(0.975, k - 2) * (result.tau2 + std_error**2) ** 0.5 if k > 2 else None,
    }


def sequential(max_seeds):
    """Levels that spend alpha (n / max)^2, from SciPy's multivariate normal distribution of the estimates at all looks."""
    def levels(alpha):
        looks = np.arange(3, max_seeds + 1)
        correlation = np.sqrt(np.minimum.outer(looks, looks) / np.maximum.outer(looks, looks))
        z = []
        for k, n in enumerate(looks, 1):
            def missing(last):
                upper = np.array([*z, last])
                inside = stats.multivariate_normal.cdf(
                    upper, cov=correlation[:k, :k], lower_limit=-upper, maxpts=200_000, abseps=1e-7, releps=1e-7,
                    rng=np.random.default_rng(1))
                return 1 - inside - alpha * (n / max_seeds) ** 2
            z.append(optimize.brentq(missing, 1, 8, xtol=1e-7))
        return (1 - 2 * stats.norm.sf(z)).tolist()
    return {"max_seeds": max_seeds, "levels": levels(0.04), "equivalence_levels": levels(0.07)}


# Vaccination against tuberculosis, 13 trials (Colditz et al., JAMA 271, 1994, 698-702): cases and others with the vaccine,
# cases and others without.
BCG = np.array([
    [4, 119, 11, 128], [6, 300, 29, 274], [3, 228, 11, 209], [62, 13536, 248, 12619], [33, 5036, 47, 5761],
    [180, 1361, 372, 1079], [8, 2537, 10, 619], [505, 87886, 499, 87892], [29, 7470, 45, 7232], [17, 1699, 65, 1600],
    [186, 50448, 141, 27197], [5, 2493, 3, 2338], [27, 16886, 29, 17825]])


def log_risk_ratios():
    a, b, c, d = BCG.T
    return np.log(a / (a + b) / (c / (c + d))), np.sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d))


if __name__ == "__main__":
    print(json.dumps({
        "contrasts": [contrast(*c) for c in [
            (3, 0.01, 0.002, 0.005), (5, 0.001, 0.002, 0.005), (5, -0.02, 0.004, 0.01), (10, 0.0, 0.001, 0.002),
            (30, 0.002, 0.001, 0.01)]],
        "provable": [provable(*c) for c in [
            (1.0, 2), (1.0, 4), (0.003, 6.37), (1.0, 9), (1.0, 55.5), (0.0024, 9_999)]],
        "components": [components(2, 25), components(3, 40), components(5, 60)],
        "wilson": [wilson(*c) for c in [(7_985, 10_000, 0.95), (0, 50, 0.95), (49, 50, 0.9), (50, 50, 0.99)]],
        "sequential": [sequential(4), sequential(6)],
        "pooled": [pooled(*log_risk_ratios()), pooled([0.0051, 0.0001], [0.0009, 0.0013]),
                   pooled([0.5, 0.6, 0.55], [0.3, 0.2, 0.4]), pooled([0.012, 0.003, 0.007, -0.001], [0.002, 0.001, 0.004, 0.003])],
    }, indent=1))
