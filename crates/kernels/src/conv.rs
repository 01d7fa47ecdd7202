//! Convolution with bias, on the register tile: direct, or by Winograd's method where that applies.

use std::cell::RefCell;

use ndarray::{Array4, ArrayView4};

use crate::buffer::{Aligned, product, room};
use crate::factors::{Term, pack_pixels, pack_row_after, pair_of, terms};
use crate::pair_table::pair_table;
use crate::tile::{Epilogue, Finish, Start, Tile, TileTable, Tiled};
use crate::winograd::Winograd;
use crate::{Error, Isa, Map, Precision};

/// conv(x) + bias, with weights packed for one instruction set; [`Finish`] says what follows.
///
/// 3×3 kernels with stride 1, padding 1 and input channels in multiples of 16 are computed by Winograd's F(4×4, 3×3)
/// (Lavin and Gray, arXiv:1509.09308), which needs a quarter of the multiplications; all others, with any padding, are summed
/// directly. The method depends on the kernel alone, so an image gives the same bits whichever images accompany it.
pub struct Conv {
    isa: Isa,
    in_channels: usize,
    out_channels: usize,
    kernel: (usize, usize),
    stride: usize,
    padding: usize,
    method: Method,
}

enum Method {
    /// On pairs of numbers in the parts of these terms, or in `f32`.
    Direct {
        terms: Option<&'static [Term]>,
        weights: Aligned<f32>,
        bias: Aligned<f32>,
    },
    Winograd(Winograd),
}

/// Weights of a direct convolution that are used together, few enough for L2.
const CACHED: usize = 1 << 16;

/// Most input channels with which Winograd's method in `f32` stands in for direct sums in bf16. On an AMD EPYC (Zen 4) it was 1.25 to 1.7
/// times as fast for 16 to 64 channels, as fast for 256, and half as fast for 512.
const WINOGRAD_CHANNELS: usize = 256;

impl Conv {
    /// Packs `weight` (O, I, kh, kw) and `bias` (O), for a stride of at least 1 and images surrounded by
    /// `padding` zeros on every side. O must be 16 or a multiple of it.
    ///
    /// # Errors
    /// [`Error::Shape`] if bias and weight disagree, O is not a multiple of 16, or the stride or a length of `weight` is 0;
    /// [`Error::Memory`] if there is no room for the weights.
    pub fn new(
        isa: Isa,
        weight: ArrayView4<'_, f32>,
        bias: &[f32],
        stride: usize,
        padding: usize,
    ) -> Result<Self, Error> {
        Self::new_in(Precision::F32, isa, weight, bias, stride, padding)
    }

    /// [`Conv::new`] in a given precision. Inputs (in each call) and weights are rounded as the factors of
    /// [`gemm_in`](crate::gemm_in) are, within the bounds stated there for Q = kh·kw·I, but for two cases that stay in `f32`:
    ///
    /// - in bf16, 3×3 kernels for Winograd's method with up to 256 input channels, unless there is AMX. That method divides the
    ///   multiplications by 4, `vdpbf16ps` divides their time by 2 at most. Beyond, its weights, 4 times as many, come from memory.
    /// - an odd number of input channels with an odd stride, and in bf16x3 with any: such pixels do not divide into pairs.
    ///
    /// In bf16x3, Winograd's method takes the products of its transformed factors in three parts, with errors as in `f32`. With
    /// factors in bf16 it would round what its transforms have enlarged: the errors would be multiplied by up to 84, the largest
    /// of Σ |Aᵀ| (|G| 1 ⊙ |Bᵀ| 1) / 3 squared, and by 4 to 5 on average for random numbers, to 1.1 % of the outputs where a direct
    /// sum has 0.24 %.
    ///
    /// # Errors
    /// As [`Conv::new`].
    pub fn new_in(
        precision: Precision,
        isa: Isa,
        weight: ArrayView4<'_, f32>,
        bias: &[f32],
        stride: usize,
        padding: usize,
    ) -> Result<Self, Error> {
        let (out_channels, in_channels, kh, kw) = weight.dim();
        let winograd = (kh, kw, stride, padding) == (3, 3, 1, 1)
            && in_channels % 16 == 0
            && (precision != Precision::Bf16 || (in_channels <= WINOGRAD_CHANNELS && !isa.is_amx()));
        if bias.len() != out_channels || out_channels % 16 != 0 || stride == 0 || weight.is_empty() {
            return Err(Error::Shape {
                operation: "Conv::new",
                expected: "weight (O, I, kh, kw) and bias (O), O a multiple of 16, all lengths and the stride at least 1"
                    .into(),
                actual: format!(
                    "weight {:?}, bias {}, stride {stride}, padding {padding}",
                    weight.dim(),
                    bias.len()
                ),
            });
        }
        let terms = match precision {
            Precision::Bf16 if winograd => None,
            Precision::Bf16 if stride.is_multiple_of(2) => terms(precision),
            _ => terms(precision).filter(|_| in_channels.is_multiple_of(2)),
        };
        let method = if winograd {
            Method::Winograd(Winograd::new(isa, terms, weight, bias)?)
        } else {
            let mut weights =
                room("Conv::new", &[out_channels, kh, elements(kw.saturating_mul(in_channels), terms)])?;
            match terms {
                Some(terms) => pack(pair_table(isa), pairs_of_weights(weight, terms).view(), &mut weights),
                None => pack(f32::table(isa), weight, &mut weights),
            }
            Method::Direct { terms, weights, bias: Aligned::from_slice(64, bias) }
        };
        Ok(Self { isa, in_channels, out_channels, kernel: (kh, kw), stride, padding, method })
    }

