//! The study of the original report: augmented against unaugmented training images, with the controls that
//! tell apart what differs between the two recipes.
//!
//! | arm | training set | learning rate |
//! |---|---|---|
//! | [`UNAUGMENTED`] | the original images | 0.008 |
//! | [`AUGMENTED`] | the original images and a transformed copy of each | 0.01 |
//! | [`DUPLICATED`] | each original image twice | 0.01 |
//! | [`UNAUGMENTED_FAST`] | the original images | 0.01 |
//!
//! The first two are the report's. Its augmented recipe differs from its unaugmented one in three ways at once;
//! walking from arm to arm changes one of them at a time: from the first to the last the rate, from there to
//! `duplicated` the number of updates, from there to `augmented` the images themselves.

use mlprobe_data::augment::{Augmenter, Preset, Transform};
use mlprobe_data::{Dataset, LabelledImages};
use mlprobe_features::{Extractor, FeatureCache, Origin};
use ndarray::{Array2, Axis, concatenate};

use crate::error::{Error, Result};
use crate::machine::Machine;
use crate::progress::{Event, Progress};
use crate::protocol::Protocol;
use crate::results::{About, DatasetInfo, ExtractorInfo, VERSION};
use crate::sets::{Arm, LabelledFeatures};
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
const RATE: f64 = 0.008;
/// The report's learning rate with augmented images.
pub(crate) const AUGMENTED_RATE: f64 = 0.01;

/// Every transform is also put on the test images, to see which models bear it.
pub(crate) const TRANSFORMS: [Transform; 6] = [
    Transform::Rotation,
    Transform::Cutout,
    Transform::Crop,
    Transform::ContrastFlip,
    Transform::Enhancement,
    Transform::Posterize,
];

/// Draws the transforms of the test images, the same for every run.
pub(crate) const TEST_SEED: u64 = 0;

/// Bytes of images that are transformed at a time.
const PIECE: usize = 32 << 20;
/// How many images these are at least and at most.
const PIECE_IMAGES: [usize; 2] = [256, 8192];

/// What the study is run on.
pub struct Reproduction<'a> {
    /// The images.
    pub dataset: &'a Dataset,
    /// Whether they are the whole of CIFAR-10, verified: only then are figures comparable with published ones.
    pub comparable: bool,
    /// Makes the features.
    pub extractor: &'a dyn Extractor,
    /// Keeps the features, so that a second run starts training at once.
    pub cache: &'a FeatureCache,
    /// One of its transforms, drawn uniformly, is applied to each training image.
    pub preset: Preset,
    /// How every arm is trained.
    pub protocol: Protocol,
    /// Runs that train at a time; 0 is one a core. Extraction uses the global rayon pool.
    pub threads: usize,
    /// The version of the program's source, for the record.
    pub commit: String,
    /// The command that repeats this, for the record.
    pub command: String,
}

/// The study's sets of features, for one seed.
pub struct FeatureSets {
    /// Of the original training images.
    pub unaugmented: LabelledFeatures,
    /// Of these and of a transformed copy of each, in the same order.
    pub augmented: LabelledFeatures,
    /// Of the test images.
    pub test: LabelledFeatures,
}

