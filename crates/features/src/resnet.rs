//! ResNet-18 (He et al., arXiv:1512.03385) as torchvision has it, frozen, without its classifier.

use std::path::Path;

use mlprobe_data::normalize::Normalization;
use mlprobe_kernels::{Conv, Finish, Isa, MaxPool, Precision};
use ndarray::{Array2, Array3, ArrayView3, ArrayView4};
use sha2::{Digest, Sha256};

use crate::extractor::{fingerprint, suffix};
use crate::network::{Layer, Network, Spare, check_input_size};
use crate::weights::Weights;
use crate::{Error, Extractor, ExtractorSettings};

/// D
const DIM: usize = 512;

/// ResNet-18 with weights from a file: 512 numbers an image, the last block averaged over its pixels.
///
/// The file is a safetensors file under torchvision's tensor names, such as timm's `resnet18.tv_in1k`. Batch
/// normalization is folded into the convolutions when the file is loaded.
pub struct ResNet18 {
    network: Network,
    precision: Precision,
    /// Of the weight file, hexadecimal.
    digest: String,
}

impl ResNet18 {
    /// The input size the network was trained at, in pixels.
    pub const DEFAULT_INPUT_SIZE: usize = 224;
    /// The smallest input size accepted.
    pub const MIN_INPUT_SIZE: usize = 32;
    /// The largest input size accepted, a bound on memory per thread.
    pub const MAX_INPUT_SIZE: usize = 1024;

    /// torchvision's weights IMAGENET1K_V1 (BSD-3-Clause), as timm publishes them: 46.8 MB. With the feature `fetch`.
    ///
    /// ```no_run
    /// use mlprobe_data::fetch::{Timeouts, fetch_file};
    /// use mlprobe_features::{Normalization, ResNet18};
    ///
    /// let path = "resnet18/model.safetensors";
    /// fetch_file(&ResNet18::remote(), path, &Timeouts::default(), &mut |_progress| ())?;
    /// let network = ResNet18::load(path, ResNet18::DEFAULT_INPUT_SIZE, Normalization::IMAGENET)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "fetch")]
    pub fn remote() -> mlprobe_data::fetch::Remote {
        mlprobe_data::fetch::Remote {
            url: "https://huggingface.co/timm/resnet18.tv_in1k/resolve/main/model.safetensors".into(),
            size: 46_807_446,
            sha256: "694f673df6520a3158624e8a89af086f59923ee4cd7436fe5bc3bc71d295ad81".into(),
        }
    }

    /// Reads the weights at `path`. Images are resized to `input_size` × `input_size` pixels and normalized: with
    /// [`Normalization::IMAGENET`] as the network was trained, or with [`Normalization::DIV255`] as the course had it.
    ///
    /// # Errors
    /// [`Error::Shape`] if `input_size` is not in 32..=1024, [`Error::Io`] if the file cannot be read,
    /// [`Error::Weights`] if it does not hold the network.
    pub fn load(
        path: impl AsRef<Path>,
        input_size: usize,
        normalization: Normalization,
    ) -> Result<Self, Error> {
        Self::load_in(Precision::F32, path, input_size, normalization)
    }

    /// [`ResNet18::load`] with the products of its convolutions in a given precision; [`Conv::new`](mlprobe_kernels::Conv::new)
    /// says which stay in `f32`: in bf16 the 3 × 3 ones of stride 1 with up to 256 channels, in bf16x3 the first layer.
    ///
    /// # Errors
    /// As [`ResNet18::load`].
    pub fn load_in(
        precision: Precision,
        path: impl AsRef<Path>,
        input_size: usize,
        normalization: Normalization,
    ) -> Result<Self, Error> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|source| Error::Io {
            operation: "reading the weights",
            path: path.into(),
            source,
        })?;
        Self::from_bytes(precision, Isa::current(), &bytes, input_size, normalization)
            .map_err(|error| error.of_file(path))
    }

    /// The same from a file's content, in a given precision on a given instruction set.
    ///
    /// # Errors
    /// As [`ResNet18::load`].
    pub fn from_bytes(
        precision: Precision,
        isa: Isa,
        bytes: &[u8],
        input_size: usize,
        normalization: Normalization,
    ) -> Result<Self, Error> {
        check_input_size("ResNet18", input_size, Self::MIN_INPUT_SIZE..=Self::MAX_INPUT_SIZE)?;
        let weights = Weights::parse(&[bytes])?;
        let conv = |name: &str, norm: &str, shape, stride, padding| -> Result<Conv, Error> {
            let (weight, bias) = weights.normalized(name, norm, shape, 1e-5)?;
            Ok(Conv::new((isa, precision), weight.view(), &bias, stride, padding)?)
        };
        let block = |stage: usize, index: usize| -> Result<Layer, Error> {
            let stride = if stage > 1 && index == 0 { 2 } else { 1 };
            let outputs = 32 << stage;
            let inputs = outputs / stride;
            let part = |name: &str| format!("layer{stage}.{index}.{name}");
            let shortcut = (stride > 1)
                .then(|| {
                    conv(&part("downsample.0"), &part("downsample.1"), [outputs, inputs, 1, 1], stride, 0)
                })
                .transpose()?;
            Ok(Layer::Residual {
                first: conv(&part("conv1"), &part("bn1"), [outputs, inputs, 3, 3], stride, 1)?,
                second: conv(&part("conv2"), &part("bn2"), [outputs, outputs, 3, 3], 1, 1)?,
                shortcut,
            })
        };
        let stem = [
            Layer::Conv(conv("conv1", "bn1", [64, 3, 7, 7], 2, 3)?, Finish::Relu),
            Layer::Pool(MaxPool { padding: 1, ceil: false }),
        ];
        let blocks = |stages: [usize; 2]| -> Result<Vec<Layer>, Error> {
            stages.into_iter().flat_map(|stage| [(stage, 0), (stage, 1)]).map(|(s, i)| block(s, i)).collect()
        };
        Ok(Self {
            network: Network {
                isa,
                input_size,
                normalization,
                dim: DIM,
                early: stem.into_iter().chain(blocks([1, 2])?).collect(),
                late: blocks([3, 4])?,
                spare: Spare::default(),
            },
            precision,
            digest: mlprobe_files::hex(&Sha256::digest(bytes)),
        })
    }
}

impl ResNet18 {
    /// For one image (height, width, 3), the map (height, width, channels) after each layer: to see where two
    /// implementations differ.
    ///
    /// # Errors
    /// As [`Extractor::extract`].
    pub fn layer_maps(&self, image: ArrayView3<'_, u8>) -> Result<Vec<Array3<f32>>, Error> {
        self.network.layer_maps(image)
    }
}

impl Extractor for ResNet18 {
    fn name(&self) -> String {
        let Network { input_size, normalization, .. } = self.network;
        format!("resnet18@{input_size}-{normalization}{}", suffix(self.precision))
    }

    fn dim(&self) -> usize {
        DIM
    }

    fn input_size(&self) -> usize {
        self.network.input_size
    }

    fn fingerprint(&self) -> String {
        fingerprint(self.network.isa, self.precision, &[self.name().as_bytes(), self.digest.as_bytes()])
    }

    /// It does not say where the weights were.
    fn settings(&self) -> Option<ExtractorSettings> {
        let Network { input_size, normalization, .. } = self.network;
        let precision = self.precision;
        Some(ExtractorSettings::ResNet18 { input_size, normalization, weights: None, precision })
    }

    fn extract_with(
        &self,
        images: ArrayView4<'_, u8>,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Array2<f32>, Error> {
        self.network.extract(&self.name(), images, progress)
    }
}
