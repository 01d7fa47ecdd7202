//! The features of a data set's images, as they are and transformed, through the cache.

use std::sync::OnceLock;

use mlprobe_audit::Kept;
use mlprobe_data::augment::{Augmenter, Transform};
use mlprobe_data::{Dataset, LabelledImages};
use mlprobe_features::{Extractor, FeatureCache, Origin};
use ndarray::{Array2, Axis};
use sha2::{Digest, Sha256};

use crate::analysis::machine::Machine;
use crate::analysis::results::{About, DatasetInfo, ExtractorInfo, VERSION};
use crate::engine::arm::SeededRows;
use crate::engine::progress::Event;
use crate::engine::session::Session;
use crate::engine::sets::LabelledFeatures;
use crate::error::{Error, Result};

/// Draws the transforms of test images, the same for every run.
pub(crate) const TEST_SEED: u64 = 0;

/// Bytes of images that are transformed at a time.
const PIECE: usize = 32 << 20;
/// How many images these are at least and at most.
const PIECE_IMAGES: [usize; 2] = [256, 8192];

/// A data set with what makes its features. Features are extracted once and kept in the cache.
pub struct FeatureSource<'a> {
    dataset: &'a Dataset,
    extractor: &'a dyn Extractor,
    cache: &'a FeatureCache,
    comparable: bool,
    commit: String,
    kept: Option<&'a Kept>,
    digests: OnceLock<[String; 2]>,
}

/// The images of one half of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// The training images.
    Train,
    /// The test images.
    Test,
}

impl<'a> FeatureSource<'a> {
    /// The features that `extractor` makes of `dataset`. `comparable` says whether figures published for this data set may be
    /// set beside ours, `commit` is the version of the program's source for the record.
    pub fn new(
        dataset: &'a Dataset,
        comparable: bool,
        extractor: &'a dyn Extractor,
        cache: &'a FeatureCache,
        commit: String,
    ) -> Self {
        Self { dataset, extractor, cache, comparable, commit, kept: None, digests: OnceLock::new() }
    }

    /// Only the features of the images that are `kept`, if it names any. They are selected after extraction: all features come
    /// from the same cache, and what augmentation draws for an image stays the same.
    #[must_use]
    pub fn keeping(self, kept: Option<&'a Kept>) -> Self {
        Self { comparable: self.comparable && kept.is_none(), kept, ..self }
    }

