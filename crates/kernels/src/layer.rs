//! What a convolution is, apart from how it is computed.

use crate::tile::Finish;
use crate::{Error, Map};

/// What the output's shape follows from.
#[derive(Clone, Copy)]
pub(crate) struct Layer {
    pub in_channels: usize,
    pub out_channels: usize,
    pub kernel: (usize, usize),
    pub stride: usize,
    pub padding: usize,
}

/// How the sums are computed.
pub(crate) trait Method: Send + Sync {
    /// Input (N, H, W, I), output (N, H', W', ≥ first + O); all fit the layer, and N, H, W are at least 1.
    fn forward(&self, input: &Map, output: &mut Map, first: usize, finish: Finish) -> Result<(), Error>;
}

impl Layer {
    /// Height and width of the output for an input of this height and width; 0 where the kernel does not fit.
    pub fn output_size(&self, height: usize, width: usize) -> (usize, usize) {
        let size = |length: usize, kernel: usize| {
            let padded = length.checked_add(self.padding.checked_mul(2)?)?;
            Some(padded.checked_sub(kernel)? / self.stride + 1)
        };
        (size(height, self.kernel.0).unwrap_or(0), size(width, self.kernel.1).unwrap_or(0))
    }
}
