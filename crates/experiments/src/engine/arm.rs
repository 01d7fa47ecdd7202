//! Arms: recipes that are compared, each a training set and how the network is trained on it.

use mlprobe_nn::Hyperparameters;

use crate::engine::notes::Note;
use crate::engine::session::Session;
use crate::engine::sets::LabelledFeatures;
use crate::error::{Error, Result};
use crate::settings::Protocol;

/// Rows of a training set that follow from the seed, as the features of augmented images do.
pub trait SeededRows: Sync {
    /// How many rows there are, the same for every seed.
    fn rows(&self) -> usize;

    /// How many draws of these rows a seed has, at least 1: epoch e, counted from 0, trains on draw e mod this number.
    ///
    /// All draws of a seed have the same labels. A checkpoint is recognised by draw 0 and the number of draws, so the
    /// others must follow from whatever draw 0 follows from.
    fn draws(&self) -> usize {
        1
    }

    /// Prepares all draws of `seed` so that [`load`](Self::load) is fast, as by extracting them to a cache. It is called
    /// once per seed, before any training.
    ///
    /// # Errors
    /// Whatever prevents it; [`Error::Stopped`] if the observer asked to stop.
    fn prepare(&self, seed: u64, session: &Session<'_>) -> Result<()>;

    /// A draw of the rows of `seed`, counted from 0. At most two such sets are in memory at a time, however many seeds and
    /// draws there are.
    ///
    /// # Errors
    /// Whatever prevents it.
    fn load(&self, seed: u64, draw: usize, session: &Session<'_>) -> Result<LabelledFeatures>;
}

/// Rows of an arm's training set.
enum Rows<'a> {
    Fixed(LabelledFeatures),
    Seeded(Box<dyn SeededRows + 'a>),
}

/// One recipe of a comparison: a named training set, and what is not the same for all arms.
///
/// The training set is one or more blocks of rows, stacked without copying. A block is the same for every seed or follows
/// from it.
pub struct Arm<'a> {
    name: String,
    learning_rate: f64,
    hyperparameters: Option<Hyperparameters>,
    is_standardised: bool,
    blocks: Vec<Rows<'a>>,
}

impl<'a> Arm<'a> {
    /// An arm without rows yet, trained by plain gradient descent at this learning rate. The name is also a file name.
    pub fn new(name: impl Into<String>, learning_rate: f64) -> Self {
        Self {
            name: name.into(),
            learning_rate,
            hyperparameters: None,
            is_standardised: false,
            blocks: Vec::new(),
        }
    }

    /// An arm without rows yet that is trained with these hyperparameters instead of the protocol's batch size.
    pub fn with_hyperparameters(name: impl Into<String>, hyperparameters: Hyperparameters) -> Self {
        let learning_rate = hyperparameters.learning_rate();
        Self { hyperparameters: Some(hyperparameters), ..Self::new(name, learning_rate) }
    }

    /// Adds rows that are the same for every seed.
    #[must_use]
    pub fn with(mut self, rows: &LabelledFeatures) -> Self {
        self.blocks.push(Rows::Fixed(rows.clone()));
        self
    }

    /// Adds rows that follow from the seed.
    #[must_use]
    pub fn with_seeded(mut self, rows: impl SeededRows + 'a) -> Self {
        self.blocks.push(Rows::Seeded(Box::new(rows)));
        self
    }

    /// Trains on features of mean 0 and deviation 1, as measured on the first block of its own training set. Test features
    /// are scaled alike, and finished models take features as they were.
    #[must_use]
    pub fn standardised(mut self) -> Self {
        self.is_standardised = true;
        self
    }

    /// Unique in its study.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Step size of the gradient descent.
    pub fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    /// N, over all blocks.
    pub fn rows(&self) -> usize {
        let rows = |block: &Rows<'_>| match block {
            Rows::Fixed(set) => set.len(),
            Rows::Seeded(rows) => rows.rows(),
        };
        self.blocks.iter().map(rows).sum()
    }

    /// The blocks that are the same for every seed.
    pub(crate) fn fixed(&self) -> impl Iterator<Item = &LabelledFeatures> {
        self.blocks.iter().filter_map(|block| match block {
            Rows::Fixed(set) => Some(set),
            Rows::Seeded(_) => None,
        })
    }

    /// Whether some rows follow from the seed.
    pub(crate) fn is_seeded(&self) -> bool {
        self.blocks.iter().any(|block| matches!(block, Rows::Seeded(_)))
    }