    /// The images.
    pub fn dataset(&self) -> &'a Dataset {
        self.dataset
    }

    /// Digests of training and test images, the extractor's fingerprint, and a digest of the rows that are kept if not all are:
    /// all that the features follow from.
    pub fn inputs(&self) -> Vec<String> {
        let [train, test] = self.digests();
        let mut inputs = vec![train.clone(), test.clone(), self.extractor.fingerprint()];
        inputs.extend(self.kept.map(digest_of_kept));
        inputs
    }

    /// The features (N, D) of the images as they are.
    ///
    /// # Errors
    /// Those of extractor and cache; [`Error::Stopped`] if the observer asked to stop.
    pub fn original(&self, half: Half, session: &Session<'_>) -> Result<LabelledFeatures> {
        let stage = format!("features of the {} images", half.name());
        self.keep(half, self.stage(&stage, self.images(half), self.digest(half), None, session)?)
    }

    /// The features (N, D) of the images mirrored left-right.
    ///
    /// # Errors
    /// As [`original`](Self::original).
    pub fn mirrored(&self, half: Half, session: &Session<'_>) -> Result<LabelledFeatures> {
        let images = mirrored(self.images(half));
        let stage = format!("features of the mirrored {} images", half.name());
        self.keep(half, self.stage(&stage, &images, &images.digest(), None, session)?)
    }

    /// The features (N, D) of the test images under `transform`, drawn once with a fixed seed.
    ///
    /// # Errors
    /// As [`original`](Self::original).
    pub fn transformed_test(&self, transform: Transform, session: &Session<'_>) -> Result<LabelledFeatures> {
        let augmenter = Augmenter::new(&[transform], TEST_SEED)?;
        let stage = format!("features of the test images, {}", transform.name());
        let digest = self.digest(Half::Test);
        self.keep(Half::Test, self.stage(&stage, &self.dataset.test, digest, Some(&augmenter), session)?)
    }

    /// One transformed copy of each training image per seed, by one of `transforms` drawn uniformly; `what` names the copies
    /// in the progress display.
    pub fn augmented(&'a self, transforms: &'a [Transform], what: impl Into<String>) -> AugmentedRows<'a> {
        AugmentedRows { source: self, transforms, draws: 1, what: what.into() }
    }

    /// Where the numbers come from.
    pub fn about(&self) -> About {
        let Dataset { name, classes, .. } = self.dataset;
        let [train_digest, test_digest] = self.digests().clone();
        About {
            dataset: DatasetInfo {
                name: name.clone(),
                classes: classes.clone(),
                train_images: self.len(Half::Train),
                test_images: self.len(Half::Test),
                dim: self.extractor.dim(),
                train_digest,
                test_digest,
                kept_digest: self.kept.map(digest_of_kept),
                comparable: self.comparable,
            },
            extractor: Some(ExtractorInfo {
                name: self.extractor.name(),
                dim: self.extractor.dim(),
                fingerprint: self.extractor.fingerprint(),
            }),
            files: Vec::new(),
            machine: Machine::detect(),
            version: VERSION.to_owned(),
            commit: self.commit.clone(),
        }
    }

    fn images(&self, half: Half) -> &'a LabelledImages {
        match half {
            Half::Train => &self.dataset.train,
            Half::Test => &self.dataset.test,
        }
    }

    /// The rows that are kept, if not all are.
    fn rows(&self, half: Half) -> Option<&'a [usize]> {
        self.kept.map(|kept| match half {
            Half::Train => &kept.train[..],
            Half::Test => &kept.test[..],
        })
    }

    /// How many images are used.
    fn len(&self, half: Half) -> usize {
        self.rows(half).map_or_else(|| self.images(half).len(), <[usize]>::len)
    }

    /// Of the features of all images, those that are used.
    fn keep(&self, half: Half, all: LabelledFeatures) -> Result<LabelledFeatures> {
        match self.rows(half) {
            Some(rows) => all.select(rows),
            None => Ok(all),
        }
    }

    fn digest(&self, half: Half) -> &str {
        let [train, test] = self.digests();
        match half {
            Half::Train => train,
            Half::Test => test,
        }
    }

    fn digests(&self) -> &[String; 2] {
        self.digests.get_or_init(|| [self.dataset.train.digest(), self.dataset.test.digest()])
    }

    /// The features of `images`, which `digest` names in the cache, as a stage of their own.
    fn stage(
        &self,
        stage: &str,
        images: &LabelledImages,
        digest: &str,
        augmenter: Option<&Augmenter>,
        session: &Session<'_>,
    ) -> Result<LabelledFeatures> {
        if session.stopped() {
            return Err(Error::Stopped { done: 0, planned: 0 });
        }
        let (features, origin) = session.stage(stage, images.len() as u64, "images", |advance| {
            self.features(images, digest, augmenter, &|done| advance(done as u64))
        })?;
        match &origin {
            Origin::Rebuilt { set_aside } => session.send(Event::CacheRebuilt { stage, set_aside }),
            Origin::NotKept { path } => session.send(Event::FeaturesNotKept { stage, path }),
            Origin::Cached | Origin::Extracted => {}
        }
        LabelledFeatures::new(features, images.labels.clone())
    }

    /// The features (N, D) of `images` (N, height, width, 3), transformed if there is an augmenter, and where they came from.
    fn features(
        &self,
        images: &LabelledImages,
        digest: &str,
        augmenter: Option<&Augmenter>,
        advance: &(dyn Fn(usize) + Sync),
    ) -> Result<(Array2<f32>, Origin)> {
        let augmentation = augmenter.map_or_else(|| "none".to_owned(), Augmenter::describe);
        let fingerprint = self.extractor.fingerprint();
        let key = [("images", digest), ("augmentation", &augmentation), ("extractor", &fingerprint)];
        self.cache.get_or_extract(&key, || match augmenter {
            None => Ok(self.extractor.extract_with(images.images.view(), advance)?),
            Some(augmenter) => self.augmented_features(images, augmenter, advance),
        })
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
            let transformed = augmenter.apply_from(first as u64, piece)?;
            let extracted = self.extractor.extract_with(transformed.view(), advance);
            rows.assign(&extracted.map_err(|error| error.behind(first))?);
        }
        Ok(features)
    }
}

