//! Which transform does what: every transform alone, and every preset, against as many copies without one.
//!
//! Each arm trains on the original images and one transformed copy of each, at the rate of the study's augmented
//! arm; the control [`DUPLICATED`] has the original images twice instead. So an arm and the control differ in
//! nothing but the transforms.

use mlprobe_data::augment::{Preset, Transform};

use super::arms::{AUGMENTED_RATE, DUPLICATED, TRANSFORMS, bare_study};
use crate::engine::arm::Arm;
use crate::engine::session::Session;
use crate::error::Result;
use crate::features::{FeatureSource, Half};
use crate::settings::Settings;
use crate::study::Study;

/// The ablation, its arms and test sets ready to run: the control, each preset, each transform alone.
///
/// # Errors
/// Those of extractor and cache.
pub fn ablation<'a>(
    source: &'a FeatureSource<'a>,
    settings: Settings,
    session: &Session<'_>,
) -> Result<Study<'a>> {
    let original = source.original(Half::Train, session)?;
    let mut study = bare_study(source, settings, session)?;
    study = study.add(Arm::new(DUPLICATED, AUGMENTED_RATE).with(&original).with(&original));
    for (name, transforms) in recipes() {
        let copies = source.augmented(transforms, format!("images under {name}"));
        study = study
            .add(Arm::new(&name, AUGMENTED_RATE).with(&original).with_seeded(copies))
            .compare(&name, &name, DUPLICATED);
    }
    Ok(study)
}

/// The names of the arms beside the control, with the transforms each draws from.
fn recipes() -> Vec<(String, &'static [Transform])> {
    let preset = |preset: Preset| (format!("preset-{preset}"), preset.transforms());
    let alone =
        |transform: &'static Transform| (transform.name().replace('_', "-"), std::slice::from_ref(transform));
    [Preset::Y2022, Preset::Y2023].map(preset).into_iter().chain(TRANSFORMS.iter().map(alone)).collect()
}
