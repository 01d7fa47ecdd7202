//! The six transforms, and the four of each edition of the course.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The transforms. What each draws is listed in the order of the draws.
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
    /// A border of p zeros on every side, where p is a 16th of the image's height or width, rounded to the nearest pixel (2 at
    /// 32 pixels). Then a window of the image's size, whose top and left are each uniform in 0..=2p (0..=4).
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
