//! Made-up results for tests.

use ndarray::array;

use crate::analysis::answers::{Answer, Rules, answer};
use crate::analysis::arms::ArmResults;
use crate::analysis::quality::{self, Quality};
use crate::analysis::questions::Question;
use crate::analysis::results::{About, Results, SCHEMA};
use crate::engine::scoring::{Epoch, Run, Tested};
use crate::settings::{Protocol, Settings};

/// An arm with runs of seeds 0, 1 and so on, each a list of [accuracy on original images, test accuracy] after epochs
/// 1, 2 and so on, of `updates` updates and half a second each. Losses are one less the accuracy.
pub(crate) fn arm<const E: usize>(name: &str, updates: u64, runs: &[[[f64; 2]; E]]) -> ArmResults {
    let epoch = |(epoch, &[original, test]): (usize, &[f64; 2])| Epoch {
        epoch,
        updates: updates * epoch as u64,
        seconds: 0.5 * epoch as f64,
        train_loss: 1.0 - original,
        train_accuracy: original,
        original_loss: 1.0 - original,
        original_accuracy: original,
        test_loss: 1.0 - test,
        test_accuracy: test,
    };
    let run = |(seed, scores): (u64, &[[f64; 2]; E])| Run {
        seed,
        train_accuracy: scores[E - 1][0],
        test_accuracy: scores[E - 1][1],
        seconds: 0.5 * E as f64,
        history: (1..).zip(scores).map(epoch).collect(),
    };
    let mut arm = ArmResults {
        name: name.to_owned(),
        train_images: 100,
        learning_rate: 0.1,
        runs: (0..).zip(runs).map(run).collect(),
        readings: Vec::new(),
        quality: None,
    };
    arm.readings = [E.div_ceil(2), E].iter().filter_map(|&epoch| arm.reading(epoch)).collect();
    arm
}

/// The quality of a model that has both of two images of two classes right.
pub(crate) fn quality() -> Quality {
    let probabilities = array![[0.9_f32, 0.1], [0.2, 0.8]];
    let tested = [Tested { epoch: 1, probabilities, predicted: vec![0, 1] }];
    quality::quality(&[&tested], &[0, 1], &["a".to_owned(), "b".to_owned()]).unwrap()
}

/// Results of two epochs with these arms.
pub(crate) fn results(arms: Vec<ArmResults>) -> Results {
    let seeds = arms.first().map_or(0, |arm| arm.runs.len());
    Results {
        schema: SCHEMA,
        settings: Settings::given(Protocol::new((0..seeds as u64).collect(), 2)),
        about: About::features("made up", &["a", "b"]),
        seeds_done: seeds,
        arms,
        comparisons: Vec::new(),
        answers: Vec::new(),
        questions: Vec::new(),
        robustness: Vec::new(),
        costs: Vec::new(),
        baselines: Vec::new(),
        probes: Vec::new(),
        claims: Vec::new(),
        notes: Vec::new(),
        diverged: Vec::new(),
        decided_early: false,
        stages: Vec::new(),
    }
}

/// A difference in accuracy inside plus or minus this counts as none.
pub(crate) const MARGIN: f64 = 0.001;

/// The answer to `question` from scores alone, over seeds.
pub(crate) fn answered(question: &Question, arms: &[ArmResults], epochs: usize) -> Option<Answer> {
    let rules = Rules { margin: MARGIN, sequential: None, is_resampled: false };
    answer(question, arms, &[], None, epochs, &rules).unwrap()
}