    /// The most draws of any block: with one, every epoch trains on the same rows.
    pub(crate) fn draws(&self) -> usize {
        let draws = |block: &Rows<'_>| match block {
            Rows::Fixed(_) => 1,
            Rows::Seeded(rows) => rows.draws().max(1),
        };
        self.blocks.iter().map(draws).max().unwrap_or(1)
    }

    /// Whether features are scaled before training.
    pub(crate) fn is_standardised(&self) -> bool {
        self.is_standardised
    }

    /// How the network is trained.
    pub(crate) fn hyperparameters(&self, protocol: &Protocol) -> mlprobe_nn::Result<Hyperparameters> {
        match &self.hyperparameters {
            Some(hyperparameters) => Ok(hyperparameters.clone()),
            None => {
                let plain = Hyperparameters::new(self.learning_rate, protocol.batch_size)?;
                Ok(plain.with_precision(protocol.precision))
            }
        }
    }

    /// Updates of the weights per epoch.
    pub(crate) fn updates_per_epoch(&self, protocol: &Protocol) -> u64 {
        let fraction = protocol.subset.map_or(1.0, |subset| subset.fraction);
        ((self.rows() as f64 * fraction).ceil() as usize).div_ceil(self.batch_size(protocol).max(1)) as u64
    }

    /// A note if an update could average over more rows than there are.
    pub(crate) fn small_batch(&self, protocol: &Protocol) -> Option<Note> {
        let (rows, batch_size) = (self.rows(), self.batch_size(protocol));
        (rows < batch_size).then_some(Note::FewerRowsThanABatch { rows, batch_size })
    }

    fn batch_size(&self, protocol: &Protocol) -> usize {
        self.hyperparameters.as_ref().map_or(protocol.batch_size, Hyperparameters::batch_size)
    }

    /// Prepares the rows that follow from `seed`.
    pub(crate) fn prepare(&self, seed: u64, session: &Session<'_>) -> Result<()> {
        self.blocks.iter().try_for_each(|block| match block {
            Rows::Fixed(_) => Ok(()),
            Rows::Seeded(rows) => rows.prepare(seed, session),
        })
    }

    /// The rows that `seed` trains on in an epoch, counted from 0, block by block; every block is checked against the test
    /// set's D.
    pub(crate) fn training_set(
        &self,
        seed: u64,
        epoch: usize,
        dim: usize,
        session: &Session<'_>,
    ) -> Result<Vec<LabelledFeatures>> {
        let block = |block: &Rows<'_>| {
            let (set, rows) = match block {
                Rows::Fixed(set) => (set.clone(), set.len()),
                Rows::Seeded(rows) => (rows.load(seed, epoch % rows.draws().max(1), session)?, rows.rows()),
            };
            if (set.len(), set.dim()) == (rows, dim) {
                return Ok(set);
            }
            Err(Error::Argument {
                operation: "building a training set",
                expected: format!("features ({rows}, {dim}) in arm `{}`", self.name),
                actual: format!("({}, {})", set.len(), set.dim()),
                next: "make every set with the same extractor",
            })
        };
        self.blocks.iter().map(block).collect()
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::engine::progress::Progress;

    fn set(rows: usize, value: f32) -> LabelledFeatures {
        LabelledFeatures::new(Array2::from_elem((rows, 2), value), vec![0; rows]).unwrap()
    }

    /// Announces five rows, and has `0` of them.
    struct FiveRows(usize);

    impl SeededRows for FiveRows {
        fn rows(&self) -> usize {
            5
        }

        fn prepare(&self, _: u64, _: &Session<'_>) -> Result<()> {
            Ok(())
        }

        fn draws(&self) -> usize {
            2
        }

        fn load(&self, seed: u64, draw: usize, _: &Session<'_>) -> Result<LabelledFeatures> {
            Ok(set(self.0, seed as f32 + draw as f32 / 10.0))
        }
    }

    #[test]
    fn an_arm_stacks_fixed_and_seeded_blocks() {
        let arm = Arm::new("augmented", 0.1).with(&set(3, 0.0)).with_seeded(FiveRows(5));
        assert_eq!(arm.rows(), 8);
        assert!(arm.is_seeded());
        for (epoch, value) in [(0, 7.0), (1, 7.1), (2, 7.0), (5, 7.1)] {
            let blocks = arm.training_set(7, epoch, 2, &Session::new(Progress::silent())).unwrap();
            assert_eq!(blocks.iter().map(LabelledFeatures::len).collect::<Vec<_>>(), [3, 5]);
            assert_eq!(blocks[1].features()[[4, 1]], value, "epoch {epoch}");
        }
    }

    #[test]
    fn a_block_of_another_size_than_announced_is_an_error() {
        let arm = Arm::new("augmented", 0.1).with_seeded(FiveRows(4));
        let message = arm.training_set(0, 0, 2, &Session::new(Progress::silent())).unwrap_err().to_string();
        assert!(message.contains("expected features (5, 2) in arm `augmented`, got (4, 2)"), "{message}");
    }
}
