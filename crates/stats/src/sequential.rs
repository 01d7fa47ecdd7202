//! Seeds until decided: answers that stay valid although the data are looked at after every seed.

use crate::contrast::Contrast;
use crate::decision::{Decision, FEWEST_SEEDS, decide_from};
use crate::error::{Result, require};
use libm::{exp, sqrt};
use statrs::distribution::{ContinuousCDF, Normal};

/// A group-sequential rule with a look after every seed from 3 to a maximum.
///
/// **Which rule.** The error rate is spent over the looks in proportion to the square of the share of seeds that have run,
/// α(n) = α (n / max)² (Kim and DeMets, Biometrika 74, 1987, 149-154, after Lan and DeMets, Biometrika 70, 1983, 659-663). For
/// each look, the critical value follows from the joint normal distribution of the estimates at all looks up to it (Armitage,
/// McPherson and Rowe, JRSS A 132, 1969, 235-244), and is applied as a confidence level to Student's t (Jennison and Turnbull,
/// *Group Sequential Methods*, 2000, section 11.4).
///
/// **Why this one.** A confidence sequence would need no maximum, and pays for that with longer intervals at every look; here a
/// maximum is always given. O'Brien and Fleming's spending almost excludes an answer before half of the seeds have run, although
/// three seeds may hold most of what can be known: new seeds do not reduce the part of the variance that is due to test images.
/// Pocock's spending stops earliest, and at the last look its interval is the longest of the three. The square lies between.
///
/// **Why it stays valid.**
///
/// - *Test images.* With variance V(n) = A / n + B / N of the estimate, two looks k < l have correlation sqrt(V(l) / V(k)). It is
///   lowest where seeds are all that varies (B = 0), and then equals the correlation for which the levels are computed. The more
///   the images contribute, the more the looks agree, and the fewer chances of a false answer there are.
/// - *Few seeds.* The intervals are [guarded](Contrast::guarded_interval): they hold their level for any shares of seeds and
///   images. The estimates of t statistics vary from look to look by more than the normal ones, which raises the error rate by up
///   to a fifth: therefore 4 % are spent where 5 % are promised. Simulated studies (`docs/sequential.md`) measure what remains.
///
/// "Equivalent" has an error rate of its own, 5 % in each direction, of which 3.5 % are spent in the same way: with 4 %, the
/// simulation has a scenario above 5 %.
#[derive(Debug, Clone, PartialEq)]
pub struct SequentialRule {
    max_seeds: usize,
    /// For looks at 3, 4, ... seeds.
    levels: Vec<f64>,
    equivalence_levels: Vec<f64>,
}

/// Of the 5 % promised: two-sided, for "better" and "worse".
const SPENT: f64 = 0.04;
/// Of 5 % in each direction, both together: for "equivalent".
const EQUIVALENCE_SPENT: f64 = 0.07;
/// The most seeds that a rule may allow: looks are computed one by one in a time that grows with their number.
pub const MOST_SEEDS: usize = 100;

impl SequentialRule {
    /// The rule for at most `max_seeds` seeds, which must be fixed before the first look.
    ///
    /// # Errors
    /// If `max_seeds` is not in 3..=100.
    ///
    /// ```
    /// use mlprobe_stats::{Answer, Contrast, SequentialRule};
    ///
    /// let rule = SequentialRule::new(10)?;
    /// let mut answer = Answer::Undecided;
    /// for seeds in 3..=10 {
    ///     // ... train one more seed, and estimate the difference over seeds and test images ...
    ///     let contrast = Contrast { difference: 0.02, std_error: 0.01 / (seeds as f64).sqrt(), degrees: 30.0, seeds };
    ///     answer = rule.decide(contrast, 0.005)?.answer;
    ///     if answer != Answer::Undecided {
    ///         break;
    ///     }
    /// }
    /// assert_eq!(answer, Answer::Better);
    /// # Ok::<(), mlprobe_stats::Error>(())
    /// ```
    pub fn new(max_seeds: usize) -> Result<Self> {
        let next = "set the largest number of seeds that you would run, such as 20";
        let range = FEWEST_SEEDS..=MOST_SEEDS;
        require(
            range.contains(&max_seeds),
            "sequential rule",
            "a maximum of 3 to 100 seeds",
            max_seeds,
            next,
        )?;
        Ok(Self {
            max_seeds,
            levels: levels(max_seeds, SPENT),
            equivalence_levels: levels(max_seeds, EQUIVALENCE_SPENT),
        })
    }

    /// The largest number of seeds.
    pub fn max_seeds(&self) -> usize {
        self.max_seeds
    }

    /// Level of the interval that decides "better" and "worse" after `seeds` seeds, in (0, 1).
    ///
    /// # Errors
    /// If `seeds` is below 3 or above the maximum: there is no look then.
    ///
    /// ```
    /// let rule = mlprobe_stats::SequentialRule::new(10)?;
    /// assert!(rule.level_at(3)? > 0.995); // a ninth of the error rate is spent so early
    /// assert!(rule.level_at(2).is_err());
    /// # Ok::<(), mlprobe_stats::Error>(())
    /// ```
    pub fn level_at(&self, seeds: usize) -> Result<f64> {
        self.look(seeds).map(|look| self.levels[look])
    }

