//! Files of features and labels, as `compare` and `audit` take them.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use clap::Args;
use mlprobe_features::arrays::{self, LabelledArrays, LabelledFile, Options, read_labelled, read_pair};

use crate::progress::print;

#[derive(Args, Default)]
pub struct ArrayOptions {
    /// Name of the array or column of features, if it cannot be inferred; in a table with one column per feature, what the names
    /// of these columns begin with
    #[arg(long, value_name = "NAME")]
    features_key: Option<String>,
    /// Name of the array or column of labels, if it cannot be inferred
    #[arg(long, value_name = "NAME")]
    labels_key: Option<String>,
    /// Type of features that are stored without one: bfloat16 is stored so by NumPy
    #[arg(long, value_name = "bfloat16", value_parser = ["bfloat16"])]
    dtype: Option<String>,
}

impl ArrayOptions {
    /// One file with features and labels, or two: FEATURES.npy:LABELS.npy. With `keep_na`, labels such as NA are classes.
    pub fn read(&self, file: &str, keep_na: bool) -> Result<LabelledFile> {
        let Self { features_key, labels_key, dtype } = self;
        let options = Options {
            features_key: features_key.clone(),
            labels_key: labels_key.clone(),
            bfloat16: dtype.is_some(),
            keep_na,
        };
        let read = match split_pair(file) {
            Some((features, labels)) => {
                read_pair(features, labels, &options).map(|main| LabelledFile { main, test: None })
            }
            None => read_labelled(file, &options),
        };
        read.with_context(|| format!("cannot read {file} as features and labels"))
    }
}

/// Matches the columns of several files by their names, and says what was done to the columns of each.
pub fn match_columns(files: &mut [LabelledArrays]) -> Result<()> {
    arrays::match_columns(files)?;
    for note in files.iter().flat_map(|file| &file.notes) {
        print(format_args!("NOTE: {note}."));
    }
    Ok(())
}

/// Every class of the test set, which comes last, is in some training set: else its labels mean something else there. `places` are
/// the names and files of the sets.
pub fn check_classes(places: &[(String, String)], labels: &[Vec<u16>], names: &[String]) -> Result<()> {
    let Some((test, training)) = labels.split_last() else { return Ok(()) };
    let classes = |labels: &[u16]| labels.iter().copied().collect::<BTreeSet<_>>();
    let list = |classes: &BTreeSet<u16>| {
        let names: Vec<_> =
            classes.iter().filter_map(|&class| names.get(usize::from(class)).map(String::as_str)).collect();
        match names.len() {
            0..=12 => names.join(", "),
            more => format!("{}, and {} more", names[..12].join(", "), more - 12),
        }
    };
    let of_test = classes(test);
    let is_numbered = names.iter().all(|name| name.parse::<u16>().is_ok());
    for ((name, file), labels) in places.iter().zip(training) {
        let of_set = classes(labels);
        if of_set.is_disjoint(&of_test) {
            bail!(
                "the classes of `{name}`, {} ({file}), and those of the test set, {}, have nothing in common: label both in \
                 the same way",
                list(&of_set),
                list(&of_test)
            );
        }
        let next = |classes: &BTreeSet<u16>| {
            classes.iter().map(|class| class.saturating_add(1)).collect::<BTreeSet<_>>()
        };
        if is_numbered && (of_set == next(&of_test) || of_test == next(&of_set)) {
            bail!(
                "the labels of `{name}`, {} ({file}), look like those of the test set, {}, counted from another number: \
                 label both in the same way",
                list(&of_set),
                list(&of_test)
            );
        }
    }
    let of_any: BTreeSet<u16> = training.iter().flatten().copied().collect();
    let unknown: BTreeSet<u16> = of_test.difference(&of_any).copied().collect();
    if !unknown.is_empty() {
        bail!(
            "no training set has the test classes {}; the training classes are {}: label both in the same way, or leave those \
             rows out of the test set",
            list(&unknown),
            list(&of_any)
        );
    }
    Ok(())
}

/// The two files of `FEATURES.npy:LABELS.npy`.
pub fn split_pair(file: &str) -> Option<(&str, &str)> {
    let (features, _) = file.split_once(".npy:")?;
    let end = features.len() + ".npy".len();
    Some((&file[..end], &file[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_of_npy_files_is_told_from_one_file() {
        assert_eq!(split_pair("a/x.npy:b/y.npy"), Some(("a/x.npy", "b/y.npy")));
        assert_eq!(split_pair("c:/x.npz"), None);
        assert_eq!(split_pair("x.npy"), None);
    }

    #[test]
    fn labels_that_mean_something_else_in_the_test_set_are_refused() {
        let check = |train: &[u16], test: &[u16], names: &[&str]| {
            let places = [("a".to_owned(), "a.npz".to_owned())];
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            check_classes(&places, &[train.to_vec(), test.to_vec()], &names)
        };
        let numbers = ["0", "1", "2", "3"];
        assert!(check(&[0, 1, 2, 2], &[2, 0, 1], &numbers).is_ok());
        assert!(check(&[0, 1, 2, 3], &[2, 1], &numbers).is_ok());
        assert!(check(&[0, 1, 2], &[1, 2], &["ant", "bee", "cat"]).is_ok());
        for (train, test, words) in [
            (&[1, 2, 3][..], &[0, 1, 2][..], "counted from another number"),
            (&[0, 1, 2], &[1, 2, 3], "counted from another number"),
            (&[0, 1], &[2, 3], "nothing in common"),
            (&[0, 2], &[0, 3], "no training set has the test classes 3"),
        ] {
            let message = check(train, test, &numbers).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
    }
}
