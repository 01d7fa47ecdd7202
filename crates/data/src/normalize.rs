//! From pixels 0..=255 to the numbers an extractor was trained with: division by 255, and optionally a mean and a
//! standard deviation for each channel.

use std::fmt;
use std::str::FromStr;

use ndarray::{Array4, ArrayView4};
use rayon::prelude::*;

use crate::{Error, Result};

/// x' = (x / 255 - mean) / std for each channel, in the order red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalization {
    /// Means of x / 255.
    pub mean: [f32; 3],
    /// Standard deviations of x / 255, positive.
    pub std: [f32; 3],
}

impl Normalization {
    /// Division by 255 and nothing else.
    pub const DIV255: Self = Self { mean: [0.0; 3], std: [1.0; 3] };

    /// Means and standard deviations of ImageNet, as torchvision's models are trained with.
    pub const IMAGENET: Self = Self { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

    /// Every normalized value: `table[c][x]` for the pixel value x in channel c, computed in f64 and rounded once.
    pub fn table(&self) -> [[f32; 256]; 3] {
        std::array::from_fn(|c| {
            let (mean, std) = (f64::from(self.mean[c]), f64::from(self.std[c]));
            std::array::from_fn(|x| ((x as f64 / 255.0 - mean) / std) as f32)
        })
    }

    /// Normalizes `images` (N, height, width, 3) into f32 of the same shape: four bytes per pixel value, so for
    /// many images, use it in pieces.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are not three channels.
    ///
    /// ```
    /// use mlprobe_data::normalize::Normalization;
    /// use ndarray::Array4;
    ///
    /// let scaled = Normalization::DIV255.apply(Array4::from_elem((1, 2, 2, 3), 51).view())?;
    /// assert!(scaled.iter().all(|&x| x == 0.2));
    /// # Ok::<(), mlprobe_data::Error>(())
    /// ```
    pub fn apply(&self, images: ArrayView4<u8>) -> Result<Array4<f32>> {
        if images.dim().3 != 3 {
            let actual = format!("{:?}", images.shape());
            return Err(Error::argument(
                "Normalization::apply",
                "images of shape (N, height, width, 3)",
                actual,
            ));
        }
        let table = self.table();
        let mut out = Array4::zeros(images.dim());
        // Both are in standard layout.
        if let (Some(sources), Some(targets)) = (images.as_standard_layout().as_slice(), out.as_slice_mut()) {
            targets.par_chunks_exact_mut(3).zip(sources.par_chunks_exact(3)).with_min_len(1 << 12).for_each(
                |(target, source)| {
                    for ((target, &x), table) in target.iter_mut().zip(source).zip(&table) {
                        *target = table[usize::from(x)];
                    }
                },
            );
        }
        Ok(out)
    }
}

/// `div255`, `imagenet`, or means and deviations as in `0.5,0.5,0.5/0.25,0.25,0.25`; [`FromStr`] reads it back exactly.
///
/// ```
/// use mlprobe_data::normalize::Normalization;
///
/// let given: Normalization = "0.5,0.5,0.5/0.25,0.25,0.25".parse()?;
/// assert_eq!(given, Normalization { mean: [0.5; 3], std: [0.25; 3] });
/// assert_eq!("imagenet".parse::<Normalization>()?.to_string(), "imagenet");
/// # Ok::<(), mlprobe_data::Error>(())
/// ```
impl fmt::Display for Normalization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mean: [mr, mg, mb], std: [sr, sg, sb] } = self;
        match *self {
            Self::DIV255 => f.write_str("div255"),
            Self::IMAGENET => f.write_str("imagenet"),
            _ => write!(f, "{mr},{mg},{mb}/{sr},{sg},{sb}"),
        }
    }
}

impl FromStr for Normalization {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let three = |text: &str| -> Option<[f32; 3]> {
            let numbers: Vec<f32> = text.split(',').map(|x| x.trim().parse().ok()).collect::<Option<_>>()?;
            numbers.try_into().ok()
        };
        let given = || {
            let (mean, std) = text.split_once('/')?;
            let given = Self { mean: three(mean)?, std: three(std)? };
            let fits = given.mean.iter().all(|x| x.is_finite())
                && given.std.iter().all(|x| x.is_finite() && *x > 0.0);
            fits.then_some(given)
        };
        match text {
            "div255" => Ok(Self::DIV255),
            "imagenet" => Ok(Self::IMAGENET),
            _ => given().ok_or_else(|| {
                Error::argument(
                    "normalization",
                    "div255, imagenet, or three means and three deviations of x/255 as in 0.5,0.5,0.5/0.25,0.25,0.25",
                    text,
                )
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_back_exactly() {
        let odd = Normalization { mean: [0.1, 1.0 / 3.0, -0.7], std: [1e-6, 2.0, 0.3] };
        for normalization in [Normalization::DIV255, Normalization::IMAGENET, odd] {
            assert_eq!(normalization.to_string().parse::<Normalization>().unwrap(), normalization);
        }
        for wrong in
            ["", "Imagenet", "0.5/0.5", "0,0,0/1,1,0", "0,0,0/1,1,-1", "nan,0,0/1,1,1", "0,0,0,0/1,1,1,1"]
        {
            let error = wrong.parse::<Normalization>().unwrap_err().to_string();
            assert!(error.contains("imagenet") && error.contains(wrong), "{error}");
        }
    }

    #[test]
    fn division_by_255_is_exact_to_the_last_bit() {
        for table in Normalization::DIV255.table() {
            for (x, value) in table.into_iter().enumerate() {
                assert_eq!(value, x as f32 / 255.0);
            }
        }
    }

    #[test]
    fn each_channel_has_its_own_mean_and_deviation() {
        let images =
            Array4::from_shape_fn((2, 3, 4, 3), |(n, y, x, c)| (n * 120 + y * 31 + x * 5 + c * 50) as u8);
        let out = Normalization::IMAGENET.apply(images.view()).unwrap();
        for ((n, y, x, c), &value) in out.indexed_iter() {
            let Normalization { mean, std } = Normalization::IMAGENET;
            let expected = (f32::from(images[[n, y, x, c]]) / 255.0 - mean[c]) / std[c];
            // Four roundings of numbers up to 1 / 0.224, against one: at most 4.5 * 2^-22.
            assert!((value - expected).abs() <= 4.5 / (1 << 22) as f32, "{value} {expected}");
        }
    }
}
