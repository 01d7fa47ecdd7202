//! Maximum pooling, for networks with 3×3 windows at stride 2.

use crate::dispatch::dispatch;
use crate::simd::Simd;
use crate::{Error, Isa, Map};

/// Maximum over 3×3 windows at stride 2; where a window extends beyond an edge, only the part inside counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPool {
    /// By how much the first window extends beyond the first edge: 0 or 1.
    pub padding: usize,
    /// Whether a last window that extends beyond the far edge and its padding counts (torch's `ceil_mode`).
    pub ceil: bool,
}

impl MaxPool {
    /// Output length for an input of this length; 0 for none.
    pub fn output_size(&self, length: usize) -> usize {
        if length == 0 {
            return 0;
        }
        let steps = length.saturating_add(self.padding.saturating_mul(2)).saturating_sub(3);
        if self.ceil { steps.div_ceil(2) + 1 } else { steps / 2 + 1 }
    }

    /// Input (N, H, W, C), output (N, [`output_size`](Self::output_size)`(H)`, `output_size(W)`, C); C a multiple of 16.
    ///
    /// # Errors
    /// [`Error::Shape`] if the output has another shape, C is 0 or not a multiple of 16, there are no pixels, or the padding
    /// is above 1. A map without images gives none.
    pub fn forward(&self, isa: Isa, input: &Map, output: &mut Map) -> Result<(), Error> {
        let (n, height, width, channels) = input.shape();
        if channels == 0 || channels % 16 != 0 || height == 0 || width == 0 || self.padding > 1 {
            return Err(Error::Shape {
                operation: "MaxPool::forward",
                expected: "pixels, channels in multiples of 16 from 16 on, padding 0 or 1".into(),
                actual: format!("{:?}, padding {}", input.shape(), self.padding),
            });
        }
        let (out_height, out_width) = (self.output_size(height), self.output_size(width));
        output.expect("MaxPool::forward output", (n, out_height, out_width, channels))?;
        // The part of window i that lies inside.
        let inside = |i: usize, length: usize| {
            let start = 2 * i;
            start.saturating_sub(self.padding)..(start + 3 - self.padding).min(length)
        };
        for i in 0..n {
            let image = input.image(i);
            let rows = output.image_mut(i).chunks_exact_mut(out_width * channels);
            for (y, row) in rows.enumerate() {
                for (x, target) in row.chunks_exact_mut(channels).enumerate() {
                    let (rows, columns) = (inside(y, height), inside(x, width));
                    let window = Window {
                        pixel: &image[(rows.start * width + columns.start) * channels..],
                        rows: rows.len(),
                        columns: columns.len(),
                        row_len: width * channels,
                    };
                    // SAFETY: the window lies inside the image, and channels come in whole vectors.
                    unsafe { max_of_window(isa, &window, target) };
                }
            }
        }
        Ok(())
    }
}

struct Window<'a> {
    /// The image from the window's first pixel on.
    pixel: &'a [f32],
    rows: usize,
    columns: usize,
    row_len: usize,
}

dispatch!(unsafe fn max_of_window = max_of_window_on(window: &Window<'_>, target: &mut [f32]));

#[inline(always)]
unsafe fn max_of_window_on<S: Simd<T = f32>>(window: &Window<'_>, target: &mut [f32]) {
    // SAFETY: forwarded from the caller.
    unsafe {
        match (window.rows, window.columns) {
            (3, 3) => max_of::<S>(window, 3, 3, target), // nearly always, and the compiler unrolls it
            (rows, columns) => max_of::<S>(window, rows, columns, target),
        }
    }
}

/// The largest value of each channel (C) over a window of `rows` by `columns` pixels.
#[inline(always)]
unsafe fn max_of<S: Simd<T = f32>>(window: &Window<'_>, rows: usize, columns: usize, target: &mut [f32]) {
    let channels = target.len();
    for c in (0..channels).step_by(S::LANES) {
        // SAFETY: the caller vouches for the window, and for channels in whole vectors.
        unsafe {
            let mut max = S::load(window.pixel.as_ptr().add(c));
            for y in 0..rows {
                for x in 0..columns {
                    let value = S::load(window.pixel.as_ptr().add(y * window.row_len + x * channels + c));
                    max = S::max(max, value);
                }
            }
            S::store(target.as_mut_ptr().add(c), max);
        }
    }
}