impl Reproduction<'_> {
    /// The study, its arms and test sets ready to run: extracts the features of the original training images,
    /// of the test images, and of the test images under each transform. Those of augmented training images are
    /// extracted while the study runs, since they follow from the seed.
    ///
    /// # Errors
    /// Those of extractor and cache; [`Error::Stopped`] if the observer asked to stop.
    pub fn study(&self, progress: &Progress<'_>) -> Result<Study<'_>> {
        let Dataset { train, test, .. } = self.dataset;
        let (train_digest, test_digest) = (train.digest(), test.digest());
        let original =
            self.features("features of the training images", train, &train_digest, None, progress)?;
        let names: Vec<&str> = self.preset.transforms().iter().map(|transform| transform.name()).collect();
        let augmentation =
            format!("preset {}: one of {} for each image, drawn uniformly", self.preset, names.join(", "));
        let about = self.about(augmentation, train_digest.clone(), test_digest);
        let study = self.bare_study(about, progress)?;
        let transformed = move |seed: u64, progress: &Progress<'_>| {
            let augmenter = Augmenter::new(self.preset.transforms(), seed)?;
            let stage = format!("features of the augmented images, seed {seed}");
            self.features(&stage, train, &train_digest, Some(&augmenter), progress)
        };
        Ok(study
            .baselines(&original, AUGMENTED_RATE)
            .arm(Arm::new(UNAUGMENTED, RATE).with(&original))
            .arm(Arm::new(AUGMENTED, AUGMENTED_RATE).with(&original).with_seeded(train.len(), transformed))
            .arm(Arm::new(DUPLICATED, AUGMENTED_RATE).with(&original).with(&original))
            .arm(Arm::new(UNAUGMENTED_FAST, AUGMENTED_RATE).with(&original))
            .compare("higher rate", UNAUGMENTED_FAST, UNAUGMENTED)
            .compare("more updates", DUPLICATED, UNAUGMENTED_FAST)
            .compare("augmented images", AUGMENTED, DUPLICATED)
            .compare("all three", AUGMENTED, UNAUGMENTED)
            .compare("augmented images instead of more passes", AUGMENTED, UNAUGMENTED_FAST))
    }

    /// The features that the arms [`UNAUGMENTED`] and [`AUGMENTED`] train on with `seed`, and those of the test images.
    ///
    /// # Errors
    /// As [`study`](Self::study).
    pub fn feature_sets(&self, seed: u64, progress: &Progress<'_>) -> Result<FeatureSets> {
        let Dataset { train, test, .. } = self.dataset;
        let digest = train.digest();
        let unaugmented = self.features("features of the training images", train, &digest, None, progress)?;
        let augmenter = Augmenter::new(self.preset.transforms(), seed)?;
        let stage = format!("features of the augmented images, seed {seed}");
        let copies = self.features(&stage, train, &digest, Some(&augmenter), progress)?;
        let test = self.features("features of the test images", test, &test.digest(), None, progress)?;
        let features = concatenate![Axis(0), unaugmented.features(), copies.features()];
        let labels = [unaugmented.labels(), copies.labels()].concat();
        Ok(FeatureSets { augmented: LabelledFeatures::new(features, labels)?, unaugmented, test })
    }

    /// A study without arms, scored on the test images as they are and under each transform.
    pub(crate) fn bare_study(&self, about: About, progress: &Progress<'_>) -> Result<Study<'_>> {
        let (test, test_digest) = (&self.dataset.test, about.dataset.test_digest.clone());
        let features = self.features("features of the test images", test, &test_digest, None, progress)?;
        let mut study = Study::new(about, self.protocol.clone(), &features).threads(self.threads);
        for transform in TRANSFORMS {
            let augmenter = Augmenter::new(&[transform], TEST_SEED)?;
            let stage = format!("features of the test images, {}", transform.name());
            let features = self.features(&stage, test, &test_digest, Some(&augmenter), progress)?;
            study = study.further_test(transform.name(), &features);
        }
        Ok(study)
    }

    /// The features of `images` (N, height, width, 3), transformed if there is an augmenter; `digest` names them
    /// in the cache.
    pub(crate) fn features(
        &self,
        stage: &str,
        images: &LabelledImages,
        digest: &str,
        augmenter: Option<&Augmenter>,
        progress: &Progress<'_>,
    ) -> Result<LabelledFeatures> {
        if progress.stopped() {
            return Err(Error::Stopped { done: 0, planned: self.protocol.seeds.len() });
        }
        let augmentation = augmenter.map_or_else(|| "none".to_owned(), Augmenter::describe);
        let fingerprint = self.extractor.fingerprint();
        let key = [("images", digest), ("augmentation", &augmentation), ("extractor", &fingerprint)];
        let (features, origin) = progress.stage(stage, images.len() as u64, "images", |advance| {
            self.cache.get_or_extract(&key, || {
                let advance = |done: usize| advance(done as u64);
                let features = match augmenter {
                    None => self.extractor.extract_with(images.images.view(), &advance)?,
                    Some(augmenter) => self.augmented_features(images, augmenter, &advance)?,
                };
                Ok::<_, Error>(features)
            })
        })?;
        if let Origin::Rebuilt { set_aside } = origin {
            progress.send(Event::CacheRebuilt { stage, set_aside: &set_aside });
        }
        LabelledFeatures::new(features, images.labels.clone())
    }

    /// The features (N, D) of transformed copies of `images` (N, height, width, 3), of which never more than a piece is
    /// in memory.
    fn augmented_features(
        &self,
        images: &LabelledImages,
        augmenter: &Augmenter,
        advance: &(dyn Fn(usize) + Sync),
    ) -> Result<Array2<f32>> {
        let mut features = Array2::zeros((images.len(), self.extractor.dim()));
        let (_, height, width, channels) = images.images.dim();
        let bytes = (height * width * channels).max(1);
        let size = (PIECE / bytes).clamp(PIECE_IMAGES[0], PIECE_IMAGES[1]);
        let pieces = images.images.axis_chunks_iter(Axis(0), size);
        for (i, (piece, mut rows)) in pieces.zip(features.axis_chunks_iter_mut(Axis(0), size)).enumerate() {
            let first = i * size;
            let (transformed, _) = augmenter.apply_from(first as u64, piece)?;
            let extracted = self.extractor.extract_with(transformed.view(), advance);
            rows.assign(&extracted.map_err(|error| error.behind(first))?);
        }
        Ok(features)
    }

    pub(crate) fn about(&self, augmentation: String, train_digest: String, test_digest: String) -> About {
        let Dataset { name, classes, train, test } = self.dataset;
        About {
            dataset: DatasetInfo {
                name: name.clone(),
                classes: classes.clone(),
                train_images: train.len(),
                test_images: test.len(),
                dim: self.extractor.dim(),
                train_digest,
                test_digest,
                comparable: self.comparable,
            },
            extractor: Some(ExtractorInfo {
                name: self.extractor.name(),
                dim: self.extractor.dim(),
                fingerprint: self.extractor.fingerprint(),
            }),
            augmentation: Some(augmentation),
            facts: Vec::new(),
            machine: Machine::detect(),
            version: VERSION.to_owned(),
            commit: self.commit.clone(),
            command: self.command.clone(),
        }
    }
}
