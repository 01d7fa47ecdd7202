//! The names and learning rates of the arms, and the test sets that all of them are scored on.

use mlprobe_data::augment::Transform;

use crate::engine::session::Session;
use crate::error::Result;
use crate::features::{FeatureSource, Half};
use crate::settings::Settings;
use crate::study::Study;

/// The original images at the report's rate for them.
pub const UNAUGMENTED: &str = "unaugmented";
/// The original images and one transformed copy of each, at the report's rate for them.
pub const AUGMENTED: &str = "augmented";
/// Control: as many updates at the same rate as `augmented`, without its images.
pub const DUPLICATED: &str = "duplicated";
/// Control: the rate of `augmented` and `duplicated`, with half their updates.
pub const UNAUGMENTED_FAST: &str = "unaugmented-lr0.01";

/// The report's learning rate without augmented images.
pub(super) const RATE: f64 = 0.008;
/// The report's learning rate with augmented images.
pub(super) const AUGMENTED_RATE: f64 = 0.01;

/// What the progress display calls the transformed copies of a preset.
pub(super) const COPIES: &str = "augmented images";

/// Every transform is also put on the test images, to see which models withstand it.
pub(super) const TRANSFORMS: [Transform; 6] = [
    Transform::Rotation,
    Transform::Cutout,
    Transform::Crop,
    Transform::ContrastFlip,
    Transform::Enhancement,
    Transform::Posterize,
];

/// A study without arms, scored on the test images as they are and under each transform.
pub(super) fn bare_study<'a>(
    source: &FeatureSource<'a>,
    settings: Settings,
    session: &Session<'_>,
) -> Result<Study<'a>> {
    let test = source.original(Half::Test, session)?;
    let mut study = Study::new(&test).settings(settings).about(source.about());
    for transform in TRANSFORMS {
        study = study.further_test(transform.name(), &source.transformed_test(transform, session)?);
    }
    Ok(study)
}
