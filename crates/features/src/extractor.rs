//! What every extractor offers.

use mlprobe_kernels::{Isa, Precision};
use ndarray::{Array2, ArrayRef4, ArrayView4};
use sha2::{Digest, Sha256};

use crate::{Error, ExtractorSettings};

/// A frozen function from an image to D numbers.
pub trait Extractor: Sync {
    /// A short name with the settings that a reader cares about, such as `squeezenet1_1@128-bf16` or
    /// `resnet18@224-div255`.
    fn name(&self) -> String;

    /// D, the length of a feature vector.
    fn dim(&self) -> usize;

    /// The side in pixels of the square that images are resized to.
    fn input_size(&self) -> usize;

    /// Names everything that determines the features: SHA-256 (hex) over architecture, weights, input size,
    /// normalization and precision, then `-` and the instruction set, on which the last bits depend. In `f32` that is the set of
    /// vector instructions, whether or not AMX is in use.
    fn fingerprint(&self) -> String;

    /// From which the program can open it again, given the files; `None` for an extractor of your own.
    fn settings(&self) -> Option<ExtractorSettings> {
        None
    }

    /// Images (N, height, width, 3), RGB, to features (N, D), on the threads of the current rayon pool.
    ///
    /// A row depends on its image alone: neither on the images beside it nor on the number of threads. Memory beyond
    /// the features is bounded per thread. `progress` is told, from any thread, how many images have just been done.
    ///
    /// # Errors
    /// [`Error::Shape`] if the images do not have three channels or have no pixels, [`Error::NotFinite`] if a feature
    /// is not finite.
    fn extract_with(
        &self,
        images: ArrayView4<'_, u8>,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Array2<f32>, Error>;

    /// [`Extractor::extract_with`] without progress. `images` is a reference to an array or to a view of one.
    ///
    /// ```
    /// use mlprobe_features::{Extractor, SqueezeNet};
    /// use ndarray::{Array4, s};
    ///
    /// let images = Array4::from_elem((3, 32, 32, 3), 128_u8);
    /// let features = SqueezeNet::default().extract(&images)?; // (3, 512)
    /// let first = SqueezeNet::default().extract(&images.slice(s![..1, .., .., ..]))?; // (1, 512)
    /// assert_eq!(features.row(0), first.row(0));
    /// # Ok::<(), mlprobe_features::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Extractor::extract_with`].
    fn extract(&self, images: &ArrayRef4<u8>) -> Result<Array2<f32>, Error> {
        self.extract_with(images.view(), &|_| ())
    }
}

/// Whether two fingerprints are of the same network and settings, perhaps on different instruction sets: features are
/// then equal but for rounding.
///
/// ```
/// use mlprobe_features::same_network;
///
/// assert!(same_network("0b5e-avx2", "0b5e-avx512"));
/// assert!(!same_network("0b5e-avx2", "9c01-avx2"));
/// ```
pub fn same_network(a: &str, b: &str) -> bool {
    let network = |fingerprint: &str| fingerprint.split_once('-').map(|(digest, _)| digest.to_owned());
    network(a).is_some() && network(a) == network(b)
}

/// A fingerprint over `parts`; the length keeps ("ab", "c") and ("a", "bc") apart.
pub(crate) fn fingerprint(isa: Isa, precision: Precision, parts: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    // The layers that are in bf16 have changed once, and files may still hold features from before the change. With AMX, more layers
    // are in bf16.
    if precision == Precision::Bf16 {
        digest.update(if isa.is_amx() { b"3" } else { b"2" });
    }
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    format!("{}-{}", mlprobe_files::hex(&digest.finalize()), isa.name_in(precision))
}

/// What a name ends in: nothing in `f32`.
pub(crate) fn suffix(precision: Precision) -> String {
    if precision == Precision::F32 { String::new() } else { format!("-{precision}") }
}

/// The features (N, D), if all are finite; `name` is the extractor's.
pub(crate) fn all_finite(name: &str, features: Array2<f32>) -> Result<Array2<f32>, Error> {
    match features.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some(((row, column), &value)) => Err(Error::NotFinite { extractor: name.into(), row, column, value }),
        None => Ok(features),
    }
}
