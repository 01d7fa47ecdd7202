//! Winograd's minimal filtering F(4×4, 3×3): 36 multiplications where 16 outputs of a 3×3 kernel take 144.
//!
//! For an output tile of 4×4 pixels and its 6×6 input patch d (Lavin and Gray, "Fast Algorithms for Convolutional
//! Neural Networks", arXiv:1509.09308, section 4.3; on the choice of points: Barabasz et al., "Error Analysis and
//! Improving the Accuracy of Winograd Convolution for Deep Neural Networks", arXiv:1803.10986):
//!
//! ```text
//! U = G g Gᵀ (36 per kernel, once)     V = Bᵀ d B      M = Σ over channels of U ⊙ V      Y = Aᵀ M A
//! ```
//!
//! The sum over channels is 36 matrix products, (tiles × I) · (I × O), which run on the register tile.
//! The rounding error is about twice that of a direct sum.

use std::cell::RefCell;

use ndarray::{Array2, ArrayView2, ArrayView4, arr2, s};

use crate::buffer::{Aligned, grow};
use crate::dispatch::dispatch;
use crate::format::Pack;
use crate::layer::Method;
use crate::simd::Simd;
use crate::tile::{Epilogue, Finish, Start, Tile, finished};
use crate::{Error, Map};

/// Side of an input patch, of an output tile, and positions in a transformed patch.
const PATCH: usize = 6;
const TILE: usize = 4;
const POSITIONS: usize = PATCH * PATCH;

/// Most tiles transformed at a time: enough to use each weight often, few enough for V and M to stay in L2.
const BLOCK: usize = 30;

pub(crate) struct Winograd<F> {
    format: F,
    out_channels: usize,
    /// U as panels (36, E, panel of O), where E elements hold I numbers.
    weights: Aligned<f32>,
    bias: Aligned<f32>,
}

impl<F: Pack<f32, Number = f32>> Winograd<F> {
    /// `weight` (O, I, 3, 3), I and O multiples of 16.
    pub fn new(format: F, weight: ArrayView4<'_, f32>, bias: &[f32]) -> Result<Self, Error> {
        let (out_channels, in_channels, ..) = weight.dim();
        let (table, depth, mut weights) = (format.table(), format.elements(in_channels), Aligned::new(64));
        grow("Conv::new", &mut weights, &[POSITIONS, depth, out_channels])?;
        for panel in (0..out_channels).step_by(table.panel()) {
            let width = table.vectors(out_channels - panel) * table.lanes;
            let transformed: Vec<Array2<f32>> = (0..in_channels)
                .flat_map(|i| (panel..panel + width).map(move |o| (o, i)))
                .map(|(o, i)| transform_kernel(weight.slice(s![o, i, .., ..])))
                .collect();
            let positions = weights[panel * POSITIONS * depth..].chunks_exact_mut(width * depth);
            for (position, to) in positions.take(POSITIONS).enumerate() {
                let at =
                    |(i, o): (usize, usize)| transformed[i * width + o][[position / PATCH, position % PATCH]];
                let u = Array2::from_shape_fn((in_channels, width), at);
                format.columns(in_channels, u.view(), width, to);
            }
        }
        Ok(Self { format, out_channels, weights, bias: Aligned::from_slice(64, bias) })
    }
}

