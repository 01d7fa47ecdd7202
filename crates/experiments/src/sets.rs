//! Features with labels, and the arms that train on them.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use mlprobe_features::arrays::{LabelledArrays, Options, read_labelled, read_pair};
use ndarray::{ArcArray2, Array2, ArrayView2};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::progress::Progress;

/// Features (N, D) with their labels (N). Cheap to clone: both are shared, so one set can serve many arms.
#[derive(Clone, Debug)]
pub struct LabelledFeatures {
    features: ArcArray2<f32>,
    labels: Arc<[u8]>,
    digest: Arc<OnceLock<String>>,
}

impl LabelledFeatures {
    /// Features (N, D), all finite, with N labels; N and D at least 1.
    ///
    /// # Errors
    /// [`Error::Argument`] if the lengths differ, nothing is given, or a feature is not finite.
    pub fn new(features: Array2<f32>, labels: Vec<u8>) -> Result<Self> {
        let problem = |expected: String, actual: String, next| {
            Err(Error::Argument { operation: "pairing features with labels", expected, actual, next })
        };
        if features.is_empty() {
            return problem(
                "at least one row and one column".into(),
                format!("shape {:?}", features.shape()),
                "give a training or test set that is not empty",
            );
        }
        if features.nrows() != labels.len() {
            return problem(
                format!("{} labels, one a row of features", features.nrows()),
                labels.len().to_string(),
                "check that both are of the same examples",
            );
        }
        if let Some(((row, column), value)) = features.indexed_iter().find(|(_, value)| !value.is_finite()) {
            return problem(
                "finite features".into(),
                format!("{value} in row {row}, column {column}"),
                "check what made them",
            );
        }
        Ok(Self { features: features.into_shared(), labels: labels.into(), digest: Arc::default() })
    }

    /// SHA-256 (hex) over shape, features and labels; computed once.
    pub(crate) fn digest(&self) -> &str {
        self.digest.get_or_init(|| {
            let mut digest = Sha256::new();
            digest.update(format!("{:?}", self.features.dim()));
            let mut bytes = Vec::with_capacity(4 * self.dim());
            for row in self.features.outer_iter() {
                bytes.clear();
                bytes.extend(row.iter().flat_map(|value| value.to_le_bytes()));
                digest.update(&bytes);
            }
            digest.update(&self.labels);
            mlprobe_files::hex(&digest.finalize())
        })
    }

    /// Reads features and labels from one file; see [`mlprobe_features::arrays`].
    ///
    /// # Errors
    /// Those of [`read_labelled`] and of [`LabelledFeatures::new`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        Self::numbered(read_labelled(path, &Options::default())?.main)
    }

    /// Reads features from one file and labels from another, as from two `.npy` files.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_pair(features: impl AsRef<Path>, labels: impl AsRef<Path>) -> Result<Self> {
        if features.as_ref() == labels.as_ref() {
            return Self::read(features);
        }
        Self::numbered(read_pair(features, labels, &Options::default())?)
    }

    /// Takes labels that are numbers below 256. Text has to be numbered together with that of other files.
    fn numbered(arrays: LabelledArrays) -> Result<Self> {
        let labels = arrays.labels.indices.iter().map(|&label| u8::try_from(label));
        match labels.collect() {
            Ok(labels) if arrays.labels.names.is_none() => Self::new(arrays.features, labels),
            _ => Err(Error::Argument {
                operation: "reading labels",
                expected: "numbers from 0 to 255".into(),
                actual: format!("others in {}", arrays.path.display()),
                next: "number the classes from 0, the same in every file",
            }),
        }
    }

    /// (N, D).
    pub fn features(&self) -> ArrayView2<'_, f32> {
        self.features.view()
    }

    /// (N), class indices.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// N, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// D, at least 1.
    pub fn dim(&self) -> usize {
        self.features.ncols()
    }
}

/// Makes the part of a training set that follows from the seed.
type MakePart<'a> = Box<dyn Fn(u64, &Progress<'_>) -> Result<LabelledFeatures> + Sync + 'a>;

enum Part<'a> {
    Fixed(LabelledFeatures),
    Seeded { len: usize, make: MakePart<'a> },
}

/// One recipe of a comparison: a named training set and its learning rate.
///
/// The training set is one or more parts, stacked without copying. A part is the same for every seed, or
/// made anew for each, as augmented images are.
pub struct Arm<'a> {
    /// Unique in its study; also a file name.
    pub name: String,
    /// Step size of the gradient descent, positive.
    pub learning_rate: f64,
    parts: Vec<Part<'a>>,
}

