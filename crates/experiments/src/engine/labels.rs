//! Whether labels mean the same in every set, and whether there are enough of each kind to learn from and to test on.

use std::collections::BTreeSet;

use crate::engine::arm::Arm;
use crate::engine::notes::{Note, listed, missing_classes};
use crate::engine::sets::LabelledFeatures;
use crate::error::{Error, Result};

/// Classes by their numbers.
type Classes = BTreeSet<u16>;

/// What is known of `arms`, `test` and the `classes` (K names) before training. A note that is about the test set names no arm.
///
/// # Errors
/// [`Error::Argument`] if there are fewer than two classes or two test rows, or if labels cannot mean the same in a training
/// set and in the test set: they have no class in common, they are counted from another number, or no arm has a class of the
/// test set. That is not known of an arm whose rows follow from the seed.
pub(crate) fn check_labels<'a>(
    arms: &'a [Arm<'_>],
    test: &LabelledFeatures,
    classes: &[String],
) -> Result<Vec<(&'a str, Note)>> {
    let problem = |expected: &str, actual: String, next| {
        let expected = expected.to_owned();
        Err(Error::Argument { operation: "comparing labels", expected, actual, next })
    };
    if classes.len() < 2 {
        let actual = match classes.is_empty() {
            true => "none".to_owned(),
            false => format!("only the class {}", listed(classes)),
        };
        return problem("two classes or more", actual, "add rows of another class");
    }
    if test.len() < 2 {
        return problem(
            "two test rows or more, since answers hold for new test rows",
            "one".into(),
            "add rows to the test set",
        );
    }
    let of_test = classes_of(test);
    let mut notes = Vec::new();
    if let (1, Some(&class)) = (of_test.len(), of_test.first()) {
        notes.push(("", Note::OneTestClass { class: classes[usize::from(class)].clone() }));
    }
    let mut of_any = Classes::new();
    for arm in arms.iter().filter(|arm| !arm.is_seeded()) {
        let of_arm: Classes = arm.fixed().flat_map(classes_of).collect();
        check_meaning((arm.name(), &of_arm), &of_test, classes)?;
        notes.extend(missing_classes(classes, arm.fixed()).map(|note| (arm.name(), note)));
        of_any.extend(of_arm);
    }
    let unknown: Classes = of_test.difference(&of_any).copied().collect();
    if !unknown.is_empty() && !arms.iter().any(Arm::is_seeded) {
        return problem(
            "every test class in a training set",
            format!(
                "none of {} among the training classes, {}",
                names(&unknown, classes),
                names(&of_any, classes)
            ),
            "label both in the same way, or leave those rows out of the test set",
        );
    }
    Ok(notes)
}

/// The labels of an arm and those of the test set may mean the same.
fn check_meaning((arm, of_arm): (&str, &Classes), of_test: &Classes, classes: &[String]) -> Result<()> {
    let are_numbers = classes.iter().all(|name| name.parse::<u16>().is_ok());
    let next = |classes: &Classes| classes.iter().map(|class| class.saturating_add(1)).collect::<Classes>();
    let expected = if of_arm.is_disjoint(of_test) {
        "classes that the training and test rows have in common"
    } else if are_numbers && (*of_arm == next(of_test) || *of_test == next(of_arm)) {
        "labels counted from the same number"
    } else {
        return Ok(());
    };
    Err(Error::Argument {
        operation: "comparing labels",
        expected: expected.into(),
        actual: format!(
            "{} in arm `{arm}`, and {} in the test set",
            names(of_arm, classes),
            names(of_test, classes)
        ),
        next: "label both in the same way",
    })
}

fn classes_of(set: &LabelledFeatures) -> Classes {
    set.labels().iter().copied().collect()
}

/// Their names, the first of many.
fn names(which: &Classes, classes: &[String]) -> String {
    listed(&which.iter().filter_map(|&class| classes.get(usize::from(class)).cloned()).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    fn set(labels: &[u16]) -> LabelledFeatures {
        LabelledFeatures::new(Array2::zeros((labels.len(), 1)), labels.to_vec()).unwrap()
    }

    fn check(train: &[u16], test: &[u16], names: &[&str]) -> Result<Vec<Note>> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let arms = [Arm::new("a", 0.1).with(&set(train))];
        Ok(check_labels(&arms, &set(test), &names)?.into_iter().map(|(_, note)| note).collect())
    }

    const NUMBERS: [&str; 4] = ["0", "1", "2", "3"];

    #[test]
    fn labels_that_mean_something_else_in_the_test_set_are_refused() {
        assert!(check(&[0, 1, 2, 2], &[2, 0, 1], &NUMBERS[..3]).unwrap().is_empty());
        assert!(check(&[0, 1, 2, 3], &[2, 1], &NUMBERS).unwrap().is_empty());
        assert!(check(&[0, 1, 2], &[1, 2], &["ant", "bee", "cat"]).unwrap().is_empty());
        for (train, test, words) in [
            (&[1, 2, 3][..], &[0, 1, 2][..], "counted from the same number"),
            (&[0, 1, 2], &[1, 2, 3], "counted from the same number"),
            (&[0, 1], &[2, 3], "have in common, got 0, 1 in arm `a`, and 2, 3 in the test set"),
            (&[0, 2], &[0, 3], "none of 3 among the training classes, 0, 2"),
        ] {
            let message = check(train, test, &NUMBERS).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn a_test_set_that_can_answer_nothing_is_refused_and_one_of_a_single_class_is_noted() {
        for (train, test, classes, words) in [
            (&[0, 1][..], &[1][..], 2, "two test rows or more"),
            (&[0, 0], &[0, 0], 1, "two classes or more"),
        ] {
            let message = check(train, test, &NUMBERS[..classes]).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
        let notes = check(&[0, 1], &[1, 1], &NUMBERS[..2]).unwrap();
        assert_eq!(notes, [Note::OneTestClass { class: "1".into() }]);
        let notes = check(&[1, 1], &[0, 1], &NUMBERS[..2]);
        assert!(notes.unwrap_err().to_string().contains("none of 0 among the training classes, 1"));
    }
}