impl<F: Pack<f32, Number = f32>> Method for Winograd<F> {
    fn forward(&self, input: &Map, output: &mut Map, first: usize, finish: Finish) -> Result<(), Error> {
        let (format, table, isa) = (self.format, self.format.table(), self.format.isa());
        let (n, height, width, channels) = input.shape();
        let depth = format.elements(channels);
        let grid = Grid { height, width, down: height.div_ceil(TILE), across: width.div_ceil(TILE) };
        let tiles = n * grid.down * grid.across;
        with_scratch(|Scratch { v, packed, m, patch }| {
            let operation = "Conv::forward";
            grow(operation, v, &[POSITIONS, BLOCK, channels])?;
            grow(operation, packed, &[POSITIONS, BLOCK, if F::EXACT { 0 } else { depth }])?;
            grow(operation, m, &[POSITIONS, BLOCK, table.panel()])?;
            grow(operation, patch, &[POSITIONS, channels])?;
            // As many as fill whole register tiles.
            let rows = table.rows().min(BLOCK);
            let at_once = BLOCK / rows * rows;
            for start in (0..tiles).step_by(at_once) {
                let count = at_once.min(tiles - start);
                for t in 0..count {
                    let (source, row_len) = grid.patch(input, start + t, patch);
                    let target = &mut v[t * channels..];
                    // SAFETY: `patch` returns 6 rows of 6 pixels; V has room for the 36 positions of tile t < BLOCK;
                    // channels come in whole vectors.
                    unsafe { transform_patch(isa, source, row_len, channels, target) };
                }
                let blocks = v.chunks(BLOCK * channels).zip(packed.chunks_mut(BLOCK * depth));
                for (v, to) in blocks.take(if F::EXACT { 0 } else { POSITIONS }) {
                    format.row(channels, 0, &v[..count * channels], to);
                }
                let factors: &[f32] = if F::EXACT { v } else { packed };
                let ready = table.ready(count, depth);
                for panel in (0..self.out_channels).step_by(table.panel()) {
                    let vectors = table.vectors(self.out_channels - panel);
                    let panel_width = vectors * table.lanes;
                    for position in 0..POSITIONS {
                        for (row, rows) in table.row_blocks(count) {
                            let t = Tile {
                                a: factors[(position * BLOCK + row) * depth..].as_ptr(),
                                a_row: depth as isize,
                                a_step: 1,
                                taps: &[0],
                                depth,
                                b: self.weights[(panel * POSITIONS + position * panel_width) * depth..]
                                    .as_ptr(),
                                b_row: panel_width,
                                c: m[(position * BLOCK + row) * panel_width..].as_mut_ptr(),
                                c_row: panel_width as isize,
                                start: Start::Zero,
                                epilogue: Epilogue { bias: std::ptr::null(), finish: Finish::Store },
                            };
                            // SAFETY: V and M hold BLOCK rows a position, and row + rows <= count <= BLOCK; U holds
                            // (36, depth, panel_width) from this panel on.
                            unsafe { ready.run(rows, vectors, &t) };
                        }
                    }
                    for t in 0..count {
                        let sums = Sums {
                            m: &m[t * panel_width..],
                            bias: &self.bias[panel..panel + panel_width],
                            position_len: BLOCK * panel_width,
                        };
                        let target = grid.target(output, start + t, first + panel);
                        // SAFETY: M holds 36 positions of tile t < BLOCK; `target` has the tile's rows and columns,
                        // with panel_width channels from its first number on.
                        unsafe { transform_sums(isa, &sums, target, finish) };
                    }
                }
            }
            Ok(())
        })
    }
}

/// How an image is cut into output tiles; `tile` counts over all images.
struct Grid {
    height: usize,
    width: usize,
    down: usize,
    across: usize,
}

/// Where a tile's outputs go: from `pixel` on, `rows` × `columns` pixels, clipped at the image's edge.
struct Target<'a> {
    pixel: &'a mut [f32],
    rows: usize,
    columns: usize,
    row_len: usize,
    channels: usize,
}

impl Grid {
    /// (image, top, left) of a tile.
    fn position(&self, tile: usize) -> (usize, usize, usize) {
        let within = tile % (self.down * self.across);
        (tile / (self.down * self.across), within / self.across * TILE, within % self.across * TILE)
    }

    /// The 6×6 input patch of a tile, as its first pixel's slice and the distance of its rows: in the image itself
    /// where the patch lies inside, else in `scratch`, with zeros outside the image.
    fn patch<'a>(&self, input: &'a Map, tile: usize, scratch: &'a mut [f32]) -> (&'a [f32], usize) {
        let (image, top, left) = self.position(tile);
        let channels = input.shape().3;
        let (pixels, row_len) = (input.image(image), self.width * channels);
        let inside = top > 0 && left > 0 && top + PATCH - 1 <= self.height && left + PATCH - 1 <= self.width;
        if inside {
            return (&pixels[((top - 1) * self.width + left - 1) * channels..], row_len);
        }
        let scratch = &mut scratch[..POSITIONS * channels];
        scratch.fill(0.0);
        let columns = left.saturating_sub(1)..(left + PATCH - 1).min(self.width);
        for y in top.saturating_sub(1)..(top + PATCH - 1).min(self.height) {
            let from = &pixels[(y * self.width + columns.start) * channels..][..columns.len() * channels];
            let at = ((y + 1 - top) * PATCH + columns.start + 1 - left) * channels;
            scratch[at..at + from.len()].copy_from_slice(from);
        }
        (scratch, PATCH * channels)
    }

    fn target<'a>(&self, output: &'a mut Map, tile: usize, channel: usize) -> Target<'a> {
        let (image, top, left) = self.position(tile);
        let channels = output.shape().3;
        Target {
            pixel: &mut output.image_mut(image)[(top * self.width + left) * channels + channel..],
            rows: TILE.min(self.height - top),
            columns: TILE.min(self.width - left),
            row_len: self.width * channels,
            channels,
        }
    }
}

