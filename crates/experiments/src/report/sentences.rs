//! Tests: the sentences that a report opens with follow from the answers.

use mlprobe_stats::{Answer as Decision, Interval};

use super::markdown;
use crate::analysis::answers::{Answer, Claim, Population, Verdict};
use crate::analysis::comparison::Comparison;
use crate::analysis::questions::Measure;
use crate::analysis::results::Results;
use crate::reproduction::questions;
use crate::testing::{MARGIN, answered, arm, results};

const RUN: [[f64; 2]; 2] = [[0.8, 0.7], [0.9, 0.8]];

/// The answer to `measure` of a and b, with this interval around the mean.
fn answer(answer: Decision, mean: f64, half_width: f64) -> Answer {
    let interval = Some(Interval { level: 0.95, low: mean - half_width, high: mean + half_width });
    let mut contrast = questions().remove(0);
    (contrast.claim, contrast.a, contrast.b) = (None, "many".into(), "few".into());
    assert_eq!(contrast.measure, Measure::Accuracy);
    Answer {
        contrast,
        answer,
        difference: mean,
        interval,
        population: Population::Seeds,
        over_seeds: interval,
        margin: MARGIN,
        equivalence_interval: interval,
        p_value: Some(0.01),
        seeds: 5,
        target: None,
    }
}

/// What the report of these answers opens with.
fn headline(results: &Results) -> String {
    let report = markdown(results).unwrap();
    report.lines().skip(1).find(|line| !line.is_empty() && !line.starts_with('>')).unwrap().to_owned()
}

fn compared(answers: Vec<Answer>) -> String {
    headline(&Results { answers, ..with_arms(&["few", "many"]) })
}

/// C1 answered so, and its control so.
fn reproduced(stated: Answer, control: Answer) -> String {
    let of_claim = [stated, control].into_iter().zip(questions());
    let answers = of_claim.map(|(answer, contrast)| Answer { contrast, ..answer }).collect();
    let claims = vec![Claim { id: "C1".into(), verdict: Verdict::Undecided }];
    headline(&Results { answers, claims, ..with_arms(&["unaugmented", "augmented"]) })
}

fn with_arms(names: &[&str]) -> Results {
    let arms = names.iter().map(|name| arm(name, 10, &[RUN, RUN]));
    let mut results = results(arms.collect());
    let quality = crate::testing::quality();
    results.arms.iter_mut().for_each(|arm| arm.quality = Some(quality.clone()));
    results
}

#[test]
fn a_comparison_is_told_as_it_was_decided() {
    let interval = "(95 % interval over new seeds, on these test examples: ";
    let table = [
        (
            answer(Decision::Better, 0.02, 0.01),
            format!(
                "many is more accurate than few after 2 epochs, by +2.00 percentage points {interval}[+1.00, +3.00])."
            ),
        ),
        (
            answer(Decision::Worse, -0.02, 0.01),
            format!(
                "many is less accurate than few after 2 epochs, by \u{2212}2.00 percentage points \
                 {interval}[\u{2212}3.00, \u{2212}1.00])."
            ),
        ),
        (
            answer(Decision::Equivalent, 0.0002, 0.0004),
            format!(
                "many and few are equally accurate after 2 epochs within 0.10 points: the difference is +0.02 \
                 percentage points {interval}[\u{2212}0.02, +0.06])."
            ),
        ),
        (
            answer(Decision::Undecided, 0.01, 0.02),
            format!(
                "It is undecided whether many or few is more accurate after 2 epochs: the difference is +1.00 percentage \
                 points {interval}[\u{2212}1.00, +3.00])."
            ),
        ),
    ];
    for (answer, sentence) in table {
        assert_eq!(compared(vec![answer]), sentence);
    }
}

#[test]
fn three_answers_are_told_and_more_are_counted() {
    let better = || answer(Decision::Better, 0.02, 0.01);
    assert_eq!(compared(vec![better(), better(), better()]).matches("many is more accurate").count(), 3);
    let many = compared((0..5).map(|_| better()).collect());
    assert_eq!(many.matches("many is more accurate").count(), 1);
    assert!(many.ends_with(" The other 4 comparisons are below."), "{many}");
}

#[test]
fn each_of_many_contrasts_is_told_with_its_corrected_p_value_and_what_that_means() {
    let told = |adjusted| {
        let mut results = with_arms(&["few", "many"]);
        results.answers = (0..4).map(|_| answer(Decision::Better, 0.02, 0.01)).collect();
        results.comparisons = vec![Comparison {
            effect: "many against few".into(),
            a: "many".into(),
            b: "few".into(),
            a_epoch: 2,
            b_epoch: 2,
            a_updates: 20,
            b_updates: 20,
            differences: vec![0.02; 2],
            mean: 0.02,
            paired: None,
            detectable: None,
            bootstrap: None,
            mcnemar: Vec::new(),
            adjusted: Some(adjusted),
        }];
        let report = markdown(&results).unwrap();
        let lines: Vec<_> = report.lines().filter(|line| line.starts_with("- many is more")).collect();
        assert_eq!(lines.len(), 4, "{report}");
        lines[0].to_owned()
    };
    assert!(told(0.004).ends_with(" Its p-value over new seeds is 0.004 after Holm’s correction."));
    let not_shown =
        "0.055 after Holm’s correction: among all comparisons, the difference is not significant at 5 %.";
    assert!(told(0.055).ends_with(not_shown), "{}", told(0.055));
}

