//! SqueezeNet 1.1 (Iandola et al., arXiv:1602.07360), frozen, without its classifier.

use mlprobe_data::normalize::Normalization;
use mlprobe_kernels::{Conv, Finish, Isa, Map, MaxPool};
use ndarray::{Array2, ArrayView3, ArrayView4, ArrayViewMut1, Axis};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::resize::Resizer;
use crate::weights::Weights;
use crate::{Error, Extractor};

/// The authors' ImageNet weights, conv1 to fire9; origin and licence are in `weights/ORIGIN.md`.
const WEIGHTS: &[u8] = include_bytes!("../weights/squeezenet1_1_features.safetensors");

/// What the network was trained on: RGB/255 minus this mean, not scaled further.
const NORMALIZATION: Normalization =
    Normalization { mean: [0.481_094_12, 0.457_525_5, 0.407_866_68], std: [1.0, 1.0, 1.0] };

const POOL: MaxPool = MaxPool { padding: 0, ceil: true };

/// Images that pass through the late, small maps together, so that each weight loaded serves several.
const GROUP: usize = 7;

/// SqueezeNet 1.1 with its weights built in: 512 numbers an image, the last fire module averaged over its pixels.
///
/// ```
/// use mlprobe_features::{Extractor, SqueezeNet};
/// use ndarray::Array4;
///
/// let images = Array4::from_elem((2, 32, 32, 3), 128_u8); // (N, height, width, 3), any height and width
/// let features = SqueezeNet::new(64)?.extract(images.view(), &|_| ())?;
/// assert_eq!(features.dim(), (2, 512));
/// # Ok::<(), mlprobe_features::Error>(())
/// ```
pub struct SqueezeNet {
    isa: Isa,
    input_size: usize,
    conv1: Conv,
    /// Before the third pool; each image goes through on its own, because its maps fill the cache.
    early: Vec<Layer>,
    /// After the third pool; a group of images goes through together.
    late: Vec<Layer>,
}

enum Layer {
    Pool,
    Fire { squeeze: Conv, expand1x1: Conv, expand3x3: Conv },
}

/// The maps of one thread: a layer reads `x` and writes `y`, then they swap.
struct Arena {
    resizer: Resizer,
    input: Map,
    x: Map,
    y: Map,
    squeezed: Map,
    group: Map,
}

