//! Depthwise convolution: each channel has a kernel of its own.

use std::ops::Range;

use ndarray::ArrayView4;

use crate::buffer::{Aligned, grow};
use crate::dispatch::dispatch;
use crate::simd::Simd;
use crate::tile::{Finish, finished};
use crate::{Error, Isa, Map};

/// A depthwise convolution with bias; [`Finish`] says what follows. Zeros surround the input as TensorFlow's padding
/// `SAME` puts them: N pixels become ⌈N / stride⌉, and of an odd number of zeros the last is behind the pixels.
///
/// ```text
/// out[y, x, c] = bias[c] + Σ_i Σ_j in[y·stride + i - before, x·stride + j - before, c] · weight[c, i, j]
/// ```
///
/// Each output is one sum in the order of i, then j, over the positions inside the image, so it has the same bits
/// whatever lies beside it.
pub struct Depthwise {
    isa: Isa,
    channels: usize,
    kernel: usize,
    stride: usize,
    /// (C / BLOCK, k, k, BLOCK)
    weights: Aligned<f32>,
    bias: Aligned<f32>,
}

/// Channels whose weights lie together: the lanes of the widest vector.
const BLOCK: usize = 16;

impl Depthwise {
    /// Packs `weight` (C, 1, k, k) and `bias` (C), for a stride of at least 1. C has to be 16 or a multiple of it.
    ///
    /// # Errors
    /// [`Error::Shape`] if bias and weight disagree, C is 0 or not a multiple of 16, the kernel is empty or not square, or the
    /// stride is 0; [`Error::Memory`] if there is no room for the weights.
    pub fn new(isa: Isa, weight: ArrayView4<'_, f32>, bias: &[f32], stride: usize) -> Result<Self, Error> {
        let (channels, inputs, kernel, width) = weight.dim();
        let fits = bias.len() == channels && channels % BLOCK == 0 && (inputs, width) == (1, kernel);
        if !fits || channels == 0 || kernel == 0 || stride == 0 {
            return Err(Error::Shape {
                operation: "Depthwise::new",
                expected:
                    "weight (C, 1, k, k) and bias (C), C a multiple of 16 from 16 on, k and stride 1 or more"
                        .into(),
                actual: format!("weight {:?}, bias {}, stride {stride}", weight.dim(), bias.len()),
            });
        }
        let mut weights = Aligned::new(64);
        grow("Depthwise::new", &mut weights, &[channels, kernel, kernel])?;
        for (at, to) in weights.chunks_exact_mut(BLOCK).enumerate() {
            let (first, position) = (at / (kernel * kernel) * BLOCK, at % (kernel * kernel));
            let of_channel = |c| weight[[first + c, 0, position / kernel, position % kernel]];
            to.iter_mut().enumerate().for_each(|(c, to)| *to = of_channel(c));
        }
        Ok(Self { isa, channels, kernel, stride, weights, bias: Aligned::from_slice(64, bias) })
    }

    /// Output length for an input of this length: ⌈length / stride⌉.
    pub fn output_size(&self, length: usize) -> usize {
        length.div_ceil(self.stride)
    }

    /// Input (N, H, W, C), output (N, ⌈H / stride⌉, ⌈W / stride⌉, C). Without images or pixels nothing is computed.
    ///
    /// # Errors
    /// [`Error::Shape`] if the maps do not fit the kernel.
    pub fn forward(&self, input: &Map, output: &mut Map, finish: Finish) -> Result<(), Error> {
        let (n, height, width, channels) = input.shape();
        input.expect("Depthwise::forward input", (n, height, width, self.channels))?;
        let (out_height, out_width) = (self.output_size(height), self.output_size(width));
        output.expect("Depthwise::forward output", (n, out_height, out_width, channels))?;
        for i in 0..n {
            let (image, target) = (input.image(i), output.image_mut(i));
            for (y, target) in target.chunks_exact_mut((out_width * channels).max(1)).enumerate() {
                let (first, rows) = self.window(y, height);
                let line = Line { pixels: &image[first * width * channels..], width, rows };
                // SAFETY: the window's rows lie inside the image, the target is a row of the output, and channels come
                // in whole vectors.
                unsafe { convolve_line(self.isa, self, &line, target, finish) };
            }
        }
        Ok(())
    }

