//! Simulated sequential studies with a known truth, for `tests/sequential.rs` and `examples/sequential_simulation.rs`.

use mlprobe_random::Random;
use mlprobe_stats::{Answer, Components, Result, SequentialRule, decide};
use ndarray::{Array2, s};
use rayon::prelude::*;

/// The largest number of seeds of a study.
pub const MAX_SEEDS: usize = 12;
/// Test images of a study.
const IMAGES: usize = 200;

/// A world of two recipes, in which a study compares a with b.
#[derive(Clone, Copy)]
pub struct Scenario {
    pub name: &'static str,
    /// True difference in accuracy, a - b.
    pub difference: f64,
    /// The largest difference that does not matter.
    pub margin: f64,
    /// Standard deviation of what a seed adds to the accuracy of a, and of b.
    pub seed_effects: [f64; 2],
    /// Whether seed effects are of Student's t with 3 degrees of freedom instead of normal.
    pub heavy_tails: bool,
    /// Share of images whose difficulty differs between a and b, in the same way for all seeds.
    pub images_differ: f64,
}

/// Shares of the studies of one scenario.
#[derive(Debug)]
pub struct Outcome {
    /// Studies that stop with "better", "worse", "equivalent" and "undecided".
    pub answers: [f64; 4],
    /// Studies that stop with a false answer.
    pub wrong: f64,
    /// Studies with a false answer at any look, whether or not it is where the rule stops.
    pub ever_wrong: f64,
    /// Mean number of seeds.
    pub seeds: f64,
    /// Studies that a fixed design of `MAX_SEEDS` seeds answers falsely, and those that it decides.
    pub fixed_wrong: f64,
    pub fixed_decided: f64,
}

/// What the looks of one study found.
struct Study {
    answer: Answer,
    ever_wrong: bool,
    seeds: usize,
    fixed: Answer,
}

impl Scenario {
    /// Runs `studies` studies.
    pub fn run(&self, studies: u64) -> Result<Outcome> {
        let rule = SequentialRule::new(MAX_SEEDS)?;
        let all = (0..studies)
            .into_par_iter()
            .map(|number| self.study(&rule, &mut Random::new(1, b"sequential studies", number)))
            .collect::<Result<Vec<Study>>>()?;
        let share = |holds: &dyn Fn(&Study) -> bool| {
            all.iter().filter(|study| holds(study)).count() as f64 / studies as f64
        };
        let answers = [Answer::Better, Answer::Worse, Answer::Equivalent, Answer::Undecided];
        Ok(Outcome {
            answers: answers.map(|answer| share(&|study| study.answer == answer)),
            wrong: share(&|study| self.is_false(study.answer)),
            ever_wrong: share(&|study| study.ever_wrong),
            seeds: all.iter().map(|study| study.seeds as f64).sum::<f64>() / studies as f64,
            fixed_wrong: share(&|study| self.is_false(study.fixed)),
            fixed_decided: share(&|study| study.fixed != Answer::Undecided),
        })
    }

    fn study(&self, rule: &SequentialRule, random: &mut Random) -> Result<Study> {
        let [a, b] = self.correct(random);
        let mut study = Study {
            answer: Answer::Undecided,
            ever_wrong: false,
            seeds: MAX_SEEDS,
            fixed: Answer::Undecided,
        };
        for seeds in 3..=MAX_SEEDS {
            let contrast =
                Components::of_difference(a.slice(s![..seeds, ..]), b.slice(s![..seeds, ..]))?.contrast();
            let answer = rule.decide(contrast, self.margin)?.answer;
            if study.answer == Answer::Undecided && answer != Answer::Undecided {
                (study.answer, study.seeds) = (answer, seeds);
            }
            study.ever_wrong |= self.is_false(answer);
            if seeds == MAX_SEEDS {
                study.fixed = decide(contrast, self.margin)?.answer;
            }
        }
        Ok(study)
    }

