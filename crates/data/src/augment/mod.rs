//! Augmentation: one random transform an image, a function of (seed, image index) alone.
//!
//! Six transforms are offered, the ones that a family of course reports uses, and two lists of four as presets. An
//! [`Augmenter`] draws a transform and its parameters for each image; the [`Draw`] can be recorded, written out, and
//! applied again to one image. Gaps are filled with 0. Images have any height and width, and three channels. What the
//! protocol states in pixels for 32x32 images, the block of cutout and the border of crop, grows with the image.
//!
//! Draws come from [`crate::random`] with the purpose `augment` and the image's index as the stream. The first word
//! chooses among the transforms with equal probability; what follows is listed at [`Transform`].

mod augmenter;
mod draw;
mod pixels;
mod transform;

pub use augmenter::Augmenter;
pub use draw::Draw;
pub use transform::{Preset, Transform};
