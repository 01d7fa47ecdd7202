//! The arms of the original report and their controls.

use mlprobe_data::augment::Preset;
use ndarray::{Axis, concatenate};

use super::arms::{
    AUGMENTED, AUGMENTED_RATE, COPIES, DUPLICATED, RATE, UNAUGMENTED, UNAUGMENTED_FAST, bare_study,
};
use super::questions::questions;
use crate::engine::arm::{Arm, SeededRows};
use crate::engine::session::Session;
use crate::engine::sets::LabelledFeatures;
use crate::error::Result;
use crate::features::{FeatureSource, Half};
use crate::settings::Settings;
use crate::study::Study;

/// The arms of the study with its questions, ready to run: extracts the features of the original training images, of the
/// test images, and of the test images under each transform. Those of augmented training images follow when the study runs.
///
/// # Errors
/// Those of extractor and cache; [`Error::Stopped`](crate::Error::Stopped) if the observer asked to stop.
pub fn study<'a>(
    source: &'a FeatureSource<'a>,
    preset: Preset,
    settings: Settings,
    session: &Session<'_>,
) -> Result<Study<'a>> {
    let original = source.original(Half::Train, session)?;
    let copies = source.augmented(preset.transforms(), COPIES);
    let mut study = bare_study(source, settings, session)?
        .baselines(&original, AUGMENTED_RATE)
        .add(Arm::new(UNAUGMENTED, RATE).with(&original))
        .add(Arm::new(AUGMENTED, AUGMENTED_RATE).with(&original).with_seeded(copies))
        .add(Arm::new(DUPLICATED, AUGMENTED_RATE).with(&original).with(&original))
        .add(Arm::new(UNAUGMENTED_FAST, AUGMENTED_RATE).with(&original))
        .compare("higher rate", UNAUGMENTED_FAST, UNAUGMENTED)
        .compare("more updates", DUPLICATED, UNAUGMENTED_FAST)
        .compare("augmented images", AUGMENTED, DUPLICATED)
        .compare("all three", AUGMENTED, UNAUGMENTED)
        .compare("augmented images instead of more passes", AUGMENTED, UNAUGMENTED_FAST)
        .separate_questions()
        // Nearest neighbours have no updates to keep equal, and plain copies would only vote twice.
        .probe_neighbours(AUGMENTED, UNAUGMENTED)
        .probe_logistic(AUGMENTED, DUPLICATED);
    for question in questions() {
        study = study.ask(question);
    }
    Ok(study)
}

/// The study's sets of features, for one seed.
pub struct FeatureSets {
    /// The features of the original training images.
    pub unaugmented: LabelledFeatures,
    /// The same, and those of a transformed copy of each image in the same order.
    pub augmented: LabelledFeatures,
    /// The features of the test images.
    pub test: LabelledFeatures,
}

/// The features that the arms [`UNAUGMENTED`] and [`AUGMENTED`] train on with `seed`, and those of the test images.
///
/// # Errors
/// As [`study`].
pub fn feature_sets(
    source: &FeatureSource<'_>,
    preset: Preset,
    seed: u64,
    session: &Session<'_>,
) -> Result<FeatureSets> {
    let unaugmented = source.original(Half::Train, session)?;
    let copies = source.augmented(preset.transforms(), COPIES);
    copies.prepare(seed, session)?;
    let copies = copies.load(seed, 0, session)?;
    let test = source.original(Half::Test, session)?;
    let features = concatenate![Axis(0), unaugmented.features(), copies.features()];
    let labels = [unaugmented.labels(), copies.labels()].concat();
    Ok(FeatureSets { augmented: LabelledFeatures::new(features, labels)?, unaugmented, test })
}
