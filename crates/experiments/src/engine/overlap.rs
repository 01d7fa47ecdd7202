//! Whether networks are tested on rows that they were trained on.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::engine::arm::Arm;
use crate::engine::notes::Note;
use crate::engine::sets::LabelledFeatures;
use crate::error::{Error, Result};

/// SHA-256 over the features of a row.
type RowDigest = [u8; 32];

/// A note on each of `arms` whose training set, as far as it is the same for every seed, holds test rows: rows with the very
/// features. Their labels do not matter.
///
/// # Errors
/// [`Error::Argument`] if an arm trains on more than half of the test rows, unless an arm has rows that follow from the seed: a
/// study of images is run on a data set as it is, and an audit of it says what to leave out.
pub(crate) fn check_overlaps<'a>(
    arms: &'a [Arm<'_>],
    test: &LabelledFeatures,
) -> Result<Vec<(&'a str, Note)>> {
    let mut tested: BTreeMap<RowDigest, usize> = BTreeMap::new();
    digests(test).for_each(|digest| *tested.entry(digest).or_default() += 1);
    // Arms share sets.
    let is_given = !arms.iter().any(Arm::is_seeded);
    let (mut notes, mut known) = (Vec::new(), BTreeMap::<String, BTreeSet<RowDigest>>::new());
    for arm in arms {
        let mut shared = BTreeSet::new();
        for set in arm.fixed() {
            let of_set = known.entry(set.digest().to_owned()).or_insert_with(|| {
                digests(set).filter(|digest| tested.contains_key(digest)).collect()
            });
            shared.extend(of_set.iter().copied());
        }
        let (rows, of) = (shared.iter().map(|digest| tested[digest]).sum::<usize>(), test.len());
        if is_given && 2 * rows > of {
            return Err(Error::Argument {
                operation: "looking for test rows among the training rows",
                expected: "test rows that no network is trained on".into(),
                actual: format!(
                    "{rows} of the {of} test rows in the training set of arm `{}` too, with the same features, which would \
                     measure memory",
                    arm.name()
                ),
                next: "name a test set of other rows",
            });
        }
        if rows > 0 {
            notes.push((arm.name(), Note::TestRows { rows, of }));
        }
    }
    Ok(notes)
}

/// One digest for each row; 0 and -0 are the same feature.
fn digests(set: &LabelledFeatures) -> impl Iterator<Item = RowDigest> + '_ {
    (0..set.len()).map(|i| {
        let features = set.features();
        let bytes: Vec<u8> = features.row(i).iter().flat_map(|x| (x + 0.0).to_le_bytes()).collect();
        Sha256::digest(bytes).into()
    })
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    /// Rows of these numbers, of class 0.
    fn set(rows: &[f32]) -> LabelledFeatures {
        let x = Array2::from_shape_fn((rows.len(), 2), |(i, j)| if j == 0 { rows[i] } else { -0.0 });
        LabelledFeatures::new(x, vec![0; rows.len()]).unwrap()
    }

    #[test]
    fn test_rows_in_any_block_of_a_training_set_are_counted_once() {
        let test = set(&[1.0, 2.0, 3.0, 4.0, 4.0, 0.0]);
        let (some, copies) = (set(&[2.0, 9.0, -0.0]), set(&[2.0, 8.0]));
        let arms = [
            Arm::new("none", 0.1).with(&set(&[7.0])),
            Arm::new("some", 0.1).with(&some).with(&copies),
            Arm::new("twins", 0.1).with(&set(&[4.0])),
        ];
        let found = check_overlaps(&arms, &test).unwrap();
        let expected = [("some", Note::TestRows { rows: 2, of: 6 }), ("twins", Note::TestRows { rows: 2, of: 6 })];
        assert_eq!(found, expected);
    }

    #[test]
    fn an_arm_that_trains_on_more_than_half_of_the_test_rows_is_refused() {
        let test = set(&[1.0, 2.0, 3.0]);
        let arms = [Arm::new("a", 0.1).with(&set(&[1.0])).with(&set(&[3.0]))];
        let message = check_overlaps(&arms, &test).unwrap_err().to_string();
        assert!(message.contains("2 of the 3 test rows in the training set of arm `a`"), "{message}");
    }
}