#[test]
fn nothing_to_compare_is_said() {
    assert_eq!(compared(Vec::new()), "There is one arm, and nothing to compare it with.");
}

#[test]
fn the_images_come_first_and_then_the_recipe_as_a_whole() {
    let table = [
        (Decision::Better, 0.02, "the augmented images raise test accuracy by +2.00"),
        (Decision::Worse, -0.02, "the augmented images lower test accuracy by \u{2212}2.00"),
        (Decision::Equivalent, 0.0, "the augmented images leave test accuracy as it is within 0.10 points"),
        (
            Decision::Undecided,
            0.005,
            "it is undecided whether the augmented images raise or lower test accuracy",
        ),
    ];
    for (decision, mean, part) in table {
        let said = reproduced(answer(Decision::Better, 0.03, 0.01), answer(decision, mean, 0.0005));
        let start = format!("With as many updates at the same learning rate, {part}");
        assert!(said.starts_with(&start), "{said}");
        assert!(said.contains(". The augmented recipe as a whole,"), "{said}");
    }
}

#[test]
fn the_recipe_as_a_whole_is_told_as_it_was_decided() {
    let table = [
        (Decision::Better, 0.02, "ends above the unaugmented one after 2 epochs: +2.00"),
        (Decision::Worse, -0.02, "ends below the unaugmented one after 2 epochs: \u{2212}2.00"),
        (
            Decision::Equivalent,
            0.0,
            "ends level with the unaugmented one after 2 epochs within 0.10 points: +0.00",
        ),
    ];
    for (decision, mean, part) in table {
        let said = reproduced(answer(decision, mean, 0.0005), answer(Decision::Undecided, 0.0, 0.01));
        assert!(said.contains(part), "{said}");
        assert!(said.ends_with("])."), "{said}");
    }
    let said = reproduced(answer(Decision::Undecided, 0.01, 0.02), answer(Decision::Undecided, 0.0, 0.01));
    assert!(said.contains(" cannot be told from the unaugmented one after 2 epochs: +1.00 "), "{said}");
    assert!(!said.contains(" ends "), "{said}");
}

#[test]
fn one_seed_has_no_interval_and_is_said_to_have_none() {
    let alone =
        Answer { interval: None, over_seeds: None, seeds: 1, ..answer(Decision::Undecided, 0.02, 0.0) };
    let said = compared(vec![alone.clone()]);
    assert!(said.contains("undecided") && said.contains("(one seed gives no interval)"), "{said}");
    let said = reproduced(alone.clone(), alone);
    assert_eq!(said.matches("(one seed gives no interval)").count(), 2, "{said}");
}

#[test]
fn an_interval_over_images_too_is_told_with_the_one_over_seeds_alone() {
    let mut answer = answer(Decision::Better, 0.02, 0.01);
    answer.population = Population::SeedsAndTestImages;
    answer.over_seeds = Some(Interval { level: 0.95, low: 0.015, high: 0.025 });
    let said = compared(vec![answer]);
    let part = "(95 % interval over new seeds and new test examples: [+1.00, +3.00]; over new seeds alone [+1.50, +2.50])";
    assert!(said.contains(part), "{said}");
}

#[test]
fn few_seeds_decide_nothing_and_the_claims_say_so() {
    let arms = ["unaugmented", "augmented", "duplicated"].map(|name| arm(name, 10, &[RUN, RUN]));
    let answers: Vec<_> = questions().iter().filter_map(|question| answered(question, &arms, 2)).collect();
    let claims = crate::analysis::answers::claims(&questions(), &answers);
    let results = Results { answers, claims, ..with_arms(&["unaugmented", "augmented", "duplicated"]) };
    let report = markdown(&results).unwrap();
    for id in ["C1", "C2", "C3"] {
        let start = format!("**{id} undecided.** ");
        let line = report.lines().find(|line| line.starts_with(&start)).unwrap();
        assert!(line.ends_with(" Fewer than 3 seeds decide nothing."), "{line}");
    }
    assert!(report.contains("augmented models reach 80.00 % on the test set, the unaugmented ones 80.00 %;"));
    assert!(report.contains("To reach a test accuracy of 80.00 % for the first time"), "{report}");
}
