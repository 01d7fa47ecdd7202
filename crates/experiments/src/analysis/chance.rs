//! Whether an arm learned anything: its accuracy beside that of always naming the most frequent class.

use mlprobe_stats::{Answer as Decision, Components, LEVEL};
use ndarray::{Array2, ArrayView2};

use crate::analysis::answers::Answer;
use crate::error::Result;
use crate::knn::majority_class;

/// The share of the most frequent class among `labels` (N), unless `correct` (S, N), which says where the model of each seed is right,
/// is shown to be above it: by the 95 % interval of the difference over new seeds and new test images. `None` too with fewer than two seeds.
pub(crate) fn not_above_chance(correct: ArrayView2<'_, bool>, labels: &[u16]) -> Result<Option<f64>> {
    if correct.nrows() < 2 || labels.len() < 2 {
        return Ok(None);
    }
    let most = majority_class(labels)?;
    let named = Array2::from_shape_fn(correct.dim(), |(_, i)| labels[i] == most);
    let above = Components::of_difference(correct, named.view())?.contrast().interval(LEVEL)?;
    let share = labels.iter().filter(|&&label| label == most).count() as f64 / labels.len() as f64;
    Ok((above.low <= 0.0).then_some(share))
}

/// Two models that learned nothing are equally accurate, which says nothing of what they were to learn from: an answer
/// "equivalent" about one of these `arms` becomes "undecided", and names them.
pub(crate) fn withhold(answer: &mut Answer, arms: &[String]) {
    let of_arms = [&answer.contrast.a, &answer.contrast.b].into_iter().filter(|name| arms.contains(name));
    let of_arms: Vec<String> = of_arms.cloned().collect();
    if answer.answer == Decision::Equivalent && !of_arms.is_empty() {
        answer.answer = Decision::Undecided;
        answer.not_above_chance = of_arms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::questions::Question;
    use crate::testing::{answered, arm};

    #[test]
    fn only_what_is_shown_to_be_above_the_most_frequent_class_is_above_chance() {
        let labels: Vec<u16> = (0..100).map(|i| u16::from(i % 10 < 4)).collect(); // 60 % of class 0
        let of = |right: &dyn Fn(usize, usize) -> bool| {
            let correct = Array2::from_shape_fn((3, 100), |(s, i)| right(s, i));
            not_above_chance(correct.view(), &labels).unwrap()
        };
        assert_eq!(of(&|_, i| labels[i] == 0), Some(0.6)); // always class 0
        assert_eq!(of(&|_, i| labels[i] == 1), Some(0.6)); // always class 1: below
        assert_eq!(of(&|s, i| (i * 7 + s) % 100 < 62), Some(0.6)); // 62 %, not enough of a difference
        assert_eq!(of(&|s, i| (i * 7 + s) % 100 < 90), None);
        let one = Array2::from_elem((1, 100), false);
        assert_eq!(not_above_chance(one.view(), &labels).unwrap(), None); // a seed alone decides nothing
    }

    #[test]
    fn equivalent_is_withheld_from_arms_at_chance_and_every_other_answer_stays() {
        let run = |test: f64| [[test, test], [test, test]];
        let answer = |of_b: f64| {
            let arms = [arm("a", 10, &[run(0.1), run(0.1001), run(0.1)]), arm("b", 10, &[run(of_b); 3])];
            answered(&Question::accuracy("a", "b"), &arms, 2).unwrap()
        };
        for (of_b, at_chance, expected, named) in [
            (0.1, &["a", "b"][..], Decision::Undecided, &["a", "b"][..]),
            (0.1, &["b"], Decision::Undecided, &["b"]),
            (0.1, &["c"], Decision::Equivalent, &[]),
            (0.05, &["a", "b"], Decision::Better, &[]),
            (0.15, &["a", "b"], Decision::Worse, &[]),
        ] {
            let mut answer = answer(of_b);
            withhold(&mut answer, &at_chance.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
            assert_eq!(
                (answer.answer, answer.not_above_chance),
                (expected, named.iter().map(|&n| n.to_owned()).collect())
            );
        }
    }
}
