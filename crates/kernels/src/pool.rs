//! Pooling.

use crate::simd::{Simd, dispatch};
use crate::{Error, Isa, Map};

/// Output length of a 3-wide, stride-2 window that may hang over the end (torch's `ceil_mode=True`).
pub fn pooled(length: usize) -> usize {
    length.saturating_sub(3).div_ceil(2) + 1
}

/// Maximum over 3×3 windows at stride 2, no padding; a window that hangs over the edge uses what there is of it.
///
/// Input (N, H, W, C), output (N, [`pooled`]`(H)`, [`pooled`]`(W)`, C); C a multiple of 16.
///
/// # Errors
/// [`Error::Shape`] if the output's shape is another, or C is no multiple of 16.
pub fn max_pool(isa: Isa, input: &Map, output: &mut Map) -> Result<(), Error> {
    let (n, height, width, channels) = input.shape();
    if channels % 16 != 0 || height == 0 || width == 0 {
        return Err(Error::Shape {
            operation: "max_pool",
            expected: "pixels, and channels in multiples of 16".into(),
            actual: format!("{:?}", input.shape()),
        });
    }
    let (out_height, out_width) = (pooled(height), pooled(width));
    output.expect("max_pool output", (n, out_height, out_width, channels))?;
    for i in 0..n {
        let image = input.image(i);
        let rows = output.image_mut(i).chunks_exact_mut(out_width * channels);
        for (y, row) in rows.enumerate() {
            for (x, target) in row.chunks_exact_mut(channels).enumerate() {
                let window = Window {
                    pixel: &image[(2 * y * width + 2 * x) * channels..],
                    rows: 3.min(height - 2 * y),
                    columns: 3.min(width - 2 * x),
                    row_len: width * channels,
                };
                // SAFETY: the window lies inside the image, and channels come in whole vectors.
                unsafe { max_of_window(isa, &window, target) };
            }
        }
    }
    Ok(())
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
    let channels = target.len();
    for c in (0..channels).step_by(S::LANES) {
        // SAFETY: the caller vouches for the window, and for channels in whole vectors.
        unsafe {
            let mut max = S::load(window.pixel.as_ptr().add(c));
            for y in 0..window.rows {
                for x in 0..window.columns {
                    let value = S::load(window.pixel.as_ptr().add(y * window.row_len + x * channels + c));
                    max = S::max(max, value);
                }
            }
            S::store(target.as_mut_ptr().add(c), max);
        }
    }
}