impl<'a> Arm<'a> {
    /// An arm with no training set yet; add parts to it.
    pub fn new(name: impl Into<String>, learning_rate: f64) -> Self {
        Self { name: name.into(), learning_rate, parts: Vec::new() }
    }

    /// Adds rows that are the same for every seed.
    #[must_use]
    pub fn with(mut self, part: &LabelledFeatures) -> Self {
        self.parts.push(Part::Fixed(part.clone()));
        self
    }

    /// Adds `len` rows that `make` builds from the seed, shortly before they are needed. At most two such
    /// parts are alive at a time, however many seeds there are.
    #[must_use]
    pub fn with_seeded(
        mut self,
        len: usize,
        make: impl Fn(u64, &Progress<'_>) -> Result<LabelledFeatures> + Sync + 'a,
    ) -> Self {
        self.parts.push(Part::Seeded { len, make: Box::new(make) });
        self
    }

    /// N, over all parts.
    pub fn train_images(&self) -> usize {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Fixed(set) => set.len(),
                Part::Seeded { len, .. } => *len,
            })
            .sum()
    }

    /// The parts that are the same for every seed.
    pub(crate) fn fixed(&self) -> impl Iterator<Item = &LabelledFeatures> {
        self.parts.iter().filter_map(|part| match part {
            Part::Fixed(set) => Some(set),
            Part::Seeded { .. } => None,
        })
    }

    /// Name, rate and training set; of a part that follows from the seed, its size.
    pub(crate) fn settings(&self) -> String {
        let part = |part: &Part<'_>| match part {
            Part::Fixed(set) => set.digest().to_owned(),
            Part::Seeded { len, .. } => format!("{len} rows by seed"),
        };
        let parts: Vec<_> = self.parts.iter().map(part).collect();
        format!("{} {:?} {parts:?}", self.name, self.learning_rate)
    }

    /// Whether some rows follow from the seed.
    pub(crate) fn is_seeded(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Seeded { .. }))
    }

    /// The training set for `seed`, part by part, every part checked against the test set's D.
    pub(crate) fn blocks(
        &self,
        seed: u64,
        dim: usize,
        progress: &Progress<'_>,
    ) -> Result<Vec<LabelledFeatures>> {
        self.parts
            .iter()
            .map(|part| {
                let (set, len) = match part {
                    Part::Fixed(set) => (set.clone(), set.len()),
                    Part::Seeded { len, make } => (make(seed, progress)?, *len),
                };
                if (set.len(), set.dim()) == (len, dim) {
                    return Ok(set);
                }
                Err(Error::Argument {
                    operation: "building a training set",
                    expected: format!("features ({len}, {dim}) in arm `{}`", self.name),
                    actual: format!("({}, {})", set.len(), set.dim()),
                    next: "make every set with the same extractor",
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(rows: usize, dim: usize) -> LabelledFeatures {
        LabelledFeatures::new(Array2::zeros((rows, dim)), vec![0; rows]).unwrap()
    }

    #[test]
    fn wrong_sets_are_refused_with_what_is_wrong() {
        let nan = Array2::from_shape_vec((1, 2), vec![0.0, f32::NAN]).unwrap();
        let table = [
            (Array2::zeros((0, 3)), vec![], "shape [0, 3]"),
            (Array2::zeros((2, 3)), vec![1], "expected 2 labels"),
            (nan, vec![1], "NaN in row 0, column 1"),
        ];
        for (features, labels, part) in table {
            let message = LabelledFeatures::new(features, labels).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn an_arm_stacks_fixed_and_seeded_parts() {
        let arm = Arm::new("augmented", 0.1).with(&set(3, 2)).with_seeded(5, |seed, _| {
            let features = Array2::from_elem((5, 2), seed as f32);
            LabelledFeatures::new(features, vec![1; 5])
        });
        assert_eq!(arm.train_images(), 8);
        assert!(arm.is_seeded());
        let blocks = arm.blocks(7, 2, &Progress::silent()).unwrap();
        assert_eq!(blocks.iter().map(LabelledFeatures::len).collect::<Vec<_>>(), [3, 5]);
        assert_eq!(blocks[1].features()[[4, 1]], 7.0);
    }

    #[test]
    fn a_part_of_another_size_than_announced_is_an_error() {
        let arm = Arm::new("augmented", 0.1).with_seeded(5, |_, _| Ok(set(4, 2)));
        let message = arm.blocks(0, 2, &Progress::silent()).unwrap_err().to_string();
        assert!(message.contains("expected features (5, 2) in arm `augmented`, got (4, 2)"), "{message}");
    }
}
