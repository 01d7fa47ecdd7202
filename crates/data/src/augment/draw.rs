//! What was drawn for one image, to be applied and replayed.

use ndarray::{Array3, ArrayView3};

use super::pixels;
use super::transform::Transform;
use crate::random::Random;
use crate::{Error, Result};

/// A transform with its parameters.
///
/// A draw can be applied to an image of any size, with any parameters: what lies outside of the image is 0 where it
/// would be read, and ignored where it would be written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Draw {
    /// See [`Transform::Rotation`].
    Rotation {
        /// The angle; positive is counter-clockwise on the screen.
        degrees: f64,
    },
    /// See [`Transform::Cutout`].
    Cutout {
        /// The block's first row.
        top: usize,
        /// The block's first column.
        left: usize,
        /// The block's rows.
        height: usize,
        /// The block's columns.
        width: usize,
        /// What the block is filled with.
        value: u8,
    },
    /// See [`Transform::Crop`].
    Crop {
        /// First row of the window in the padded image; the border's height (2 at 32 pixels) keeps the image where it is.
        top: usize,
        /// First column of the window in the padded image; the border's width keeps the image where it is.
        left: usize,
    },
    /// See [`Transform::ContrastFlip`].
    ContrastFlip {
        /// The factor a.
        contrast: f64,
        /// Whether the image is mirrored left-right.
        flip: bool,
    },
    /// See [`Transform::Enhancement`].
    Enhancement,
    /// See [`Transform::Posterize`].
    Posterize {
        /// The darkest value of the result.
        min: u8,
        /// The brightest value of the result.
        max: u8,
    },
}

impl Draw {
    /// Draws the parameters of `transform` for an image of `height` and `width` pixels.
    pub(super) fn new(transform: Transform, random: &mut Random, height: usize, width: usize) -> Self {
        let mut below = |bound: usize| random.below(bound as u32) as usize;
        match transform {
            Transform::Rotation => Self::Rotation { degrees: random.uniform(-180.0, 180.0) },
            Transform::Cutout => {
                let (rows, columns) = (below(height / 2 + 1), below(width / 2 + 1));
                let (top, left) = (below(height - rows + 1), below(width - columns + 1));
                Self::Cutout { top, left, height: rows, width: columns, value: below(256) as u8 }
            }
            Transform::Crop => {
                let places = |side| 2 * pixels::border(side) + 1;
                Self::Crop { top: below(places(height)), left: below(places(width)) }
            }
            Transform::ContrastFlip => {
                Self::ContrastFlip { contrast: random.uniform(0.5, 2.0), flip: random.coin() }
            }
            Transform::Enhancement => Self::Enhancement,
            Transform::Posterize => {
                let (one, other) = (below(256), below(255));
                let other = other + usize::from(other >= one);
                Self::Posterize { min: one.min(other) as u8, max: one.max(other) as u8 }
            }
        }
    }

    /// The transformed copy of `image` (height, width, 3).
    ///
    /// # Errors
    /// [`Error::Argument`] if there are not three channels.
    pub fn apply(&self, image: ArrayView3<u8>) -> Result<Array3<u8>> {
        let (height, width, channels) = image.dim();
        if channels != 3 {
            let actual = format!("{:?}", image.shape());
            return Err(Error::argument("Draw::apply", "an image of shape (height, width, 3)", actual));
        }
        let mut out = Array3::zeros(image.dim());
        // Both are in standard layout.
        if let (Some(source), Some(target)) = (image.as_standard_layout().as_slice(), out.as_slice_mut()) {
            self.apply_to_slice(height, width, source, target);
        }
        Ok(out)
    }

    /// Writes the transformed copy of `image` over all of `out`, both height * width * 3 values.
    pub(super) fn apply_to_slice(&self, height: usize, width: usize, image: &[u8], out: &mut [u8]) {
        match *self {
            _ if image.is_empty() => (),
            Self::Rotation { degrees } => pixels::rotate(degrees, height, width, image, out),
            Self::Cutout { top, left, height: rows, width: columns, value } => {
                out.copy_from_slice(image);
                let rows = top.min(height)..top.saturating_add(rows).min(height);
                let columns = left.min(width)..left.saturating_add(columns).min(width);
                pixels::erase(rows, columns, value, width, out);
            }
            Self::Crop { top, left } => pixels::crop(top, left, height, width, image, out),
            Self::ContrastFlip { contrast, flip } => {
                let table = pixels::contrast_table(contrast);
                if flip {
                    pixels::look_up_mirrored(&table, width, image, out);
                } else {
                    pixels::look_up(&table, image, out);
                }
            }
            Self::Enhancement => pixels::look_up(&pixels::enhancement_table(image), image, out),
            Self::Posterize { min, max } => pixels::look_up(&pixels::posterize_table(min, max), image, out),
        }
    }
}
