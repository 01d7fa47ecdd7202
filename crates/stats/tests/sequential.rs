//! The sequential rule in simulated studies: at most 5 % false answers at any look, and fewer seeds than a fixed design.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

mod studies;

use mlprobe_random::Random;
use mlprobe_stats::{Answer, Contrast, SequentialRule, paired_difference};
use rayon::prelude::*;
use studies::{MAX_SEEDS, SCENARIOS, normal};

/// A share of R studies whose probability is at most 5 % exceeds this with probability 3e-5: four standard deviations.
fn bound(studies: u64) -> f64 {
    0.05 + 4.0 * (0.05 * 0.95 / studies as f64).sqrt()
}

/// Share of `STUDIES` studies with `truth` in which one of `false_answers` is given at any look. Differences of seeds are
/// normal with standard deviation 1, and the test images add an error of known size.
struct Looks {
    truth: f64,
    margin: f64,
    false_answers: [Answer; 2],
}

const STUDIES: u64 = 4000;

impl Looks {
    fn share_ever_false(&self, image_error: f64, max_seeds: usize) -> f64 {
        let rule = SequentialRule::new(max_seeds).unwrap();
        let wrong = (0..STUDIES).into_par_iter().filter(|&study| {
            let mut random = Random::new(max_seeds as u64, b"sequential looks", study);
            let images = image_error * normal(&mut random);
            let a: Vec<f64> = (0..max_seeds).map(|_| self.truth + images + normal(&mut random)).collect();
            (3..=max_seeds).any(|seeds| {
                let paired = paired_difference(&a[..seeds], &vec![0.0; seeds], 0.95).unwrap();
                let (by_seed, by_image) = (paired.std * paired.std / seeds as f64, image_error * image_error);
                let contrast = Contrast {
                    difference: paired.mean,
                    std_error: (by_seed + by_image).sqrt(),
                    degrees: (by_seed + by_image).powi(2)
                        / (by_seed * by_seed / (seeds - 1) as f64 + by_image * by_image / 9_999.0),
                    seeds,
                };
                self.false_answers.contains(&rule.decide(contrast, self.margin).unwrap().answer)
            })
        });
        wrong.count() as f64 / STUDIES as f64
    }
}

#[test]
fn looks_after_every_seed_give_at_most_5_percent_false_answers_for_normal_effects() {
    let no_effect = Looks { truth: 0.0, margin: 1e-6, false_answers: [Answer::Better, Answer::Worse] };
    let at_the_margin = Looks { truth: 1.0, margin: 1.0, false_answers: [Answer::Equivalent, Answer::Worse] };
    for max_seeds in [3, 5, 12, 30] {
        for image_error in [0.0, 0.3] {
            for looks in [&no_effect, &at_the_margin] {
                let share = looks.share_ever_false(image_error, max_seeds);
                let case = format!("truth {}, {max_seeds} seeds, image error {image_error}", looks.truth);
                assert!(share <= bound(STUDIES), "{case}: {share}");
            }
        }
        // With seeds alone, it is not so cautious that it never errs either.
        let share = no_effect.share_ever_false(0.0, max_seeds);
        assert!(share > 0.025, "{max_seeds} seeds: {share}");
    }
}

#[test]
fn no_simulated_world_has_more_than_5_percent_false_answers_and_clear_ones_stop_early() {
    const STUDIES: u64 = 1000;
    for scenario in SCENARIOS {
        let outcome = scenario.run(STUDIES).unwrap();
        let case = format!("{}: {outcome:?}", scenario.name);
        assert!(outcome.wrong <= outcome.ever_wrong && outcome.ever_wrong <= bound(STUDIES), "{case}");
        assert!((outcome.answers.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{case}");
        assert!(outcome.seeds < MAX_SEEDS as f64, "{case}");
        // What a fixed design decides almost always, and rightly, takes two thirds of its seeds at most.
        if outcome.fixed_decided - outcome.fixed_wrong > 0.98 {
            assert!(outcome.seeds < 8.0, "{case}");
        }
    }
}