/// M of one tile: position p at `m[p * position_len..]`.
struct Sums<'a> {
    m: &'a [f32],
    bias: &'a [f32],
    position_len: usize,
}

/// The transforms evaluate polynomials at the points 0, ±A, ±B, ∞. With the usual 1 and 2 the rounding error would be
/// twice as large; all powers of these two are exact in `f32`.
const A: f32 = 0.75;
const B: f32 = 1.5;
const A2: f32 = A * A;
const B2: f32 = B * B;

/// U = G g Gᵀ for one kernel g (3, 3), in f64 and rounded once. Row p of G is (1, p, p²) / Π (p - other points).
fn transform_kernel(g: ArrayView2<'_, f32>) -> Array2<f32> {
    let row = |p: f64, scale: f64| [1.0 / scale, p / scale, p * p / scale];
    let (a, b) = (f64::from(A), f64::from(B));
    let (scale_a, scale_b) = (2.0 * a * a * (a * a - b * b), 2.0 * b * b * (b * b - a * a));
    let transform = arr2(&[
        row(0.0, a * a * b * b),
        row(a, scale_a),
        row(-a, scale_a),
        row(b, scale_b),
        row(-b, scale_b),
        [0.0, 0.0, 1.0],
    ]);
    transform.dot(&g.mapv(f64::from)).dot(&transform.t()).mapv(|u| u as f32)
}

dispatch!(
    /// V = Bᵀ d B for all channels of one patch; position p of V goes to `v[p * BLOCK * channels..]`.
    unsafe fn transform_patch = transform_patch_on(d: &[f32], row_len: usize, channels: usize, v: &mut [f32])
);

#[inline(always)]
unsafe fn transform_patch_on<S: Simd<T = f32>>(d: &[f32], row_len: usize, channels: usize, v: &mut [f32]) {
    for c in (0..channels).step_by(S::LANES) {
        // SAFETY: the caller vouches for 6 rows of 6 pixels in d, for 36 positions in v, and for channels in whole
        // vectors.
        unsafe {
            let mut rows = [[S::zero(); PATCH]; PATCH];
            for x in 0..PATCH {
                let pixel = |y: usize| S::load(d.as_ptr().add(y * row_len + x * channels + c));
                let column = input_1d::<S>([pixel(0), pixel(1), pixel(2), pixel(3), pixel(4), pixel(5)]);
                for (row, &value) in rows.iter_mut().zip(&column) {
                    row[x] = value;
                }
            }
            for (y, &row) in rows.iter().enumerate() {
                for (x, &value) in input_1d::<S>(row).iter().enumerate() {
                    S::store(v.as_mut_ptr().add((y * PATCH + x) * BLOCK * channels + c), value);
                }
            }
        }
    }
}

