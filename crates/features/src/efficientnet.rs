//! EfficientNet-Lite0 (Tan and Le, arXiv:1905.11946, and Google's "Lite" variant of it), frozen, without its classifier.

use mlprobe_data::normalize::Normalization;
use mlprobe_efficientnet_lite0::PARTS;
use mlprobe_kernels::{Conv, Depthwise, Finish, Isa, Precision};
use ndarray::{Array2, Array3, Array4, ArrayView3, ArrayView4};

use crate::extractor::{fingerprint, suffix};
use crate::network::{Embedded, Layer, Network, Spare, check_input_size};
use crate::weights::Weights;
use crate::{Error, Extractor, ExtractorSettings};

/// EfficientNet-Lite0 with its weights built in: 1280 numbers per image, the last map averaged over its pixels.
///
/// Its authors report 75 % of ImageNet, against 58 % for SqueezeNet. The 1 × 1 kernels are stored as f16, which changes
/// features by 0.2 % (root mean square, relative).
///
/// ```
/// use mlprobe_features::{EfficientNetLite0, Extractor};
/// use ndarray::Array4;
///
/// let images = Array4::from_elem((2, 32, 32, 3), 128_u8); // (N, height, width, 3), any height and width
/// let features = EfficientNetLite0::new(64)?.extract(&images)?;
/// assert_eq!(features.dim(), (2, 1280));
/// # Ok::<(), mlprobe_features::Error>(())
/// ```
pub struct EfficientNetLite0(Embedded);

/// D
const DIM: usize = 1280;

/// Blocks of each stage: how many, side of the kernel, stride of the first, output channels, times the channels expand
/// (table 1 of the paper). In "Lite", stem and head are not scaled and no block has squeeze-and-excitation.
const STAGES: [(usize, usize, usize, usize, usize); 7] = [
    (1, 3, 1, 16, 1),
    (2, 3, 2, 24, 6),
    (2, 5, 2, 40, 6),
    (3, 3, 2, 80, 6),
    (3, 5, 1, 112, 6),
    (4, 5, 2, 192, 6),
    (1, 3, 1, 320, 6),
];

/// Blocks whose maps are so large that images go through them one by one.
const EARLY: usize = 11;

/// Of batch normalization.
const EPSILON: f32 = 1e-3;

impl EfficientNetLite0 {
    /// The input size the network was trained at, in pixels.
    pub const DEFAULT_INPUT_SIZE: usize = 224;
    /// The smallest input size accepted: one pixel is left after the strides.
    pub const MIN_INPUT_SIZE: usize = 32;
    /// The largest input size accepted, a bound on memory per thread.
    pub const MAX_INPUT_SIZE: usize = 1024;
    /// What the network was trained on: (x - 127) / 128 for x of 0 to 255.
    pub const NORMALIZATION: Normalization =
        Normalization { mean: [127.0 / 255.0; 3], std: [128.0 / 255.0; 3] };

    /// The network on images resized to `input_size` × `input_size` pixels.
    ///
    /// # Errors
    /// [`Error::Shape`] if `input_size` is not in 32..=1024.
    pub fn new(input_size: usize) -> Result<Self, Error> {
        Self::with_isa(Isa::current(), input_size)
    }

    /// The same on a given instruction set.
    ///
    /// # Errors
    /// As [`EfficientNetLite0::new`].
    pub fn with_isa(isa: Isa, input_size: usize) -> Result<Self, Error> {
        check_input_size("EfficientNetLite0::new", input_size, Self::MIN_INPUT_SIZE..=Self::MAX_INPUT_SIZE)?;
        let network = Self::unbuilt(isa, input_size);
        network.0.network()?;
        Ok(network)
    }

    /// The same with the products of its 1 × 1 convolutions in another precision. The depthwise convolutions, which have no sums over
    /// channels, stay in `f32`. So does the stem: in bf16 the largest deviations of features would double, for 3 % of speed.
    pub fn in_precision(self, precision: Precision) -> Self {
        Self(self.0.in_precision(precision))
    }

    fn unbuilt(isa: Isa, input_size: usize) -> Self {
        Self(Embedded::new(isa, input_size, build))
    }

    /// For one image (height, width, 3), the map (height, width, channels) after the stem, each block and the head.
    /// Channels are padded with zeros to a multiple of 16.
    ///
    /// # Errors
    /// As [`Extractor::extract`].
    pub fn layer_maps(&self, image: ArrayView3<'_, u8>) -> Result<Vec<Array3<f32>>, Error> {
        self.0.network()?.layer_maps(image)
    }
}

impl Default for EfficientNetLite0 {
    /// The network on images resized to 224 × 224 pixels. It is put together when it is first used.
    fn default() -> Self {
        Self::unbuilt(Isa::current(), Self::DEFAULT_INPUT_SIZE)
    }
}