    /// Which images (S, N) each recipe has right: those whose difficulty is below 0.6, plus the difference for a, plus the
    /// effect of the seed.
    fn correct(&self, random: &mut Random) -> [Array2<bool>; 2] {
        let difficulties: Vec<[f64; 2]> = (0..IMAGES)
            .map(|_| {
                let [u, v, w] = [0; 3].map(|_| random.uniform(0.0, 1.0));
                if w < self.images_differ { [u, v] } else { [u, u] }
            })
            .collect();
        let mut arm = |which: usize, accuracy: f64| {
            // Cut at ± 0.3, which is symmetric about 0, so that accuracies stay in [0, 1] and the truth stays as it is.
            let thresholds: Vec<f64> = (0..MAX_SEEDS)
                .map(|_| accuracy + (self.seed_effects[which] * self.effect(random)).clamp(-0.3, 0.3))
                .collect();
            Array2::from_shape_fn((MAX_SEEDS, IMAGES), |(s, i)| difficulties[i][which] < thresholds[s])
        };
        [arm(0, 0.6 + self.difference), arm(1, 0.6)]
    }

    /// A draw with mean 0 and standard deviation 1.
    fn effect(&self, random: &mut Random) -> f64 {
        let z = normal(random);
        if !self.heavy_tails {
            return z;
        }
        // t with 3 degrees of freedom has variance 3.
        let squares: f64 = (0..3).map(|_| normal(random).powi(2)).sum();
        z / (squares / 3.0).sqrt() / 3.0_f64.sqrt()
    }

    /// Whether an answer contradicts the truth.
    fn is_false(&self, answer: Answer) -> bool {
        match answer {
            Answer::Better => self.difference <= 0.0,
            Answer::Worse => self.difference >= 0.0,
            Answer::Equivalent => self.difference.abs() >= self.margin,
            Answer::Undecided => false,
        }
    }
}

/// A draw from the standard normal distribution (Box and Muller, 1958).
pub fn normal(random: &mut Random) -> f64 {
    let (u, v) = (random.uniform(0.0, 1.0), random.uniform(0.0, 1.0));
    (-2.0 * libm::log(1.0 - u)).sqrt() * libm::cos(std::f64::consts::TAU * v)
}

const fn scenario(
    name: &'static str,
    difference: f64,
    margin: f64,
    seed_effects: [f64; 2],
    heavy_tails: bool,
    images_differ: f64,
) -> Scenario {
    Scenario { name, difference, margin, seed_effects, heavy_tails, images_differ }
}

/// The worlds that the rule has to stand.
pub const SCENARIOS: [Scenario; 12] = [
    scenario("no effect, seeds vary", 0.0, 0.02, [0.04, 0.04], false, 0.0),
    scenario("no effect, images vary", 0.0, 0.02, [0.01, 0.01], false, 0.2),
    scenario("no effect, both vary", 0.0, 0.02, [0.04, 0.04], false, 0.1),
    scenario("no effect, wide margin", 0.0, 0.1, [0.03, 0.03], false, 0.05),
    scenario("small effect", 0.03, 0.01, [0.03, 0.03], false, 0.05),
    scenario("large effect", 0.1, 0.01, [0.03, 0.03], false, 0.05),
    scenario("at the margin, seeds vary", 0.05, 0.05, [0.04, 0.04], false, 0.0),
    scenario("at the margin, both vary", 0.05, 0.05, [0.03, 0.03], false, 0.05),
    scenario("no effect, heavy tails", 0.0, 0.02, [0.05, 0.05], true, 0.05),
    scenario("at the margin, heavy tails", 0.05, 0.05, [0.04, 0.04], true, 0.02),
    scenario("no effect, unequal variances", 0.0, 0.02, [0.01, 0.06], false, 0.1),
    scenario("small effect, unequal variances", 0.03, 0.01, [0.01, 0.04], false, 0.05),
];
