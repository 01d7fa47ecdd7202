//! Augmentation: one random transform per image, a function of (seed, image index) alone.
//!
//! There are six transforms, those of a family of course reports, and two presets of four. An [`Augmenter`] draws a
//! transform and its parameters for each image; the [`Draw`] can be applied again to one image. Gaps are filled with 0.
//! Images have any height and width, and three channels. The protocol states two sizes in pixels for 32x32 images, the
//! block of cutout and the border of crop; both grow with the image.
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
