//! Augmentation: one random transform an image, a function of (seed, image index) alone.
//!
//! Six transforms are offered, the ones that a family of course reports uses, and two lists of four as presets. An
//! [`Augmenter`] draws a transform and its parameters for each image; the [`Draw`] can be recorded, written out, and
//! applied again to one image. Gaps are filled with 0. Images have any height and width, and three channels. What the
//! protocol states in pixels for 32x32 images, the block of cutout and the border of crop, grows with the image.
//!
//! Draws come from [`crate::random`] with the purpose `augment` and the image's index as the stream. The first word
//! chooses among the transforms with equal probability; what follows is listed at [`Transform`].

mod draw;
mod pixels;

use std::fmt;
use std::str::FromStr;

use ndarray::{Array4, ArrayView4};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use draw::{Draw, read_draws, write_draws};

use crate::random::Random;
use crate::{Error, Result};

/// The transforms, with what each draws, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// Rotation about the centre ((W-1)/2, (H-1)/2) by an angle uniform in -180..180 degrees; positive turns
    /// counter-clockwise on the screen. Every output pixel takes the source pixel nearest to its place.
    Rotation,
    /// One block erased to a single value: height and width each uniform from 0 to half the image's (16 at 32 pixels),
    /// top and left uniform over the positions inside the image, value uniform in 0..=255, the same for the three
    /// channels.
    Cutout,
    /// Zeros added on every side, a 16th of the image's height and width, rounded to the nearest pixel (2 at 32 pixels);
    /// then a window of the image's size: top and left each uniform over twice as many and one positions (0..=4).
    Crop,
    /// x' = clip(a (x - 128) + 128, 0, 255), rounded to the nearest integer (halves away from zero), with a uniform
    /// in 0.5..2; then mirrored left-right with probability 1/2.
    ContrastFlip,
    /// x' = 255 (x - min) / (max - min), rounded to the nearest integer (halves up), min and max over the whole image;
    /// an image of one value stays as it is. Nothing is drawn.
    Enhancement,
    /// x' = floor(x (max - min) / 255) + min, with the pair min < max uniform over the 32,640 pairs from 0..=255: one
    /// of the two is drawn below 256, the other below 255 and raised by one if it is not below the first.
    Posterize,
}

impl Transform {
    /// The name in caches and records, for example `contrast_flip`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rotation => "rotation",
            Self::Cutout => "cutout",
            Self::Crop => "crop",
            Self::ContrastFlip => "contrast_flip",
            Self::Enhancement => "enhancement",
            Self::Posterize => "posterize",
        }
    }
}

/// The transforms of one edition of the course (IIT Kanpur, CS776A, assignment 1).
///
/// ```
/// use mlprobe_data::augment::Preset;
///
/// assert_eq!("2023".parse::<Preset>()?, Preset::Y2023);
/// assert_eq!(Preset::default().to_string(), "2022");
/// assert_eq!(Preset::Y2022.transforms().len(), 4);
/// # Ok::<(), mlprobe_data::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Preset {
    /// Rotation, cutout, crop, contrast and flip.
    #[default]
    #[serde(rename = "2022")]
    Y2022,
    /// Enhancement, posterize, rotation, contrast and flip.
    #[serde(rename = "2023")]
    Y2023,
}

impl Preset {
    /// The four transforms, each chosen with probability 1/4.
    pub fn transforms(self) -> &'static [Transform] {
        use Transform::*;
        match self {
            Self::Y2022 => &[Rotation, Cutout, Crop, ContrastFlip],
            Self::Y2023 => &[Enhancement, Posterize, Rotation, ContrastFlip],
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Y2022 => "2022",
            Self::Y2023 => "2023",
        })
    }
}

impl FromStr for Preset {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "2022" => Ok(Self::Y2022),
            "2023" => Ok(Self::Y2023),
            _ => Err(Error::argument("Preset", "2022 or 2023", format!("'{text}'"))),
        }
    }
}

