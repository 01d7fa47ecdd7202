//! Bilinear resizing with half-pixel centres, fused with normalization.
//!
//! Output pixel i looks at source position (i + 1/2)·(source length / output length) - 1/2, clamped at the first pixel,
//! and mixes the two pixels around it: what PyTorch calls `interpolate(mode="bilinear", align_corners=False)`.

use mlprobe_data::normalize::Normalization;
use mlprobe_kernels::{Isa, mix};
use ndarray::ArrayView3;

use crate::Error;

/// Resizes images of one size to S × S and normalizes them. Holds buffers, so keep one per thread.
pub struct Resizer {
    isa: Isa,
    size: usize,
    /// The 256 normalized values of each channel.
    levels: [[f32; 256]; 3],
    rows: Axis,
    columns: Axis,
    /// The source's rows, stretched to the output's width: (source height, S · 3).
    stretched: Vec<f32>,
}

/// For each output place, the two source places it mixes and the second one's weight.
#[derive(Default)]
struct Axis {
    source: usize,
    mixes: Vec<(usize, usize, f32)>,
}

impl Resizer {
    /// To `size` × `size` pixels, each channel mapped to (x/255 - mean)/std.
    pub fn new(isa: Isa, size: usize, normalization: Normalization) -> Self {
        let levels = std::array::from_fn(|c| {
            std::array::from_fn(|x| (x as f32 / 255.0 - normalization.mean[c]) / normalization.std[c])
        });
        Self { isa, size, levels, rows: Axis::default(), columns: Axis::default(), stretched: Vec::new() }
    }

    /// Image (height, width, 3) to `out` (S, S, 3).
    ///
    /// # Errors
    /// [`Error::Shape`] if the image is empty or not RGB, or `out` has another length than S·S·3.
    pub fn resize(&mut self, image: ArrayView3<'_, u8>, out: &mut [f32]) -> Result<(), Error> {
        let (height, width, channels) = image.dim();
        let row_len = self.size * 3;
        if channels != 3 || height == 0 || width == 0 || out.len() != self.size * row_len {
            return Err(Error::Shape {
                operation: "resize",
                expected: format!(
                    "an RGB image (height, width, 3) and room for {} numbers",
                    self.size * row_len
                ),
                actual: format!("{:?} and {}", image.dim(), out.len()),
            });
        }
        self.rows.prepare(height, self.size);
        self.columns.prepare(width, self.size);
        self.stretched.resize(height * row_len, 0.0);
        for (row, to) in image.outer_iter().zip(self.stretched.chunks_exact_mut(row_len)) {
            let value = |x: usize, c: usize| self.levels[c][usize::from(row[[x, c]])];
            for (&(first, second, weight), to) in self.columns.mixes.iter().zip(to.chunks_exact_mut(3)) {
                for (c, to) in to.iter_mut().enumerate() {
                    *to = (1.0 - weight) * value(first, c) + weight * value(second, c);
                }
            }
        }
        for (&(first, second, weight), to) in self.rows.mixes.iter().zip(out.chunks_exact_mut(row_len)) {
            let row = |y: usize| &self.stretched[y * row_len..][..row_len];
            mix(self.isa, (row(first), 1.0 - weight), (row(second), weight), to)?;
        }
        Ok(())
    }
}

impl Axis {
    fn prepare(&mut self, source: usize, target: usize) {
        if self.source == source {
            return;
        }
        self.source = source;
        self.mixes.clear();
        self.mixes.extend((0..target).map(|i| {
            let position = ((i as f32 + 0.5) * (source as f32 / target as f32) - 0.5).max(0.0);
            let first = (position as usize).min(source - 1);
            (first, (first + 1).min(source - 1), position - first as f32)
        }));
    }
}
