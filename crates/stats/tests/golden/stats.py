"""Reference values for tests/stats_reference.rs, computed with SciPy: `python stats.py > stats.json`.

Made with Python 3, NumPy 2.4.6 and SciPy 1.17.1; seeded, so a second run prints the same file.
"""

import json

import numpy as np
from scipy import optimize, stats

rng = np.random.default_rng(20240601)


def paired(a, b, level):
    d = np.subtract(a, b)
    n, mean, std = len(d), d.mean(), d.std(ddof=1)
    test = stats.ttest_rel(a, b)
    interval = test.confidence_interval(level)
    return {
        "a": list(a), "b": list(b), "level": level, "mean": mean, "std": std,
        "low": interval.low, "high": interval.high, "t": test.statistic, "p_value": test.pvalue,
        "probability_of_superiority": stats.t.cdf(mean / (std * np.sqrt(1 + 1 / n)), n - 1),
    }


def paired_cases():
    yield paired([0.796, 0.791, 0.799, 0.794, 0.795], [0.775, 0.778, 0.771, 0.776, 0.779], 0.95)
    for n, shift, level in [(2, 0.01, 0.95), (3, -0.002, 0.9), (5, 0.0, 0.99), (10, 0.003, 0.95), (40, 0.001, 0.5)]:
        base = rng.normal(0.78, 0.004, n)
        yield paired(base + rng.normal(shift, 0.003, n), base, level)


def mcnemar(only_a, only_b):
    p = stats.binomtest(only_a, only_a + only_b, 0.5).pvalue
    return {"only_a": only_a, "only_b": only_b, "p_value": p}


def detectable(std, n, alpha, power):
    critical = stats.t.ppf(1 - alpha / 2, n - 1)

    def missing(shift):
        far_side = np.nan_to_num(stats.nct.cdf(-critical, n - 1, shift))  # SciPy has NaN where it underflows
        return stats.nct.sf(critical, n - 1, shift) + far_side - power

    shift = optimize.brentq(missing, 1e-12, 60, xtol=1e-14, rtol=1e-14)
    return {"std": std, "n": n, "alpha": alpha, "power": power, "effect": shift * std / np.sqrt(n)}


def crossed(seeds, images, level):
    """The bootstrap as its documentation states it, with NumPy's draws and 400,000 resamples."""
    quality = rng.uniform(0, 1, images)
    a = rng.uniform(0, 1, (seeds, images)) < 0.6 + 0.3 * quality + rng.normal(0, 0.05, (seeds, 1))
    b = rng.uniform(0, 1, (seeds, images)) < 0.8 - 0.2 * quality
    d = a.astype(float) - b
    by_seed, by_image = d.mean(1).var(ddof=1) / seeds, d.mean(0).var(ddof=1) / images
    degrees = (by_seed + by_image) ** 2 / (by_seed**2 / (seeds - 1) + by_image**2 / (images - 1))
    t = stats.t.ppf((1 + level) / 2, degrees)
    means = []
    for _ in range(40):
        w = rng.multinomial(seeds - 1, np.full(seeds, 1 / seeds), 10_000) / (seeds - 1)
        v = rng.multinomial(images, np.full(images, 1 / images), 10_000) / images
        means.append(((w @ d) * v).sum(1))
    std_error = np.concatenate(means).std(ddof=1)
    rows = ["".join("01"[x] for x in row.astype(int)) for row in np.concatenate([a, b])]
    return {"correct": rows, "level": level, "difference": d.mean(), "std_error": std_error,
            "half_width": t * std_error}


print(json.dumps({
    "paired": list(paired_cases()),
    "mcnemar": [mcnemar(*c) for c in [(0, 1), (0, 6), (1, 5), (10, 10), (3, 4), (25, 48), (812, 1003), (100_000, 101_000)]],
    "detectable": [detectable(*c) for c in [
        (0.002, 2, 0.05, 0.8), (0.002, 3, 0.05, 0.8), (0.002, 5, 0.05, 0.8), (0.002, 5, 0.05, 0.5), (0.002, 5, 0.01, 0.9),
        (1.0, 10, 0.05, 0.8), (1.0, 30, 0.05, 0.95), (1.0, 200, 0.1, 0.8), (1.0, 5, 0.05, 0.06),
        (1.0, 2, 0.01, 0.5), (1.0, 3, 0.01, 0.999), (1.0, 500, 0.01, 0.99)]],
    "crossed": [crossed(5, 60, 0.95), crossed(8, 40, 0.8), crossed(3, 50, 0.5)],
}, indent=1))
