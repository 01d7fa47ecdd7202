//! A part of a training set, of each class alike.

use std::collections::BTreeMap;

use mlprobe_data::random::Random;

use crate::engine::sets::LabelledFeatures;
use crate::error::{Error, Result};
use crate::settings::Subset;

/// Draws a part that all seeds share.
const SHARED: u64 = 0;

/// The rows of `set` that `seed` trains on: of each class the first ⌈fraction · n⌉ of a shuffle, in ascending order. Sets with
/// the same labels, as an original and its copies are, keep the same rows.
pub(crate) fn part_of(set: &LabelledFeatures, subset: Subset, seed: u64) -> Result<LabelledFeatures> {
    let Subset { fraction, per_seed } = subset;
    let mut classes: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
    for (row, &label) in set.labels().iter().enumerate() {
        classes.entry(label).or_default().push(row);
    }
    let mut kept = Vec::new();
    for (class, mut rows) in classes {
        let mut random = Random::new(if per_seed { seed } else { SHARED }, b"training subset", class.into());
        let take = ((fraction * rows.len() as f64).ceil() as usize).min(rows.len());
        if fraction * (rows.len() as f64) < 1.0 {
            return Err(Error::Argument {
                operation: "taking a part of the training rows",
                expected: format!("at least one row of every class, where class {class} has {}", rows.len()),
                actual: format!("a part of {fraction}"),
                next: "take a larger part, or leave rare classes out",
            });
        }
        for place in 0..take {
            // The first places of a shuffle: each takes one of the rows not yet placed.
            let left = (rows.len() - place) as u32;
            rows.swap(place, place + random.below(left) as usize);
        }
        kept.extend(&rows[..take]);
    }
    kept.sort_unstable();
    set.select(&kept)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ndarray::Array2;

    use super::*;

    /// 100 rows of class 0 and 50 of class 1, each the number of the row.
    fn set() -> LabelledFeatures {
        let features = Array2::from_shape_fn((150, 1), |(row, _)| row as f32);
        LabelledFeatures::new(features, (0..150).map(|row| u16::from(row >= 100)).collect()).unwrap()
    }

    fn rows(fraction: f64, per_seed: bool, seed: u64) -> BTreeSet<u32> {
        let part = part_of(&set(), Subset { fraction, per_seed }, seed).unwrap();
        part.features().iter().map(|&row| row as u32).collect()
    }

    #[test]
    fn a_part_has_its_share_of_every_class() {
        let part = rows(0.1, false, 7);
        assert_eq!((part.iter().filter(|&&row| row < 100).count(), part.len()), (10, 15));
        assert_eq!(rows(1.0, true, 7).len(), 150);
    }

    #[test]
    fn a_smaller_part_lies_in_a_larger_one_and_only_resampling_depends_on_the_seed() {
        assert!(rows(0.1, false, 1).is_subset(&rows(0.5, false, 2)));
        assert_eq!(rows(0.3, false, 1), rows(0.3, false, 2));
        assert_ne!(rows(0.3, true, 1), rows(0.3, true, 2));
    }

    #[test]
    fn a_part_that_is_smaller_than_a_class_is_refused() {
        let message = part_of(&set(), Subset { fraction: 0.01, per_seed: false }, 0).unwrap_err().to_string();
        assert!(message.contains("class 1 has 50") && message.contains("larger part"), "{message}");
    }
}
