//! Files of features and labels, as `compare` and `audit` take them.

use anyhow::{Context, Result};
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
    /// What to read of each file. With `keep_na`, labels such as NA are classes.
    pub fn options(&self, keep_na: bool) -> Options {
        let Self { features_key, labels_key, dtype } = self;
        Options {
            features_key: features_key.clone(),
            labels_key: labels_key.clone(),
            bfloat16: dtype.is_some(),
            keep_na,
        }
    }

    /// One file with features and labels, or two: FEATURES.npy:LABELS.npy.
    ///
    /// # Errors
    /// Those of the reader, with the name of the file.
    pub fn read(&self, file: &str, keep_na: bool) -> Result<LabelledFile> {
        let options = self.options(keep_na);
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
}