    /// Height and width of the output for an input of this height and width; 0 where the kernel does not fit into the input and its
    /// padding.
    pub fn output_size(&self, height: usize, width: usize) -> (usize, usize) {
        let size = |length: usize, kernel: usize| {
            let padded = length.checked_add(self.padding.checked_mul(2)?)?;
            Some(padded.checked_sub(kernel)? / self.stride + 1)
        };
        (size(height, self.kernel.0).unwrap_or(0), size(width, self.kernel.1).unwrap_or(0))
    }

    /// Output channels.
    pub fn out_channels(&self) -> usize {
        self.out_channels
    }

    /// Input (N, H, W, I); writes channels `first..first + O` of the output (N, H', W', ≥ first + O), where
    /// [`Conv::output_size`] gives H' and W'. Without images nothing is written.
    ///
    /// # Errors
    /// [`Error::Shape`] if the maps do not fit the kernel or have no pixels, [`Error::Memory`] if there is no room for what the sums are
    /// made from.
    pub fn forward(&self, input: &Map, output: &mut Map, first: usize, finish: Finish) -> Result<(), Error> {
        let (n, height, width, channels) = input.shape();
        let (out_height, out_width) = self.output_size(height, width);
        let all = output.shape().3;
        let fits = channels == self.in_channels
            && [height, width, out_height, out_width].iter().all(|&length| length > 0);
        if !fits || all.checked_sub(self.out_channels).is_none_or(|most| first > most) {
            return Err(Error::Shape {
                operation: FORWARD,
                expected: format!(
                    "{} input channels, maps with pixels, which with a padding of {} are no smaller than the kernel {:?}, and {} \
                     output channels from {first} on",
                    self.in_channels, self.padding, self.kernel, self.out_channels,
                ),
                actual: format!("input {:?}, output {:?}", input.shape(), output.shape()),
            });
        }
        output.expect("Conv::forward output", (n, out_height, out_width, all))?;
        match &self.method {
            _ if n == 0 => Ok(()),
            Method::Winograd(winograd) => winograd.forward(input, output, first, finish),
            Method::Direct { terms, weights, bias } => {
                let (terms, padding) = (*terms, self.padding);
                let mut run = |input: &Map| self.direct(terms, weights, bias, input, output, first, finish);
                if terms.is_none() && padding == 0 {
                    run(input);
                    Ok(())
                } else {
                    let row_len = product(FORWARD, &[width + 2 * padding, channels])?;
                    let before = padding * channels;
                    let copy = |from: &[f32], to: &mut [f32]| match terms {
                        None => to[before..][..from.len()].copy_from_slice(from),
                        Some([_]) => pack_row_after(self.isa, before, from, to),
                        Some(all) => {
                            pack_pixels(self.isa, all, channels, from, &mut to[elements(before, terms)..]);
                        }
                    };
                    with_bordered(input, padding, elements(row_len, terms), copy, run)
                }
            }
        }
    }