/// Gives every image one random transform.
///
/// ```
/// use mlprobe_data::augment::{Augmenter, Preset};
/// use ndarray::{Array4, Axis};
///
/// let images = Array4::from_shape_fn((8, 32, 32, 3), |(n, y, x, c)| (n + 7 * y + 3 * x + c) as u8);
/// let augmenter = Augmenter::new(Preset::Y2022.transforms(), 42)?;
/// let (augmented, draws) = augmenter.apply(images.view())?;
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
        Ok(Self { transforms: transforms.to_vec(), seed })
    }

    /// What happens to the image `index` of `height` and `width` pixels.
    pub fn draw(&self, index: u64, height: usize, width: usize) -> Draw {
        let mut random = Random::new(self.seed, b"augment", index);
        let choice = random.below(self.transforms.len() as u32) as usize;
        Draw::new(self.transforms[choice], &mut random, height, width)
    }

    /// Transforms `images` (N, height, width, 3), numbered from 0, on all threads of the current rayon pool. Returns
    /// the transformed copies in the same shape and the N draws, which do not depend on the number of threads.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are not three channels.
    pub fn apply(&self, images: ArrayView4<u8>) -> Result<(Array4<u8>, Vec<Draw>)> {
        self.apply_from(0, images)
    }

    /// Like [`apply`](Self::apply) for images numbered from `first`: a long row of images can be transformed in
    /// pieces, with the same result.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are not three channels.
    pub fn apply_from(&self, first: u64, images: ArrayView4<u8>) -> Result<(Array4<u8>, Vec<Draw>)> {
        let (n, height, width, channels) = images.dim();
        if channels != 3 {
            let actual = format!("{:?}", images.shape());
            return Err(Error::argument("Augmenter::apply", "images of shape (N, height, width, 3)", actual));
        }
        let draws: Vec<Draw> =
            (0..n as u64).into_par_iter().map(|i| self.draw(first.wrapping_add(i), height, width)).collect();

        let mut out = Array4::zeros(images.dim());
        let size = height * width * 3;
        let sources = images.as_standard_layout();
        // Both are in standard layout; images without pixels have nothing to transform.
        if let (Some(sources), Some(targets), 1..) = (sources.as_slice(), out.as_slice_mut(), size) {
            targets
                .par_chunks_exact_mut(size)
                .zip(sources.par_chunks_exact(size))
                .zip(&draws)
                .for_each(|((target, source), draw)| draw.apply_to_slice(height, width, source, target));
        }
        Ok((out, draws))
    }

    /// A text that names the result for given images, for the keys of caches. Its version number is raised if a
    /// later release draws or transforms differently.
    ///
    /// ```
    /// # use mlprobe_data::augment::{Augmenter, Preset};
    /// let augmenter = Augmenter::new(Preset::Y2022.transforms(), 42)?;
    /// assert_eq!(augmenter.describe(), "augment/1 rotation,cutout,crop,contrast_flip seed=42");
    /// # Ok::<(), mlprobe_data::Error>(())
    /// ```
    pub fn describe(&self) -> String {
        let names: Vec<&str> = self.transforms.iter().map(|transform| transform.name()).collect();
        format!("augment/1 {} seed={}", names.join(","), self.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_transforms_are_refused() {
        assert!(matches!(Augmenter::new(&[], 0), Err(Error::Argument { .. })));
    }

    #[test]
    fn an_unknown_preset_is_refused_with_the_known_ones() {
        let error = "2024".parse::<Preset>().unwrap_err().to_string();
        assert!(error.contains("2022 or 2023") && error.contains("2024"), "{error}");
    }

    #[test]
    fn presets_read_and_write_as_their_year() {
        for preset in [Preset::Y2022, Preset::Y2023] {
            assert_eq!(preset.to_string().parse::<Preset>().unwrap(), preset);
            assert_eq!(serde_json::to_string(&preset).unwrap(), format!("\"{preset}\""));
        }
    }

    #[test]
    fn images_without_three_channels_are_refused() {
        let augmenter = Augmenter::new(Preset::Y2022.transforms(), 0).unwrap();
        let error = augmenter.apply(Array4::zeros((2, 8, 8, 1)).view()).unwrap_err().to_string();
        assert!(error.contains("[2, 8, 8, 1]"), "{error}");
    }

    #[test]
    fn images_without_pixels_pass_through() {
        let augmenter = Augmenter::new(Preset::Y2022.transforms(), 0).unwrap();
        for shape in [(0, 32, 32, 3), (3, 0, 5, 3), (3, 5, 0, 3)] {
            let (out, draws) = augmenter.apply(Array4::zeros(shape).view()).unwrap();
            assert_eq!((out.dim(), draws.len()), (shape, shape.0));
        }
    }
}
