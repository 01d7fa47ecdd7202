//! The training rows of one run, epoch by epoch, as its network is given them.

use crate::engine::arm::Arm;
use crate::engine::session::Session;
use crate::engine::sets::LabelledFeatures;
use crate::engine::standardisation::Standardisation;
use crate::engine::subset::part_of;
use crate::error::Result;
use crate::settings::Subset;

/// What an arm trains on with one seed. The rows of one epoch are in memory at a time.
pub(crate) struct EpochRows<'a> {
    arm: &'a Arm<'a>,
    seed: u64,
    /// D.
    dim: usize,
    subset: Option<Subset>,
    session: &'a Session<'a>,
    /// Fitted on the first block of epoch 0, for an arm that is standardised.
    standardisation: Option<Standardisation>,
    /// Counted from 0.
    epoch: usize,
    blocks: Vec<LabelledFeatures>,
}

impl<'a> EpochRows<'a> {
    /// The rows of `arm` with `seed`, of which `subset` is trained on; `dim` is the test set's D.
    pub(crate) fn new(
        arm: &'a Arm<'a>,
        seed: u64,
        dim: usize,
        subset: Option<Subset>,
        session: &'a Session<'a>,
    ) -> Result<Self> {
        let mut rows =
            Self { arm, seed, dim, subset, session, standardisation: None, epoch: 0, blocks: Vec::new() };
        rows.blocks = rows.load(0)?;
        if arm.is_standardised() {
            let fitted = Standardisation::fit(rows.blocks[0].features());
            rows.blocks = rows.blocks.iter().map(|set| fitted.apply_to(set)).collect::<Result<_>>()?;
            rows.standardisation = Some(fitted);
        }
        Ok(rows)
    }

    /// The rows of an epoch, counted from 0, block by block.
    pub(crate) fn of(&mut self, epoch: usize) -> Result<&[LabelledFeatures]> {
        if self.change() && epoch != self.epoch {
            self.blocks.clear(); // so that two draws are never in memory
            self.blocks = self.load(epoch)?;
            self.epoch = epoch;
        }
        Ok(&self.blocks)
    }

    /// Whether an epoch trains on other rows than the one before.
    pub(crate) fn change(&self) -> bool {
        self.arm.draws() > 1
    }

    /// Whether some rows follow from the seed.
    pub(crate) fn is_seeded(&self) -> bool {
        self.arm.is_seeded()
    }

    /// All that the rows of every epoch follow from.
    pub(crate) fn digest(&mut self) -> Result<String> {
        let draws = if self.change() { format!(" of {} draws", self.arm.draws()) } else { String::new() };
        let digests: Vec<_> = self.of(0)?.iter().map(LabelledFeatures::digest).collect();
        Ok(digests.join(" ") + &draws)
    }

    /// How features are scaled; `None` if they are taken as they are.
    pub(crate) fn standardisation(&self) -> Option<&Standardisation> {
        self.standardisation.as_ref()
    }

    fn load(&self, epoch: usize) -> Result<Vec<LabelledFeatures>> {
        let Self { arm, seed, dim, subset, session, standardisation, .. } = self;
        let ready = |mut set: LabelledFeatures| {
            if let Some(subset) = subset {
                set = part_of(&set, *subset, *seed)?;
            }
            match standardisation {
                Some(fitted) => fitted.apply_to(&set),
                None => Ok(set),
            }
        };
        arm.training_set(*seed, epoch, *dim, session)?.into_iter().map(ready).collect()
    }
}
