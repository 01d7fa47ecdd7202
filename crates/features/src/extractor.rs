//! What every extractor offers.

use ndarray::{Array2, ArrayView4};

use crate::Error;

/// A frozen function from an image to D numbers.
pub trait Extractor: Sync {
    /// A short name with the settings that a reader cares about, such as `squeezenet1_1@128`.
    fn name(&self) -> String;

    /// D, the length of a feature vector.
    fn dim(&self) -> usize;

    /// SHA-256 (hex) over everything that determines the features: architecture, weights, input size, normalization,
    /// and the instruction set, on which the last bits depend.
    fn fingerprint(&self) -> String;

    /// Images (N, height, width, 3), RGB, to features (N, D), on the threads of the current rayon pool.
    ///
    /// A row depends on its image alone: neither on the images beside it nor on the number of threads. Memory beyond
    /// the features is bounded per thread. `progress` is told, from any thread, how many images have just been done.
    ///
    /// # Errors
    /// [`Error::Shape`] if the images do not have three channels or no pixels, [`Error::NotFinite`] if a feature is
    /// not finite.
    fn extract(
        &self,
        images: ArrayView4<'_, u8>,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Array2<f32>, Error>;
}
