//! One random transform for every image of a batch.

use ndarray::{Array4, ArrayView4};
use rayon::prelude::*;

use super::draw::Draw;
use super::transform::Transform;
use crate::random::Random;
use crate::{Error, Result};

/// Gives every image one random transform.
///
/// ```
/// use mlprobe_data::augment::{Augmenter, Preset};
/// use ndarray::{Array4, Axis};
///
/// let images = Array4::from_shape_fn((8, 32, 32, 3), |(n, y, x, c)| (n + 7 * y + 3 * x + c) as u8);
/// let augmenter = Augmenter::new(Preset::Y2022.transforms(), 42)?;
/// let (augmented, draws) = augmenter.apply_with_draws(&images)?;
///
/// // One image is replayed from its draw.
/// assert_eq!(draws[5].apply(images.index_axis(Axis(0), 5))?, augmented.index_axis(Axis(0), 5));
/// // The draw follows from the seed and the index.
/// assert_eq!(augmenter.draw(5, 32, 32), draws[5]);
/// # Ok::<(), mlprobe_data::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Augmenter {
    transforms: Vec<Transform>,
    seed: u64,
    copy: u32,
}

impl Augmenter {
    /// An augmenter that chooses among `transforms` with equal probability.
    ///
    /// # Errors
    /// [`Error::Argument`] if `transforms` is empty.
    pub fn new(transforms: &[Transform], seed: u64) -> Result<Self> {
        if transforms.is_empty() {
            return Err(Error::argument("Augmenter::new", "at least one transform", "none"));
        }
        Ok(Self { transforms: transforms.to_vec(), seed, copy: 0 })
    }

    /// The augmenter of another copy of every image, with draws of its own. Copy 0 is that of [`new`](Self::new).
    ///
    /// Image i of copy c draws from the stream c 2³² + i of (seed, "augment").
    ///
    /// ```
    /// # use mlprobe_data::augment::{Augmenter, Preset};
    /// let first = Augmenter::new(Preset::Y2022.transforms(), 42)?;
    /// let second = first.clone().with_copy(1);
    /// assert_ne!(first.draw(5, 32, 32), second.draw(5, 32, 32));
    /// assert_eq!(first.draw(5, 32, 32), second.with_copy(0).draw(5, 32, 32));
    /// # Ok::<(), mlprobe_data::Error>(())
    /// ```
    #[must_use]
    pub fn with_copy(self, copy: u32) -> Self {
        Self { copy, ..self }
    }

    /// The transform and its parameters for image `index`, below 2³², of `height` x `width` pixels.
    pub fn draw(&self, index: u64, height: usize, width: usize) -> Draw {
        let stream = (u64::from(self.copy) << 32).wrapping_add(index);
        let mut random = Random::new(self.seed, b"augment", stream);
        let choice = random.below(self.transforms.len() as u32) as usize;
        Draw::new(self.transforms[choice], &mut random, height, width)
    }

    /// The transformed copies of `images` (N, height, width, 3), in the same shape. Image i gets the draw i. Runs on the
    /// threads of the current rayon pool; the result does not depend on their number.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are not three channels.
    pub fn apply<'a>(&self, images: impl Into<ArrayView4<'a, u8>>) -> Result<Array4<u8>> {
        self.apply_from(0, images)
    }

    /// As [`apply`](Self::apply), with the N draws as well.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are not three channels.
    pub fn apply_with_draws<'a>(
        &self,
        images: impl Into<ArrayView4<'a, u8>>,
    ) -> Result<(Array4<u8>, Vec<Draw>)> {
        let out = self.apply(images)?;
        let (n, height, width, _) = out.dim();
        let draws = (0..n as u64).into_par_iter().map(|i| self.draw(i, height, width)).collect();
        Ok((out, draws))
    }

    /// As [`apply`](Self::apply), but the first image gets the draw `first`: many images can be transformed in pieces,
    /// with the same result.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are not three channels.
    pub fn apply_from<'a>(&self, first: u64, images: impl Into<ArrayView4<'a, u8>>) -> Result<Array4<u8>> {
        let images: ArrayView4<u8> = images.into();
        let (_, height, width, channels) = images.dim();
        if channels != 3 {
            let actual = format!("{:?}", images.shape());
            return Err(Error::argument("Augmenter::apply", "images of shape (N, height, width, 3)", actual));
        }
        let mut out = Array4::zeros(images.dim());
        let size = height * width * 3;
        let sources = images.as_standard_layout();
        // Both are in standard layout; images without pixels have nothing to transform.
        if let (Some(sources), Some(targets), 1..) = (sources.as_slice(), out.as_slice_mut(), size) {
            let pairs = targets.par_chunks_exact_mut(size).zip(sources.par_chunks_exact(size));
            pairs.enumerate().for_each(|(i, (target, source))| {
                let draw = self.draw(first.wrapping_add(i as u64), height, width);
                draw.apply_to_slice(height, width, source, target);
            });
        }
        Ok(out)
    }

    /// A text that identifies the result for given images, for the keys of caches. Its version number is raised if a later
    /// release draws or transforms differently.
    ///
    /// ```
    /// # use mlprobe_data::augment::{Augmenter, Preset};
    /// let augmenter = Augmenter::new(Preset::Y2022.transforms(), 42)?;
    /// assert_eq!(augmenter.describe(), "augment/1 rotation,cutout,crop,contrast_flip seed=42");
    /// let other = augmenter.with_copy(3);
    /// assert_eq!(other.describe(), "augment/1 rotation,cutout,crop,contrast_flip seed=42 copy=3");
    /// # Ok::<(), mlprobe_data::Error>(())
    /// ```
    pub fn describe(&self) -> String {
        let names: Vec<&str> = self.transforms.iter().map(|transform| transform.name()).collect();
        let copy = if self.copy == 0 { String::new() } else { format!(" copy={}", self.copy) };
        format!("augment/1 {} seed={}{copy}", names.join(","), self.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::Preset;

    #[test]
    fn no_transforms_are_refused() {
        assert!(matches!(Augmenter::new(&[], 0), Err(Error::Argument { .. })));
    }

    #[test]
    fn images_without_three_channels_are_refused() {
        let augmenter = Augmenter::new(Preset::Y2022.transforms(), 0).unwrap();
        let error = augmenter.apply(&Array4::zeros((2, 8, 8, 1))).unwrap_err().to_string();
        assert!(error.contains("[2, 8, 8, 1]"), "{error}");
    }

    #[test]
    fn images_without_pixels_pass_through() {
        let augmenter = Augmenter::new(Preset::Y2022.transforms(), 0).unwrap();
        for shape in [(0, 32, 32, 3), (3, 0, 5, 3), (3, 5, 0, 3)] {
            let (out, draws) = augmenter.apply_with_draws(&Array4::zeros(shape)).unwrap();
            assert_eq!((out.dim(), draws.len()), (shape, shape.0));
        }
    }
}