    /// Level of the interval that decides "equivalent" after `seeds` seeds, in (0, 1).
    ///
    /// # Errors
    /// As [`level_at`](Self::level_at).
    pub fn equivalence_level_at(&self, seeds: usize) -> Result<f64> {
        self.look(seeds).map(|look| self.equivalence_levels[look])
    }

    /// The answer after `contrast.seeds` seeds: that of [`decide`](crate::decide), from guarded intervals at the levels of this
    /// look. Stop when it is not `Undecided`, or at the maximum; an answer given on the way is valid as well if you go on.
    /// With fewer than 3 seeds it is `Undecided`.
    ///
    /// # Errors
    /// If there are fewer than 2 seeds or more than the maximum, `margin` is not a finite number above 0, or the contrast is
    /// not made of finite numbers with std_error >= 0 and degrees > 0.
    pub fn decide(&self, contrast: Contrast, margin: f64) -> Result<Decision> {
        let look = self.look(contrast.seeds.max(FEWEST_SEEDS))?;
        let interval = contrast.guarded_interval(self.levels[look])?;
        let equivalence = contrast.guarded_interval(self.equivalence_levels[look])?;
        decide_from(contrast, interval, equivalence, margin)
    }

    fn look(&self, seeds: usize) -> Result<usize> {
        let expected = format!("3 to {} seeds", self.max_seeds);
        let valid = (FEWEST_SEEDS..=self.max_seeds).contains(&seeds);
        require(
            valid,
            "sequential rule",
            &expected,
            seeds,
            "make a rule with a higher maximum before the first look",
        )?;
        Ok(seeds - FEWEST_SEEDS)
    }
}

/// Two-sided confidence levels for looks at 3, 4, ..., `max_seeds` seeds that spend `alpha` (n / max)² in total.
///
/// After n seeds, the sum W of n standard normal differences is Brownian motion at time n. A study that has not stopped has |W|
/// below the bound b(n) at every look so far, and its density is
///
/// g_n(w) = ∫ g_m(v) φ((w - v) / sqrt(n - m)) / sqrt(n - m) dv over |v| < b(m),  m the look before,
///
/// and b(n) is where the mass beyond it equals what this look may spend. By symmetry both ends are counted by one.
fn levels(max_seeds: usize, alpha: f64) -> Vec<f64> {
    let normal = Normal::standard();
    let spent = |seeds: usize| alpha * (seeds as f64 / max_seeds as f64).powi(2);
    let mut levels = Vec::new();
    let mut density: Vec<Node> = Vec::new();
    for seeds in FEWEST_SEEDS..=max_seeds {
        let first = seeds == FEWEST_SEEDS;
        let spend = if first { spent(seeds) } else { spent(seeds) - spent(seeds - 1) };
        // From 0 after no seed, or from each node of the look before, one step further.
        let (start, step) = match first {
            true => (vec![Node { at: 0.0, mass: 1.0 }], sqrt(seeds as f64)),
            false => (density, 1.0),
        };
        let beyond = |bound: f64| -> f64 {
            start.iter().map(|node| 2.0 * node.mass * normal.cdf((node.at - bound) / step)).sum()
        };
        let (mut low, mut high) = (0.0, 10.0 * sqrt(seeds as f64));
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if beyond(middle) > spend {
                low = middle;
            } else {
                high = middle;
            }
        }
        let bound = 0.5 * (low + high);
        levels.push(1.0 - 2.0 * normal.cdf(-bound / sqrt(seeds as f64)));
        density = propagated(&start, bound, step);
    }
    levels
}

/// The mass of a density around a point of the grid, by Simpson's rule.
#[derive(Clone, Copy)]
struct Node {
    at: f64,
    mass: f64,
}

/// The density after a normal step of standard deviation `step` from `start`, on a grid over ± `bound`.
fn propagated(start: &[Node], bound: f64, step: f64) -> Vec<Node> {
    // At most a seventh of a standard deviation apart: Simpson's error of the normal density is then below 1e-5 of it.
    let intervals = 2 * (7.0 * bound).ceil() as usize;
    let width = 2.0 * bound / intervals as f64;
    let scale = 1.0 / (step * sqrt(std::f64::consts::TAU));
    (0..=intervals)
        .map(|i| {
            let at = -bound + i as f64 * width;
            let weight = match i {
                0 => 1.0,
                _ if i == intervals => 1.0,
                _ if i % 2 == 1 => 4.0,
                _ => 2.0,
            };
            let density: f64 = start
                .iter()
                .map(|node| {
                    let z = (at - node.at) / step;
                    node.mass * exp(-0.5 * z * z)
                })
                .sum();
            Node { at, mass: weight * width / 3.0 * scale * density }
        })
        .collect()
}
