//! SqueezeNet 1.1 (Iandola et al., arXiv:1602.07360), frozen, without its classifier.

use mlprobe_data::normalize::Normalization;
use mlprobe_kernels::{Finish, Isa, MaxPool, Precision};
use ndarray::{Array2, ArrayView4};

use crate::extractor::{fingerprint, suffix};
use crate::network::{Embedded, Layer, Network, Spare, check_input_size};
use crate::weights::Weights;
use crate::{Error, Extractor, ExtractorSettings};

/// D
const DIM: usize = 512;

/// The authors' ImageNet weights, conv1 to fire9; origin and licence are in `weights/ORIGIN.md`.
const WEIGHTS: &[u8] = include_bytes!("../weights/squeezenet1_1_features.safetensors");

const POOL: MaxPool = MaxPool { padding: 0, ceil: true };

/// SqueezeNet 1.1 with its weights built in: 512 numbers an image, the last fire module averaged over its pixels.
///
/// ```
/// use mlprobe_features::{Extractor, SqueezeNet};
/// use ndarray::Array4;
///
/// let images = Array4::from_elem((2, 32, 32, 3), 128_u8); // (N, height, width, 3), any height and width
/// let features = SqueezeNet::default().extract(&images)?;
/// assert_eq!(features.dim(), (2, 512));
/// # Ok::<(), mlprobe_features::Error>(())
/// ```
pub struct SqueezeNet(Embedded);

impl SqueezeNet {
    /// The input size the project uses unless told otherwise, in pixels.
    pub const DEFAULT_INPUT_SIZE: usize = 128;
    /// The smallest input the network can take: one pixel is left after its strides.
    pub const MIN_INPUT_SIZE: usize = 16;
    /// The largest input size accepted, a bound on memory per thread.
    pub const MAX_INPUT_SIZE: usize = 1024;
    /// What the network was trained on: RGB/255 minus this mean, not scaled further.
    pub const NORMALIZATION: Normalization =
        Normalization { mean: [0.481_094_12, 0.457_525_5, 0.407_866_7], std: [1.0, 1.0, 1.0] };

    /// The network on images resized to `input_size` × `input_size` pixels.
    ///
    /// # Errors
    /// [`Error::Shape`] if `input_size` is not in 16..=1024.
    pub fn new(input_size: usize) -> Result<Self, Error> {
        Self::with_isa(Isa::current(), input_size)
    }

    /// The same on a given instruction set.
    ///
    /// # Errors
    /// As [`SqueezeNet::new`].
    pub fn with_isa(isa: Isa, input_size: usize) -> Result<Self, Error> {
        check_input_size("SqueezeNet::new", input_size, Self::MIN_INPUT_SIZE..=Self::MAX_INPUT_SIZE)?;
        let network = Self::unbuilt(isa, input_size);
        network.0.network()?;
        Ok(network)
    }

    /// The same with the products of its convolutions in another precision; [`Conv::new`](mlprobe_kernels::Conv::new) says
    /// which stay in `f32`: in bf16 the 3 × 3 ones of the fire modules, in bf16x3 the first layer.
    ///
    /// ```
    /// use mlprobe_features::{Extractor, Precision, SqueezeNet};
    ///
    /// let network = SqueezeNet::default().in_precision(Precision::Bf16);
    /// assert_eq!(network.name(), "squeezenet1_1@128-bf16");
    /// ```
    pub fn in_precision(self, precision: Precision) -> Self {
        Self(self.0.in_precision(precision))
    }

    fn unbuilt(isa: Isa, input_size: usize) -> Self {
        Self(Embedded::new(isa, input_size, build))
    }
}

impl Default for SqueezeNet {
    /// The network on images resized to 128 × 128 pixels. It is put together when it is first used.
    fn default() -> Self {
        Self::unbuilt(Isa::current(), Self::DEFAULT_INPUT_SIZE)
    }
}

fn build(isa: Isa, precision: Precision, input_size: usize) -> Result<Network, Error> {
    let weights = Weights::parse(&[WEIGHTS])?;
    let conv = |name: String, stride, padding| weights.conv((isa, precision), &name, stride, padding);
    let fire = |index: usize| -> Result<Layer, Error> {
        Ok(Layer::Fire {
            squeeze: conv(format!("features.{index}.squeeze"), 1, 0)?,
            expand1x1: conv(format!("features.{index}.expand1x1"), 1, 0)?,
            expand3x3: conv(format!("features.{index}.expand3x3"), 1, 1)?,
        })
    };
    let conv1 = Layer::Conv(conv("features.0".into(), 2, 0)?, Finish::Relu);
    Ok(Network {
        isa,
        input_size,
        normalization: SqueezeNet::NORMALIZATION,
        dim: DIM,
        early: vec![
            conv1,
            Layer::Pool(POOL),
            fire(3)?,
            fire(4)?,
            Layer::Pool(POOL),
            fire(6)?,
            fire(7)?,
            Layer::Pool(POOL),
        ],
        late: vec![fire(9)?, fire(10)?, fire(11)?, fire(12)?],
        spare: Spare::default(),
    })
}

impl Extractor for SqueezeNet {
    fn name(&self) -> String {
        format!("squeezenet1_1@{}{}", self.0.input_size, suffix(self.0.precision))
    }

    fn dim(&self) -> usize {
        DIM
    }

    fn input_size(&self) -> usize {
        self.0.input_size
    }

    fn fingerprint(&self) -> String {
        let settings = format!("{} {}", self.name(), Self::NORMALIZATION);
        fingerprint(self.0.isa, self.0.precision, &[settings.as_bytes(), WEIGHTS])
    }

    fn settings(&self) -> Option<ExtractorSettings> {
        let Embedded { input_size, precision, .. } = self.0;
        Some(ExtractorSettings::SqueezeNet { input_size, precision })
    }

    fn extract_with(
        &self,
        images: ArrayView4<'_, u8>,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Array2<f32>, Error> {
        self.0.network()?.extract(&self.name(), images, progress)
    }
}