impl SqueezeNet {
    /// The input size the project uses unless told otherwise, in pixels.
    pub const DEFAULT_INPUT_SIZE: usize = 128;
    /// The smallest input the network can take: one pixel is left after its strides.
    pub const MIN_INPUT_SIZE: usize = 16;
    /// The largest input size accepted, a bound on memory per thread.
    pub const MAX_INPUT_SIZE: usize = 1024;

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
        if !(Self::MIN_INPUT_SIZE..=Self::MAX_INPUT_SIZE).contains(&input_size) {
            return Err(Error::Shape {
                operation: "SqueezeNet::new",
                expected: format!("an input size of {}..={}", Self::MIN_INPUT_SIZE, Self::MAX_INPUT_SIZE),
                actual: input_size.to_string(),
            });
        }
        let weights = Weights::parse(WEIGHTS)?;
        let fire = |index: usize| -> Result<Layer, Error> {
            let conv =
                |part: &str, padding| weights.conv(isa, &format!("features.{index}.{part}"), 1, padding);
            Ok(Layer::Fire {
                squeeze: conv("squeeze", 0)?,
                expand1x1: conv("expand1x1", 0)?,
                expand3x3: conv("expand3x3", 1)?,
            })
        };
        Ok(Self {
            isa,
            input_size,
            conv1: weights.conv(isa, "features.0", 2, 0)?,
            early: vec![Layer::Pool, fire(3)?, fire(4)?, Layer::Pool, fire(6)?, fire(7)?, Layer::Pool],
            late: vec![fire(9)?, fire(10)?, fire(11)?, fire(12)?],
        })
    }

    /// N ≤ GROUP images to their features.
    fn forward(
        &self,
        arena: &mut Arena,
        images: ArrayView4<'_, u8>,
        mut features: ndarray::ArrayViewMut2<'_, f32>,
    ) -> Result<(), Error> {
        for (i, image) in images.outer_iter().enumerate() {
            self.forward_early(arena, image)?;
            let (_, height, width, channels) = arena.x.shape();
            arena.group.reshape((images.dim().0, height, width, channels));
            arena.group.image_mut(i).copy_from_slice(arena.x.data());
        }
        std::mem::swap(&mut arena.x, &mut arena.group);
        self.run(&self.late, arena)?;
        for (i, row) in features.outer_iter_mut().enumerate() {
            average_pool(arena.x.image(i), row);
        }
        Ok(())
    }

    /// One image to its map after the third pool, left in `arena.x`.
    fn forward_early(&self, arena: &mut Arena, image: ArrayView3<'_, u8>) -> Result<(), Error> {
        arena.input.reshape((1, self.input_size, self.input_size, 3));
        arena.resizer.resize(image, arena.input.data_mut())?;
        let (height, width) = self.conv1.output_size(self.input_size, self.input_size);
        arena.x.reshape((1, height, width, self.conv1.out_channels()));
        self.conv1.forward(&arena.input, &mut arena.x, 0, Finish::Relu)?;
        self.run(&self.early, arena)
    }

    /// Sends `arena.x` through the layers, and leaves the result there.
    fn run(&self, layers: &[Layer], arena: &mut Arena) -> Result<(), Error> {
        for layer in layers {
            let (n, height, width, channels) = arena.x.shape();
            match layer {
                Layer::Pool => {
                    arena.y.reshape((n, POOL.output_size(height), POOL.output_size(width), channels));
                    POOL.forward(self.isa, &arena.x, &mut arena.y)?;
                }
                // s = relu(squeeze(x));  y = [relu(expand1x1(s)), relu(expand3x3(s))] along the channels
                Layer::Fire { squeeze, expand1x1, expand3x3 } => {
                    arena.squeezed.reshape((n, height, width, squeeze.out_channels()));
                    squeeze.forward(&arena.x, &mut arena.squeezed, 0, Finish::Relu)?;
                    let half = expand1x1.out_channels();
                    arena.y.reshape((n, height, width, half + expand3x3.out_channels()));
                    expand1x1.forward(&arena.squeezed, &mut arena.y, 0, Finish::Relu)?;
                    expand3x3.forward(&arena.squeezed, &mut arena.y, half, Finish::Relu)?;
                }
            }
            std::mem::swap(&mut arena.x, &mut arena.y);
        }
        Ok(())
    }

    fn arena(&self) -> Arena {
        Arena {
            resizer: Resizer::new(self.isa, self.input_size, NORMALIZATION),
            input: Map::default(),
            x: Map::default(),
            y: Map::default(),
            squeezed: Map::default(),
            group: Map::default(),
        }
    }
}

impl Extractor for SqueezeNet {
    fn name(&self) -> String {
        format!("squeezenet1_1@{}", self.input_size)
    }

    fn dim(&self) -> usize {
        512
    }

    fn fingerprint(&self) -> String {
        let digest = Sha256::new()
            .chain_update(format!("{} {} {NORMALIZATION:?} ", self.name(), self.isa))
            .chain_update(WEIGHTS)
            .finalize();
        crate::hex(&digest)
    }

    fn extract(
        &self,
        images: ArrayView4<'_, u8>,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Array2<f32>, Error> {
        let mut features = Array2::zeros((images.dim().0, self.dim()));
        features
            .axis_chunks_iter_mut(Axis(0), GROUP)
            .into_par_iter()
            .zip(images.axis_chunks_iter(Axis(0), GROUP))
            .try_for_each_init(
                || self.arena(),
                |arena, (rows, images)| {
                    let count = rows.nrows();
                    self.forward(arena, images, rows)?;
                    progress(count);
                    Ok::<(), Error>(())
                },
            )?;
        match features.indexed_iter().find(|(_, value)| !value.is_finite()) {
            Some(((row, column), &value)) => {
                Err(Error::NotFinite { extractor: self.name(), row, column, value })
            }
            None => Ok(features),
        }
    }
}

/// Mean over the pixels of one image: (height · width, D) to (D).
fn average_pool(pixels: &[f32], mut mean: ArrayViewMut1<'_, f32>) {
    let count = pixels.len() / mean.len();
    mean.fill(0.0);
    for pixel in pixels.chunks_exact(mean.len()) {
        mean.iter_mut().zip(pixel).for_each(|(sum, x)| *sum += x);
    }
    mean /= count as f32;
}