/// SHA-256 (hex) over the numbers of the rows that are kept.
pub fn digest_of_kept(kept: &Kept) -> String {
    mlprobe_files::hex(&Sha256::digest(serde_json::to_vec(kept).unwrap_or_default()))
}

/// The features of one transformed copy of each training image per seed and draw.
pub struct AugmentedRows<'a> {
    source: &'a FeatureSource<'a>,
    transforms: &'a [Transform],
    draws: u32,
    what: String,
}

impl AugmentedRows<'_> {
    /// So many draws of the copies per seed, at least 1: epoch e, counted from 0, trains on draw e mod `draws`. Draw 0 is that
    /// of one draw; draw c has the transforms of [`Augmenter::with_copy`] c.
    #[must_use]
    pub fn with_draws(self, draws: u32) -> Self {
        Self { draws, ..self }
    }

    fn augmenter(&self, seed: u64, draw: u32) -> Result<Augmenter> {
        Ok(Augmenter::new(self.transforms, seed)?.with_copy(draw))
    }
}

impl SeededRows for AugmentedRows<'_> {
    fn rows(&self) -> usize {
        self.source.len(Half::Train)
    }

    fn draws(&self) -> usize {
        self.draws as usize
    }

    fn prepare(&self, seed: u64, session: &Session<'_>) -> Result<()> {
        let (train, digest) = (&self.source.dataset.train, self.source.digest(Half::Train));
        let stage = format!("features of the {}, seed {seed}", self.what);
        (0..self.draws).try_for_each(|draw| {
            let augmenter = self.augmenter(seed, draw)?;
            self.source.stage(&stage, train, digest, Some(&augmenter), session).map(drop)
        })
    }

    fn load(&self, seed: u64, draw: usize, _: &Session<'_>) -> Result<LabelledFeatures> {
        let source = self.source;
        let (train, augmenter) = (&source.dataset.train, self.augmenter(seed, draw as u32)?);
        let (features, _) = source.features(train, source.digest(Half::Train), Some(&augmenter), &|_| ())?;
        source.keep(Half::Train, LabelledFeatures::new(features, train.labels.clone())?)
    }
}

impl Half {
    fn name(self) -> &'static str {
        match self {
            Self::Train => "training",
            Self::Test => "test",
        }
    }
}

/// Images (N, height, width, 3) with left and right exchanged.
fn mirrored(images: &LabelledImages) -> LabelledImages {
    let mut reversed = images.images.view();
    reversed.invert_axis(Axis(2));
    LabelledImages { images: reversed.as_standard_layout().into_owned(), labels: images.labels.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array4;

    #[test]
    fn mirroring_exchanges_left_and_right_and_nothing_else() {
        let images = Array4::from_shape_fn((2, 3, 4, 3), |(n, y, x, c)| (n * 100 + y * 30 + x * 7 + c) as u8);
        let images = LabelledImages::new(images, vec![3, 1]).unwrap();
        let mirrored = mirrored(&images);
        assert_eq!(mirrored.labels, [3, 1]);
        for ((n, y, x, c), &value) in mirrored.images.indexed_iter() {
            assert_eq!(value, images.images[[n, y, 3 - x, c]]);
        }
    }
}
