//! A frozen convolutional network as a list of layers, run on many images at once.

use std::ops::RangeInclusive;
use std::sync::{Mutex, OnceLock};

use mlprobe_data::normalize::Normalization;
use mlprobe_kernels::{Conv, Depthwise, Finish, Isa, Map, MaxPool, Precision};
use ndarray::{Array2, Array3, ArrayView1, ArrayView3, ArrayView4, ArrayViewMut1, ArrayViewMut2, Axis};
use rayon::prelude::*;

use crate::Error;
use crate::extractor::all_finite;
use crate::resize::Resizer;

/// Images that pass through the late, small maps together, so that each weight loaded serves several.
const GROUP: usize = 7;

/// A network with weights that are part of the program: put together when it is first used.
pub(crate) struct Embedded {
    pub isa: Isa,
    pub precision: Precision,
    pub input_size: usize,
    build: fn(Isa, Precision, usize) -> Result<Network, Error>,
    network: OnceLock<Network>,
}

impl Embedded {
    /// In `f32`.
    pub fn new(
        isa: Isa,
        input_size: usize,
        build: fn(Isa, Precision, usize) -> Result<Network, Error>,
    ) -> Self {
        Self { isa, precision: Precision::F32, input_size, build, network: OnceLock::new() }
    }

    /// The same in another precision.
    pub fn in_precision(self, precision: Precision) -> Self {
        Self { precision, network: OnceLock::new(), ..self }
    }

    /// The network, which is built now if it has not been.
    pub fn network(&self) -> Result<&Network, Error> {
        if let Some(network) = self.network.get() {
            return Ok(network);
        }
        let network = (self.build)(self.isa, self.precision, self.input_size)?;
        Ok(self.network.get_or_init(|| network))
    }
}

/// Refuses an input size, in pixels, that `operation` cannot take.
pub(crate) fn check_input_size(
    operation: &'static str,
    input_size: usize,
    accepted: RangeInclusive<usize>,
) -> Result<(), Error> {
    if accepted.contains(&input_size) {
        return Ok(());
    }
    let expected = format!("an input size of {accepted:?}");
    Err(Error::Shape { operation, expected, actual: input_size.to_string() })
}

/// Images in, the last map averaged over its pixels out.
pub(crate) struct Network {
    pub isa: Isa,
    /// Images are resized to this many pixels, squared.
    pub input_size: usize,
    pub normalization: Normalization,
    /// D, the channels of the last map.
    pub dim: usize,
    /// Layers with large maps: each image goes through on its own, because its maps fill the cache.
    pub early: Vec<Layer>,
    /// Layers with small maps: a group of images goes through together.
    pub late: Vec<Layer>,
    pub spare: Spare,
}

/// Memory that threads have used and that later calls use again. Without it, the extraction of a single image would begin with
/// new memory, which the system has to provide and the maps have to clear.
#[derive(Default)]
pub(crate) struct Spare(Mutex<Vec<Scratch>>);

/// What a thread works in.
struct Scratch {
    resizer: Resizer,
    maps: Maps,
}

/// From a map x to a map y.
pub(crate) enum Layer {
    /// y = relu(conv(x)), or what else it finishes with
    Conv(Conv, Finish),
    /// y = the largest values of x
    Pool(MaxPool),
    /// s = relu(squeeze(x)), y = [relu(expand1x1(s)), relu(expand3x3(s))] along the channels
    Fire { squeeze: Conv, expand1x1: Conv, expand3x3: Conv },
    /// s = relu(first(x)), y = relu(second(s) + shortcut(x)), where no shortcut means x itself
    Residual { first: Conv, second: Conv, shortcut: Option<Conv> },
    /// e = relu6(expand(x)), or x without one; y = project(relu6(depthwise(e))), plus x if `residual`
    Inverted { expand: Option<Conv>, depthwise: Depthwise, project: Conv, residual: bool },
}

/// The maps of one thread: a layer reads `x` and writes `y`, then they swap.
#[derive(Default)]
struct Maps {
    x: Map,
    y: Map,
    /// s, inside a layer.
    inner: Map,
    /// The maps of a group between the early and the late layers.
    group: Map,
}

impl Network {
    /// Images (N, height, width, 3) to features (N, D); see [`Extractor::extract`](crate::Extractor::extract).
    /// `name` stands in errors.
    pub fn extract(
        &self,
        name: &str,
        images: ArrayView4<'_, u8>,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Array2<f32>, Error> {
        let mut features = Array2::zeros((images.dim().0, self.dim));
        features
            .axis_chunks_iter_mut(Axis(0), GROUP)
            .into_par_iter()
            .zip(images.axis_chunks_iter(Axis(0), GROUP))
            .try_for_each(|(rows, images)| {
                let (count, mut scratch) = (rows.nrows(), self.scratch());
                self.forward(&mut scratch, images, rows)?;
                self.leave(scratch);
                progress(count);
                Ok::<(), Error>(())
            })?;
        all_finite(name, features)
    }

    /// The map (height, width, channels) after each layer, for one image.
    pub fn layer_maps(&self, image: ArrayView3<'_, u8>) -> Result<Vec<Array3<f32>>, Error> {
        let Scratch { mut resizer, mut maps } = self.scratch();
        self.resize(&mut resizer, image, &mut maps.x)?;
        let layers = self.early.iter().chain(&self.late);
        layers
            .map(|layer| {
                self.run(std::slice::from_ref(layer), &mut maps)?;
                let (_, height, width, channels) = maps.x.shape();
                let mut map = Array3::zeros((height, width, channels));
                map.iter_mut().zip(maps.x.data()).for_each(|(to, from)| *to = *from);
                Ok(map)
            })
            .collect()
    }

