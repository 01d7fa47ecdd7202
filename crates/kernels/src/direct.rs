//! Direct convolution: for each output pixel, one sum over the kernel's positions and the input channels, on the register tile.

use std::cell::RefCell;

use ndarray::{Array2, ArrayView4, Axis, Slice};

use crate::buffer::{Aligned, grow, product};
use crate::format::Pack;
use crate::layer::{Layer, Method};
use crate::tile::{Epilogue, Finish, Start, Tile};
use crate::{Error, Map};

/// A row of the kernel is one run of kw·I numbers of the input, whatever format they are in.
pub(crate) struct Direct<F> {
    format: F,
    layer: Layer,
    /// Panels (kh, E, panel of O), where E elements hold kw·I numbers.
    weights: Aligned<f32>,
    bias: Aligned<f32>,
}

/// Weights that are used together, few enough for L2.
const CACHED: usize = 1 << 16;

impl<F: Pack<f32, Number = f32>> Direct<F> {
    /// `weight` (O, I, kh, kw), O a multiple of 16. If I is odd, a format of pairs has to have one part, and an even stride.
    pub fn new(format: F, layer: Layer, weight: ArrayView4<'_, f32>, bias: &[f32]) -> Result<Self, Error> {
        let (Layer { in_channels, out_channels, kernel: (kh, kw), .. }, table) = (layer, format.table());
        let depth = format.elements(kw.saturating_mul(in_channels));
        let mut weights = Aligned::new(64);
        grow("Conv::new", &mut weights, &[kh, depth, out_channels])?;
        for y in 0..kh {
            let row = |(j, o): (usize, usize)| weight[[o, j % in_channels, y, j / in_channels]];
            let row = Array2::from_shape_fn((kw * in_channels, out_channels), row);
            for panel in (0..out_channels).step_by(table.panel()) {
                let width = table.vectors(out_channels - panel) * table.lanes;
                let to = &mut weights[(panel * kh + y * width) * depth..][..width * depth];
                let columns = row.slice_axis(Axis(1), Slice::from(panel..panel + width));
                format.columns(in_channels, columns, width, to);
            }
        }
        Ok(Self { format, layer, weights, bias: Aligned::from_slice(64, bias) })
    }

    /// The sums from rows of elements, to which the padding belongs.
    fn sums(&self, input: &Map, output: &mut Map, first: usize, finish: Finish) {
        let ((n, height, width, channels), (_, out_height, out_width, c_row)) =
            (input.shape(), output.shape());
        let row_len = width * channels;
        let (Layer { in_channels, out_channels, kernel: (kh, kw), stride, .. }, table) =
            (self.layer, self.format.table());
        let depth = self.format.elements(kw * in_channels);
        // A stride too large for this product leaves one pixel per line, which takes no step.
        let step = self.format.elements(stride.saturating_mul(in_channels));
        let taps: Vec<isize> = (0..kh).map(|y| (y * row_len) as isize).collect();
        // Pixels follow each other without a gap for 1x1 kernels at stride 1, so all rows of all images are one.
        let (lines, line) =
            if (kh, kw, stride) == (1, 1, 1) { (1, output.pixels()) } else { (n * out_height, out_width) };
        let ready = table.ready(line, depth);
        // As many panels of weights as L2 holds pass by each block of pixels, whose input L1 holds meanwhile.
        let panels = (CACHED / (kh * depth) / table.panel()).max(1) * table.panel();
        for some in (0..out_channels).step_by(panels) {
            let some = some..out_channels.min(some + panels);
            for l in 0..lines {
                let source = (l / out_height * height + l % out_height * stride) * row_len;
                for (x, rows) in table.row_blocks(line) {
                    for panel in some.clone().step_by(table.panel()) {
                        let vectors = table.vectors(out_channels - panel);
                        let t = Tile {
                            a: input.data()[source + x * step..].as_ptr(),
                            a_row: step as isize,
                            a_step: 1,
                            taps: &taps,
                            depth,
                            b: self.weights[panel * kh * depth..].as_ptr(),
                            b_row: vectors * table.lanes,
                            c: output.data_mut()[(l * line + x) * c_row + first + panel..].as_mut_ptr(),
                            c_row: c_row as isize,
                            start: Start::Zero,
                            epilogue: Epilogue { bias: self.bias[panel..].as_ptr(), finish },
                        };
                        // SAFETY: the table is that of an instruction set seen on this machine. `Conv::forward` has checked
                        // that the windows of `line` output pixels lie inside the input and the channels inside the
                        // output; output channels come in whole vectors, because they are a multiple of 16.
                        unsafe { ready.run(rows, vectors, &t) };
                    }
                }
            }
        }
    }
}

impl<F: Pack<f32, Number = f32>> Method for Direct<F> {
    fn forward(&self, input: &Map, output: &mut Map, first: usize, finish: Finish) -> Result<(), Error> {
        let (format, padding) = (self.format, self.layer.padding);
        if F::EXACT && padding == 0 {
            self.sums(input, output, first, finish);
            return Ok(());
        }
        thread_local! {
            /// The input in the format, with its padding.
            static PACKED: RefCell<Map> = RefCell::default();
        }
        let (n, height, width, channels) = input.shape();
        let row_len = format.elements(product("Conv::forward", &[width + 2 * padding, channels])?);
        PACKED.with_borrow_mut(|packed| {
            packed.reshape((n, height + 2 * padding, row_len, 1))?;
            if padding > 0 {
                packed.data_mut().fill(0.0);
            }
            for (i, image) in input.images().enumerate() {
                let rows = packed.image_mut(i).chunks_exact_mut(row_len).skip(padding);
                for (from, to) in image.chunks_exact(width * channels).zip(rows) {
                    format.row(channels, padding * channels, from, to);
                }
            }
            self.sums(packed, output, first, finish);
            Ok(())
        })
    }
}