    /// The sums of each output pixel, tile by tile: a row of the kernel is one run of kw·I numbers of the input, or of the pairs
    /// that hold their parts.
    #[expect(clippy::too_many_arguments, reason = "what `forward` has")]
    fn direct(
        &self,
        terms: Option<&[Term]>,
        weights: &[f32],
        bias: &[f32],
        input: &Map,
        output: &mut Map,
        first: usize,
        finish: Finish,
    ) {
        let ((n, height, width, channels), (_, out_height, out_width, c_row)) =
            (input.shape(), output.shape());
        let (kh, kw) = self.kernel;
        let table = if terms.is_some() { pair_table(self.isa) } else { f32::table(self.isa) };
        let row_len = width * channels;
        let depth = elements(kw * self.in_channels, terms);
        // A stride too large for this product leaves one pixel per line, which takes no step.
        let step = elements(self.stride.saturating_mul(self.in_channels), terms);
        let taps: Vec<isize> = (0..kh).map(|y| (y * row_len) as isize).collect();
        // Pixels follow each other without a gap for 1x1 kernels at stride 1, so all rows of all images are one.
        let (lines, line) = if (kh, kw, self.stride) == (1, 1, 1) {
            (1, output.pixels())
        } else {
            (n * out_height, out_width)
        };
        let ready = table.ready(line, depth);
        // As many panels of weights as L2 holds pass by each block of pixels, whose input L1 holds meanwhile.
        let panels = (CACHED / (kh * depth) / table.panel()).max(1) * table.panel();
        for some in (0..self.out_channels).step_by(panels) {
            let some = some..self.out_channels.min(some + panels);
            for l in 0..lines {
                let source = (l / out_height * height + l % out_height * self.stride) * row_len;
                for (x, rows) in table.row_blocks(line) {
                    for panel in some.clone().step_by(table.panel()) {
                        let vectors = table.vectors(self.out_channels - panel);
                        let t = Tile {
                            a: input.data()[source + x * step..].as_ptr(),
                            a_row: step as isize,
                            a_step: 1,
                            taps: &taps,
                            depth,
                            b: weights[panel * kh * depth..].as_ptr(),
                            b_row: vectors * table.lanes,
                            c: output.data_mut()[(l * line + x) * c_row + first + panel..].as_mut_ptr(),
                            c_row: c_row as isize,
                            start: Start::Zero,
                            epilogue: Epilogue { bias: bias[panel..].as_ptr(), finish },
                        };
                        // SAFETY: the table is that of an instruction set seen on this machine. `forward` has checked
                        // that the windows of `line` output pixels lie inside the input and the channels inside the
                        // output; output channels come in whole vectors, because they are a multiple of 16.
                        unsafe { ready.run(rows, vectors, &t) };
                    }
                }
            }
        }
    }
}

/// What holds this many numbers: themselves, or pairs of their parts in each term.
fn elements(numbers: usize, terms: Option<&[Term]>) -> usize {
    terms.map_or(numbers, |terms| numbers.div_ceil(2).saturating_mul(terms.len()))
}

/// In errors.
const FORWARD: &str = "Conv::forward";

/// Runs on a copy of the map with rows of `row_len` elements and `border` rows of zeros above and below, in a buffer that the
/// thread keeps. `copy` fills a row, in which all is zero if there is a border, from one of the map.
fn with_bordered<R>(
    map: &Map,
    border: usize,
    row_len: usize,
    copy: impl Fn(&[f32], &mut [f32]),
    run: impl FnOnce(&Map) -> R,
) -> Result<R, Error> {
    thread_local! {
        static BORDERED: RefCell<Map> = RefCell::default();
    }
    let (n, height, width, channels) = map.shape();
    BORDERED.with_borrow_mut(|bordered| {
        bordered.reshape((n, height + 2 * border, row_len, 1))?;
        if border > 0 {
            bordered.data_mut().fill(0.0);
        }
        for i in 0..n {
            let rows = bordered.image_mut(i).chunks_exact_mut(row_len).skip(border);
            map.image(i).chunks_exact(width * channels).zip(rows).for_each(|(from, to)| copy(from, to));
        }
        Ok(run(bordered))
    })
}

/// (O, I, kh, kw) to pairs (O, T·I/2, kh, kw), for an even I. For an odd one to pairs (O, kw·I/2, kh, 1), rounded up: a row of
/// the kernel then counts as one pixel, to which a zero is added if necessary.
fn pairs_of_weights(weight: ArrayView4<'_, f32>, terms: &[Term]) -> Array4<f32> {
    let (out_channels, in_channels, kh, kw) = weight.dim();
    if in_channels % 2 == 1 {
        let rows = Array4::from_shape_fn(
            (out_channels, (kw * in_channels).next_multiple_of(2), kh, 1),
            |(o, j, y, _)| weight.get((o, j % in_channels, y, j / in_channels)).copied().unwrap_or_default(),
        );
        return pairs_of_weights(rows.view(), terms);
    }
    let pairs = in_channels / 2;
    Array4::from_shape_fn((out_channels, terms.len() * pairs, kh, kw), |(o, p, y, x)| {
        let i = 2 * (p % pairs);
        pair_of(terms[p / pairs].of_b, weight[[o, i, y, x]], weight[[o, i + 1, y, x]])
    })
}

/// (O, I, kh, kw) as panels (kh, kw, I, panel of O).
fn pack(table: &TileTable<f32>, weight: ArrayView4<'_, f32>, packed: &mut Aligned<f32>) {
    let (out_channels, in_channels, kh, kw) = weight.dim();
    for panel in (0..out_channels).step_by(table.panel()) {
        let width = table.vectors(out_channels - panel) * table.lanes;
        for (y, x) in (0..kh).flat_map(|y| (0..kw).map(move |x| (y, x))) {
            for i in 0..in_channels {
                (panel..panel + width).for_each(|o| packed.push(weight[[o, i, y, x]]));
            }
        }
    }
}