    /// N ≤ GROUP images to their features (N, D).
    fn forward(
        &self,
        Scratch { resizer, maps }: &mut Scratch,
        images: ArrayView4<'_, u8>,
        mut features: ArrayViewMut2<'_, f32>,
    ) -> Result<(), Error> {
        for (i, image) in images.outer_iter().enumerate() {
            self.resize(resizer, image, &mut maps.x)?;
            self.run(&self.early, maps)?;
            let ((_, height, width, channels), numbers) = (maps.x.shape(), maps.x.data());
            maps.group.reshape((images.dim().0, height, width, channels))?;
            maps.group.data_mut()[i * numbers.len()..][..numbers.len()].copy_from_slice(numbers);
        }
        std::mem::swap(&mut maps.x, &mut maps.group);
        self.run(&self.late, maps)?;
        for (map, row) in maps.x.images().zip(features.outer_iter_mut()) {
            average_pool(map, row);
        }
        Ok(())
    }

    /// What another thread has left, or new. Nobody waits: a lock that is taken, perhaps by a thread that a `fork` has left
    /// behind, is as good as none.
    fn scratch(&self) -> Scratch {
        let left = self.spare.0.try_lock().ok().and_then(|mut spare| spare.pop());
        left.unwrap_or_else(|| Scratch {
            resizer: Resizer::new(self.isa, self.input_size, self.normalization),
            maps: Maps::default(),
        })
    }

    fn leave(&self, scratch: Scratch) {
        if let Ok(mut spare) = self.spare.0.try_lock() {
            spare.push(scratch);
        }
    }

    fn resize(&self, resizer: &mut Resizer, image: ArrayView3<'_, u8>, x: &mut Map) -> Result<(), Error> {
        x.reshape((1, self.input_size, self.input_size, 3))?;
        resizer.resize(image, x.data_mut())
    }

    /// Sends `maps.x` through the layers, and leaves the result there.
    fn run(&self, layers: &[Layer], maps: &mut Maps) -> Result<(), Error> {
        for layer in layers {
            let Maps { x, y, inner, .. } = maps;
            let (n, height, width, channels) = x.shape();
            match layer {
                Layer::Conv(conv, finish) => {
                    reshape_for(conv, x, y)?;
                    conv.forward(x, y, 0, *finish)?;
                }
                Layer::Pool(pool) => {
                    y.reshape((n, pool.output_size(height), pool.output_size(width), channels))?;
                    pool.forward(self.isa, x, y)?;
                }
                Layer::Fire { squeeze, expand1x1, expand3x3 } => {
                    reshape_for(squeeze, x, inner)?;
                    squeeze.forward(x, inner, 0, Finish::Relu)?;
                    let half = expand1x1.out_channels();
                    y.reshape((n, height, width, half + expand3x3.out_channels()))?;
                    expand1x1.forward(inner, y, 0, Finish::Relu)?;
                    expand3x3.forward(inner, y, half, Finish::Relu)?;
                }
                Layer::Residual { first, second, shortcut } => {
                    reshape_for(first, x, inner)?;
                    first.forward(x, inner, 0, Finish::Relu)?;
                    reshape_for(second, inner, y)?;
                    match shortcut {
                        Some(shortcut) => shortcut.forward(x, y, 0, Finish::Store)?,
                        None => y.data_mut().copy_from_slice(x.data()),
                    }
                    second.forward(inner, y, 0, Finish::AddRelu)?;
                }
                Layer::Inverted { expand, depthwise, project, residual } => {
                    let expanded = match expand {
                        Some(expand) => {
                            reshape_for(expand, x, inner)?;
                            expand.forward(x, inner, 0, Finish::Relu6)?;
                            &*inner
                        }
                        None => &*x,
                    };
                    let (height, width) = (depthwise.output_size(height), depthwise.output_size(width));
                    y.reshape((n, height, width, expanded.shape().3))?;
                    depthwise.forward(expanded, y, Finish::Relu6)?;
                    // Nothing but the residual reads x again, so it takes the result.
                    if !residual {
                        x.reshape((n, height, width, project.out_channels()))?;
                    }
                    project.forward(y, x, 0, if *residual { Finish::Add } else { Finish::Store })?;
                    continue;
                }
            }
            std::mem::swap(x, y);
        }
        Ok(())
    }
}

/// Gives `y` the shape of conv(x).
fn reshape_for(conv: &Conv, x: &Map, y: &mut Map) -> Result<(), Error> {
    let (n, height, width, _) = x.shape();
    let (height, width) = conv.output_size(height, width);
    Ok(y.reshape((n, height, width, conv.out_channels()))?)
}

/// Mean over the pixels of one image: (height · width, D) to (D).
fn average_pool(pixels: &[f32], mut mean: ArrayViewMut1<'_, f32>) {
    let count = pixels.len() / mean.len();
    mean.fill(0.0);
    for pixel in pixels.chunks_exact(mean.len()) {
        mean += &ArrayView1::from(pixel);
    }
    mean /= count as f32;
}
