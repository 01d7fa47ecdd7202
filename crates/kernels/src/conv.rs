//! Convolution with bias, on the register tile: direct, or by Winograd's method where that applies.

use ndarray::ArrayView4;

use crate::direct::Direct;
use crate::format::{Arithmetic, Exact, Pack};
use crate::layer::{Layer, Method};
use crate::parts::Pairs;
use crate::tile::Finish;
use crate::winograd::Winograd;
use crate::{Error, Map, Precision};

/// conv(x) + bias, with weights packed for one instruction set; [`Finish`] says what follows.
///
/// 3×3 kernels with stride 1, padding 1 and input channels in multiples of 16 are computed by Winograd's F(4×4, 3×3)
/// (Lavin and Gray, arXiv:1509.09308), which needs a quarter of the multiplications; all others, with any padding, are summed
/// directly. The method depends on the kernel and the precision alone, so an image gives the same bits whichever images accompany it.
pub struct Conv {
    layer: Layer,
    method: Box<dyn Method>,
}

/// Most input channels with which Winograd's method in `f32` stands in for direct sums in bf16. On an AMD EPYC (Zen 4) it was 1.25 to 1.7
/// times as fast for 16 to 64 channels, as fast for 256, and half as fast for 512.
const WINOGRAD_CHANNELS: usize = 256;

impl Conv {
    /// Packs `weight` (O, I, kh, kw) and `bias` (O), for a stride of at least 1 and images surrounded by
    /// `padding` zeros on every side. O must be 16 or a multiple of it.
    ///
    /// Inputs (in each call) and weights are taken as precisely as the factors of [`gemm`](crate::gemm), within the bounds stated there
    /// for Q = kh·kw·I. In two cases they are taken in `f32` whatever the precision:
    ///
    /// - in bf16, 3×3 kernels for Winograd's method with up to 256 input channels, unless there is AMX. That method divides the
    ///   multiplications by 4, while `vdpbf16ps` divides their time by 2 at most. With more channels, its weights come from memory, and
    ///   they are 4 times as many.
    /// - an odd number of input channels with an odd stride, and in bf16x3 with any stride: such pixels do not divide into pairs.
    ///
    /// In bf16x3, Winograd's method takes the products of its transformed factors in three parts, with errors as in `f32`. With
    /// factors in bf16 it would round what its transforms have enlarged. That would multiply the errors by up to 84, the largest
    /// of Σ |Aᵀ| (|G| 1 ⊙ |Bᵀ| 1) / 3 squared, and by 4 to 5 on average for random numbers: to 1.1 % of the outputs, where a direct
    /// sum has 0.24 %.
    ///
    /// # Errors
    /// [`Error::Shape`] if bias and weight disagree, O is not a multiple of 16, or the stride or a length of `weight` is 0;
    /// [`Error::Memory`] if there is no room for the weights.
    pub fn new(
        arithmetic: impl Into<Arithmetic>,
        weight: ArrayView4<'_, f32>,
        bias: &[f32],
        stride: usize,
        padding: usize,
    ) -> Result<Self, Error> {
        let (Arithmetic { isa, precision }, (out_channels, in_channels, kh, kw)) =
            (arithmetic.into(), weight.dim());
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
        let layer = Layer { in_channels, out_channels, kernel: (kh, kw), stride, padding };
        let winograd = (kh, kw, stride, padding) == (3, 3, 1, 1)
            && in_channels % 16 == 0
            && (precision != Precision::Bf16 || (in_channels <= WINOGRAD_CHANNELS && !isa.is_amx()));
        let method = match precision {
            Precision::Bf16 if !winograd && (stride.is_multiple_of(2) || in_channels.is_multiple_of(2)) => {
                method(Pairs::rounded(isa), layer, winograd, weight, bias)
            }
            Precision::Bf16x3 if in_channels % 2 == 0 => {
                method(Pairs::of_three(isa), layer, winograd, weight, bias)
            }
            _ => method(Exact::new(isa), layer, winograd, weight, bias),
        };
        Ok(Self { layer, method: method? })
    }

    /// Height and width of the output for an input of this height and width; 0 where the kernel does not fit into the input and its
    /// padding.
    pub fn output_size(&self, height: usize, width: usize) -> (usize, usize) {
        self.layer.output_size(height, width)
    }

    /// Output channels.
    pub fn out_channels(&self) -> usize {
        self.layer.out_channels
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
        let fits = channels == self.layer.in_channels
            && [height, width, out_height, out_width].iter().all(|&length| length > 0);
        if !fits || all.checked_sub(self.layer.out_channels).is_none_or(|most| first > most) {
            return Err(Error::Shape {
                operation: "Conv::forward",
                expected: format!(
                    "{} input channels, maps with pixels, which with a padding of {} are no smaller than the kernel {:?}, and {} \
                     output channels from {first} on",
                    self.layer.in_channels, self.layer.padding, self.layer.kernel, self.layer.out_channels,
                ),
                actual: format!("input {:?}, output {:?}", input.shape(), output.shape()),
            });
        }
        output.expect("Conv::forward output", (n, out_height, out_width, all))?;
        if n == 0 { Ok(()) } else { self.method.forward(input, output, first, finish) }
    }
}

fn method<F: Pack<f32, Number = f32>>(
    format: F,
    layer: Layer,
    winograd: bool,
    weight: ArrayView4<'_, f32>,
    bias: &[f32],
) -> Result<Box<dyn Method>, Error> {
    Ok(match winograd {
        true => Box::new(Winograd::new(format, weight, bias)?),
        false => Box::new(Direct::new(format, layer, weight, bias)?),
    })
}