fn build(isa: Isa, precision: Precision, input_size: usize) -> Result<Network, Error> {
    let weights = Weights::parse(&PARTS)?;
    // A 1 × 1 convolution from `inputs` to `outputs` channels.
    let pointwise = |name: &str, norm: &str, outputs: usize, inputs: usize| -> Result<Conv, Error> {
        let (weight, bias) = weights.normalized(name, norm, [outputs, inputs, 1, 1], EPSILON)?;
        let (weight, bias) = padded(&weight, bias);
        Ok(Conv::new((isa, precision), weight.view(), &bias, 1, 0)?)
    };
    let stem = stem(isa, &weights, input_size)?;
    let mut layers = vec![Layer::Conv(stem, Finish::Relu6)];
    let mut inputs = 32;
    for (blocks, kernel, first_stride, outputs, expansion) in STAGES {
        for stride in std::iter::once(first_stride).chain((1..blocks).map(|_| 1)) {
            let name = format!("_blocks.{}", layers.len() - 1);
            let part = |part: &str| format!("{name}.{part}");
            let channels = expansion * inputs;
            let expand = (expansion > 1)
                .then(|| pointwise(&part("_expand_conv"), &part("_bn0"), channels, inputs))
                .transpose()?;
            let shape = [channels, 1, kernel, kernel];
            let (weight, bias) =
                weights.normalized(&part("_depthwise_conv"), &part("_bn1"), shape, EPSILON)?;
            layers.push(Layer::Inverted {
                expand,
                depthwise: Depthwise::new(isa, weight.view(), &bias, stride)?,
                project: pointwise(&part("_project_conv"), &part("_bn2"), outputs, channels)?,
                residual: stride == 1 && inputs == outputs,
            });
            inputs = outputs;
        }
    }
    layers.push(Layer::Conv(pointwise("_conv_head", "_bn1", DIM, inputs)?, Finish::Relu6));
    let late = layers.split_off(1 + EARLY);
    let normalization = EfficientNetLite0::NORMALIZATION;
    Ok(Network { isa, input_size, normalization, dim: DIM, early: layers, late, spare: Spare::default() })
}

/// The 3 × 3 convolution of stride 2 with TensorFlow's padding `SAME`: one zero on each side of an odd number of pixels;
/// of an even number, one behind. The latter is a 4 × 4 kernel whose first row and column are 0.
fn stem(isa: Isa, weights: &Weights<'_>, input_size: usize) -> Result<Conv, Error> {
    let (weight, bias) = weights.normalized("_conv_stem", "_bn0", [32, 3, 3, 3], EPSILON)?;
    let shift = 1 - input_size % 2;
    let kernel = Array4::from_shape_fn((32, 3, 3 + shift, 3 + shift), |(o, i, y, x)| {
        weight.get([o, i, y.wrapping_sub(shift), x.wrapping_sub(shift)]).copied().unwrap_or(0.0)
    });
    Ok(Conv::new((isa, Precision::F32), kernel.view(), &bias, 2, 1)?)
}

/// Kernel (O, I, 1, 1) and bias (O) with zeros up to the next multiples of 16.
fn padded(weight: &Array4<f32>, mut bias: Vec<f32>) -> (Array4<f32>, Vec<f32>) {
    let (outputs, inputs, ..) = weight.dim();
    let shape = (outputs.next_multiple_of(16), inputs.next_multiple_of(16), 1, 1);
    let kernel = Array4::from_shape_fn(shape, |place| weight.get(place).copied().unwrap_or(0.0));
    bias.resize(outputs.next_multiple_of(16), 0.0);
    (kernel, bias)
}

impl Extractor for EfficientNetLite0 {
    fn name(&self) -> String {
        format!("efficientnet_lite0@{}{}", self.0.input_size, suffix(self.0.precision))
    }

    fn dim(&self) -> usize {
        DIM
    }

    fn input_size(&self) -> usize {
        self.0.input_size
    }

    fn fingerprint(&self) -> String {
        let settings = format!("{} {}", self.name(), Self::NORMALIZATION);
        fingerprint(self.0.isa, self.0.precision, &[settings.as_bytes(), PARTS[0], PARTS[1]])
    }

    fn settings(&self) -> Option<ExtractorSettings> {
        let Embedded { input_size, precision, .. } = self.0;
        Some(ExtractorSettings::EfficientNetLite0 { input_size, precision })
    }

    fn extract_with(
        &self,
        images: ArrayView4<'_, u8>,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Array2<f32>, Error> {
        self.0.network()?.extract(&self.name(), images, progress)
    }
}