    /// For output place `i` along an axis of `length` pixels: the first pixel of the image that its window covers, and the
    /// positions of the kernel that lie inside the image.
    #[inline(always)]
    fn window(&self, i: usize, length: usize) -> (usize, Range<usize>) {
        let zeros = ((self.output_size(length) - 1) * self.stride + self.kernel).saturating_sub(length);
        let (start, before) = (i * self.stride, zeros / 2);
        let positions = before.saturating_sub(start)..self.kernel.min(length + before - start);
        (start + positions.start - before, positions)
    }
}

/// What a row of the output is computed from.
struct Line<'a> {
    /// The image, from the first row of the window on.
    pixels: &'a [f32],
    width: usize,
    /// The kernel's rows that lie inside the image.
    rows: Range<usize>,
}

dispatch!(
    unsafe fn convolve_line =
        convolve_line_on(layer: &Depthwise, line: &Line<'_>, target: &mut [f32], finish: Finish)
);

/// One row (⌈W / stride⌉, C) of the output: where whole windows lie inside, several pixels at a time.
#[inline(always)]
unsafe fn convolve_line_on<S: Simd<T = f32>>(
    layer: &Depthwise,
    line: &Line<'_>,
    target: &mut [f32],
    finish: Finish,
) {
    let count = layer.output_size(line.width);
    let whole = |x: usize| layer.window(x, line.width).1.len() == layer.kernel;
    let first = (0..count).find(|&x| whole(x)).unwrap_or(count);
    let last = (first..count).rev().find(|&x| whole(x)).map_or(first, |x| x + 1);
    for c in (0..layer.channels).step_by(S::LANES) {
        // SAFETY: forwarded from the caller; every pixel of first..last has its whole window inside.
        unsafe {
            for x in (0..first).chain(last..count) {
                pixels::<S, 1>(layer, line, c, x, target, finish);
            }
            // As many sums as keep the multipliers busy and fit the registers: 32 with the widest vectors, else 16.
            let mut x = first;
            if S::LANES == BLOCK {
                x = whole_pixels::<S, 8>(layer, line, c, x..last, target, finish);
            }
            x = whole_pixels::<S, 4>(layer, line, c, x..last, target, finish);
            x = whole_pixels::<S, 2>(layer, line, c, x..last, target, finish);
            whole_pixels::<S, 1>(layer, line, c, x..last, target, finish);
        }
    }
}

/// Computes the pixels of `range`, W at a time; returns the first that is left.
#[inline(always)]
unsafe fn whole_pixels<S: Simd<T = f32>, const W: usize>(
    layer: &Depthwise,
    line: &Line<'_>,
    c: usize,
    range: Range<usize>,
    target: &mut [f32],
    finish: Finish,
) -> usize {
    let mut x = range.start;
    while x + W <= range.end {
        // SAFETY: forwarded from the caller.
        unsafe { pixels::<S, W>(layer, line, c, x, target, finish) };
        x += W;
    }
    x
}

/// Pixels x..x + W of one vector of channels, c..c + LANES. With W > 1 their whole windows lie inside.
#[inline(always)]
unsafe fn pixels<S: Simd<T = f32>, const W: usize>(
    layer: &Depthwise,
    line: &Line<'_>,
    c: usize,
    x: usize,
    target: &mut [f32],
    finish: Finish,
) {
    let (k, channels) = (layer.kernel, layer.channels);
    let (left, columns) = layer.window(x, line.width);
    // A stride too large for this product leaves one pixel per row, which takes no step.
    let step = layer.stride.saturating_mul(channels);
    // SAFETY: the caller vouches for the instruction set and the rows of the window; `window` gives columns inside the
    // image; weights are (C / BLOCK, k, k, BLOCK), and c + LANES does not exceed a block.
    unsafe {
        let weights = layer.weights.as_ptr().add(c / BLOCK * BLOCK * k * k + c % BLOCK);
        let source = line.pixels.as_ptr().add(left * channels + c);
        let mut sums = [S::load(layer.bias.as_ptr().add(c)); W];
        for (y, i) in line.rows.clone().enumerate() {
            for (at, j) in columns.clone().enumerate() {
                let weight = S::load(weights.add((i * k + j) * BLOCK));
                let pixel = source.add((y * line.width + at) * channels);
                for (w, sum) in sums.iter_mut().enumerate() {
                    *sum = S::mul_add(S::load(pixel.add(w * step)), weight, *sum);
                }
            }
        }
        for (w, &sum) in sums.iter().enumerate() {
            let out = target.as_mut_ptr().add((x + w) * channels + c);
            S::store(out, finished::<S>(sum, out, finish));
        }
    }
}