/// Bᵀ d for one column d.
#[inline(always)]
unsafe fn input_1d<S: Simd<T = f32>>(d: [S::V; 6]) -> [S::V; 6] {
    // SAFETY: arithmetic of the instruction set the caller vouches for.
    unsafe {
        let (minus_a2, minus_b2) = (S::splat(-A2), S::splat(-B2));
        let (even_a, odd_a) = (S::mul_add(minus_b2, d[2], d[4]), S::mul_add(minus_b2, d[1], d[3]));
        let (even_b, odd_b) = (S::mul_add(minus_a2, d[2], d[4]), S::mul_add(minus_a2, d[1], d[3]));
        let (product, minus_sum) = (S::splat(A2 * B2), S::splat(-A2 - B2));
        [
            S::mul_add(product, d[0], S::mul_add(minus_sum, d[2], d[4])), // A²B² d0 - (A² + B²) d2 + d4
            S::mul_add(S::splat(A), odd_a, even_a),                       // -AB² d1 - B² d2 + A d3 + d4
            S::mul_add(S::splat(-A), odd_a, even_a),                      // AB² d1 - B² d2 - A d3 + d4
            S::mul_add(S::splat(B), odd_b, even_b),                       // -A²B d1 - A² d2 + B d3 + d4
            S::mul_add(S::splat(-B), odd_b, even_b),                      // A²B d1 - A² d2 - B d3 + d4
            S::mul_add(product, d[1], S::mul_add(minus_sum, d[3], d[5])), // A²B² d1 - (A² + B²) d3 + d5
        ]
    }
}

dispatch!(
    /// Y = Aᵀ M A + bias, finished, for one panel of channels of one tile.
    unsafe fn transform_sums = transform_sums_on(sums: &Sums<'_>, target: Target<'_>, finish: Finish)
);

#[inline(always)]
unsafe fn transform_sums_on<S: Simd<T = f32>>(sums: &Sums<'_>, target: Target<'_>, finish: Finish) {
    for c in (0..sums.bias.len()).step_by(S::LANES) {
        // SAFETY: the caller vouches for 36 positions in m, for the tile's pixels in the target, and for channels in
        // whole vectors.
        unsafe {
            let bias = S::load(sums.bias.as_ptr().add(c));
            let mut rows = [[S::zero(); PATCH]; TILE];
            for x in 0..PATCH {
                let m = |y: usize| S::load(sums.m.as_ptr().add((y * PATCH + x) * sums.position_len + c));
                let column = output_1d::<S>([m(0), m(1), m(2), m(3), m(4), m(5)]);
                for (row, &value) in rows.iter_mut().zip(&column) {
                    row[x] = value;
                }
            }
            for (y, &row) in rows.iter().enumerate().take(target.rows) {
                let out = target.pixel.as_mut_ptr().add(y * target.row_len + c);
                let row = output_1d::<S>(row);
                // Most are whole: for these the compiler unrolls the loop.
                if target.columns == TILE {
                    for (x, &value) in row.iter().enumerate() {
                        let out = out.add(x * target.channels);
                        S::store(out, finished::<S>(S::add(value, bias), out, finish));
                    }
                } else {
                    for (x, &value) in row.iter().enumerate().take(target.columns) {
                        let out = out.add(x * target.channels);
                        S::store(out, finished::<S>(S::add(value, bias), out, finish));
                    }
                }
            }
        }
    }
}

/// Aᵀ m for one column m.
#[inline(always)]
unsafe fn output_1d<S: Simd<T = f32>>(m: [S::V; 6]) -> [S::V; 4] {
    // SAFETY: arithmetic of the instruction set the caller vouches for.
    unsafe {
        let (sum_a, difference_a) = (S::add(m[1], m[2]), S::sub(m[1], m[2]));
        let (sum_b, difference_b) = (S::add(m[3], m[4]), S::sub(m[3], m[4]));
        let zero = S::splat(0.0);
        // α·x + β·y + z
        let mix =
            |alpha: f32, x, beta: f32, y, z| S::mul_add(S::splat(beta), y, S::mul_add(S::splat(alpha), x, z));
        [
            S::add(S::add(m[0], sum_a), sum_b),
            mix(A, difference_a, B, difference_b, zero),
            mix(A2, sum_a, B2, sum_b, zero),
            mix(A2 * A, difference_a, B2 * B, difference_b, m[5]),
        ]
    }
}

/// Buffers that a thread keeps from call to call.
struct Scratch {
    v: Aligned<f32>,
    /// V in the format.
    packed: Aligned<f32>,
    m: Aligned<f32>,
    patch: Aligned<f32>,
}

fn with_scratch<R>(run: impl FnOnce(&mut Scratch) -> R) -> R {
    thread_local! {
        static SCRATCH: RefCell<Scratch> =
            RefCell::new(Scratch {
                v: Aligned::new(64),
                packed: Aligned::new(64),
                m: Aligned::new(64),
                patch: Aligned::new(64),
            });
    }
    SCRATCH.with_borrow_mut(run)
}
