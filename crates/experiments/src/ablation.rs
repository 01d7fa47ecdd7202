//! Which transform does what: every transform alone, and every preset, against as many copies without one.
//!
//! Each arm trains on the original images and one transformed copy of each, at the rate of the study's augmented
//! arm; the control [`DUPLICATED`] has the original images twice instead. So an arm and the control differ in
//! nothing but the transforms.

use mlprobe_data::Dataset;
use mlprobe_data::augment::{Augmenter, Preset, Transform};

use crate::error::Result;
use crate::progress::Progress;
use crate::reproduction::{AUGMENTED_RATE, DUPLICATED, Reproduction, TRANSFORMS};
use crate::sets::Arm;
use crate::study::Study;

impl Reproduction<'_> {
    /// The ablation, its arms and test sets ready to run: the control, each preset, each transform alone, in the
    /// order of their names below. The preset of `self` is not used.
    ///
    /// # Errors
    /// Those of extractor and cache.
    pub fn ablation(&self, progress: &Progress<'_>) -> Result<Study<'_>> {
        let Dataset { train, test, .. } = self.dataset;
        let (train_digest, test_digest) = (train.digest(), test.digest());
        let original =
            self.features("features of the training images", train, &train_digest, None, progress)?;
        let augmentation =
            "a preset, or one transform alone, named by the arm; drawn for each image".to_owned();
        let about = self.about(augmentation, train_digest.clone(), test_digest);
        let mut study = self.bare_study(about, progress)?;
        study = study.arm(Arm::new(DUPLICATED, AUGMENTED_RATE).with(&original).with(&original));
        for (name, transforms) in recipes() {
            let digest = train_digest.clone();
            let stage = format!("features of the images under {name}");
            let transformed = move |seed: u64, progress: &Progress<'_>| {
                let augmenter = Augmenter::new(&transforms, seed)?;
                self.features(&format!("{stage}, seed {seed}"), train, &digest, Some(&augmenter), progress)
            };
            study = study
                .arm(Arm::new(&name, AUGMENTED_RATE).with(&original).with_seeded(train.len(), transformed))
                .compare(&name, &name, DUPLICATED);
        }
        Ok(study)
    }
}

/// The names of the arms beside the control, with the transforms each draws from.
fn recipes() -> Vec<(String, Vec<Transform>)> {
    let preset = |preset: Preset| (format!("preset-{preset}"), preset.transforms().to_vec());
    let alone = |transform: Transform| (transform.name().replace('_', "-"), vec![transform]);
    [Preset::Y2022, Preset::Y2023].map(preset).into_iter().chain(TRANSFORMS.map(alone)).collect()
}
