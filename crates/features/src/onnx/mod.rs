//! Any network in an ONNX file, run by the runtime `rten`.

mod model;
mod narrow;
mod operators;
mod rewrite;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use half::f16;
use mlprobe_data::normalize::Normalization;
use mlprobe_kernels::{Isa, Precision};
use ndarray::{Array2, ArrayView1, ArrayView3, ArrayView4};
use rten::{Model, ModelOptions, RunOptions, ThreadPool, Value};
use rten_tensor::Layout as _;

use self::model::{Input, Layout, Numbers};
use self::operators::Refusal;
use crate::extractor::{all_finite, fingerprint};
use crate::resize::Resizer;
use crate::settings::Pool;
use crate::{Error, Extractor, ExtractorSettings};

pub use self::operators::table as onnx_operators;

/// How a network of an ONNX file is used.
///
/// ```
/// use mlprobe_features::{Extractor, Normalization, Onnx, OnnxOptions, Pool};
///
/// let options = OnnxOptions {
///     input_size: Some(16),
///     normalization: Some(Normalization::DIV255),
///     output: Some("tokens".into()),
///     pool: Some(Pool::Cls),
/// };
/// let network = Onnx::load("tests/golden/onnx/tokens.onnx", options)?;
/// assert_eq!((network.name().as_str(), network.dim()), ("tokens.onnx#tokens#cls@16-div255", 6));
/// # Ok::<(), mlprobe_features::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OnnxOptions {
    /// The side in pixels that images are resized to; by default what the file asks for, else
    /// [`Onnx::DEFAULT_INPUT_SIZE`].
    pub input_size: Option<usize>,
    /// How pixels are scaled, by default [`Normalization::IMAGENET`]. A network that takes bytes has none.
    pub normalization: Option<Normalization>,
    /// The name of an output, or of any other value in the network; by default the first output.
    pub output: Option<String>,
    /// What is made of an output of tokens (N, T, D), which needs it.
    pub pool: Option<Pool>,
}

/// A network from an ONNX file (feature `onnx`): its output for an image, as many numbers as the file says.
///
/// The only input has to be images (N, 3, height, width) or (N, height, width, 3), RGB: normalized numbers as float or
/// float16, or bytes (uint8). The output is (N, D); maps, in the input's order of axes, which are averaged over their
/// pixels; or tokens (N, T, D). An exported classifier gives its K logits, one without its last layer the features before
/// it. Weights are in the file or in files beside it.
///
/// Operators and attributes that are not proven to give the numbers of ONNX Runtime are refused: `docs/onnx.md` lists
/// those that are.
///
/// ```
/// use mlprobe_features::{Extractor, Onnx, OnnxOptions};
/// use ndarray::Array4;
///
/// let network = Onnx::load("tests/golden/onnx/flat.onnx", OnnxOptions::default())?;
/// assert_eq!((network.name().as_str(), network.dim()), ("flat.onnx@16-imagenet", 7));
/// let features = network.extract(&Array4::zeros((2, 32, 32, 3)))?;
/// assert_eq!(features.dim(), (2, 7));
/// # Ok::<(), mlprobe_features::Error>(())
/// ```
pub struct Onnx {
    model: Model,
    /// The name of the file.
    file: String,
    /// The output that was asked for; `None` for the first.
    output: Option<String>,
    /// Of the file and its weights, hexadecimal.
    digest: String,
    input_size: usize,
    /// `None` for a network that takes bytes.
    normalization: Option<Normalization>,
    input: Input,
    pool: Option<Pool>,
    /// D
    dim: usize,
}

/// What one thread needs: a thread of the runtime, an image (S, S, 3), and how to make it.
struct Worker {
    options: RunOptions,
    resizer: Resizer,
    image: Vec<f32>,
}

/// A normalization that leaves bytes as they are: (x/255 - 0)/(1/255).
const BYTES: Normalization = Normalization { mean: [0.0; 3], std: [1.0 / 255.0; 3] };

impl Onnx {
    /// The side of the input in pixels where neither the file nor the caller says, that of most networks.
    pub const DEFAULT_INPUT_SIZE: usize = 224;
    /// The largest input size accepted, a bound on memory per thread.
    pub const MAX_INPUT_SIZE: usize = 1024;

    /// Reads the network at `path`.
    ///
    /// # Errors
    /// [`Error::Io`] if the file, or one with its weights, cannot be read; [`Error::Onnx`] if it is not an ONNX model, has
    /// an operator or attribute that is not proven, does not take images of that size, or gives something else than rows,
    /// maps or tokens.
    pub fn load(path: impl AsRef<Path>, options: OnnxOptions) -> Result<Self, Error> {
        let path = path.as_ref();
        let wrong = |expected: &str, actual: String| Error::Onnx {
            path: path.into(),
            expected: expected.into(),
            actual,
        };
        let model::Network { bytes, digest, input } = model::read(path, options.output.as_deref())?;
        let OnnxOptions { input_size, normalization, output, pool } = options;
        let normalization = match (input.numbers, normalization) {
            (Numbers::U8, Some(normalization)) => {
                return Err(wrong(
                    "no normalization, because the network takes bytes",
                    normalization.to_string(),
                ));
            }
            (Numbers::U8, None) => None,
            (_, normalization) => Some(normalization.unwrap_or(Normalization::IMAGENET)),
        };
        let input_size =
            input_size_of(input.size, input_size).map_err(|(expected, actual)| wrong(&expected, actual))?;
        let mut runtime = ModelOptions::with_all_ops();
        let model = runtime.prepack_weights(true).load(bytes);
        let model =
            model.map_err(|error| wrong("an ONNX model that the runtime takes", error.to_string()))?;
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let file = file.into_owned();
        let mut network =
            Self { model, file, output, digest, input_size, normalization, input, pool, dim: 0 };

        // What the network gives, a black image tells.
        let mut worker = network.worker();
        let black = ArrayView3::from_shape((1, 1, 3), &[0; 3]);
        let black = black.map_err(|error| error.to_string());
        let value = black.and_then(|image| network.run(&mut worker, image));
        let value = value.map_err(|reason| wrong("a network that runs on one image", reason))?;
        network.dim = network.features(value).map_err(|actual| wrong(OUTPUT, actual))?.len();
        Ok(network)
    }

    /// All that the name says beside the file.
    fn suffix(&self) -> String {
        let choices = self.output.iter().cloned().chain(self.pool.map(|pool| pool.to_string()));
        let choice: String = choices.map(|choice| format!("#{choice}")).collect();
        let normalization = self.normalization.map(|normalization| format!("-{normalization}"));
        format!("{choice}@{}{}", self.input_size, normalization.unwrap_or_default())
    }

    /// A thread of its own keeps the runtime from splitting one image over threads, so that sums are always taken in
    /// the same order.
    fn worker(&self) -> Worker {
        let pool = Arc::new(ThreadPool::with_num_threads(1));
        Worker {
            options: RunOptions::default().with_thread_pool(Some(pool)),
            resizer: Resizer::new(Isa::current(), self.input_size, self.normalization.unwrap_or(BYTES)),
            image: vec![0.0; self.input_size * self.input_size * 3],
        }
    }

    /// Image (height, width, 3) to what the network gives.
    fn run(&self, worker: &mut Worker, image: ArrayView3<'_, u8>) -> Result<Value, String> {
        let Worker { options, resizer, image: resized } = worker;
        resizer.resize(image, resized).map_err(|error| error.to_string())?;
        let side = self.input_size;
        let (shape, mut numbers) = match self.input.layout {
            Layout::Pixels => ([1, side, side, 3], resized.clone()),
            Layout::Planes => {
                let planes = (0..3).flat_map(|c| resized.iter().skip(c).step_by(3).copied()).collect();
                ([1, 3, side, side], planes)
            }
        };
        let value = match self.input.numbers {
            Numbers::U8 => {
                let bytes: Vec<u8> = numbers.iter().map(|x| x.round() as u8).collect();
                Value::from_shape(shape, bytes).map_err(|error| error.to_string())?
            }
            kind => {
                if kind == Numbers::F16 {
                    numbers.iter_mut().for_each(|x| *x = f16::from_f32(*x).to_f32());
                }
                Value::from_shape(shape, numbers).map_err(|error| error.to_string())?
            }
        };
        self.model.run_one(value.into(), Some(options.clone())).map_err(|error| error.to_string())
    }

    /// What the network gives for one image to its features (D).
    fn features(&self, value: Value) -> Result<Vec<f32>, String> {
        if let Ok(([1, dim], numbers)) = value.clone().into_shape_vec::<f32, 2>()
            && dim > 0
        {
            return match self.pool {
                None => Ok(numbers),
                Some(_) => Err(format!("(1, {dim}), which has no tokens to pool")),
            };
        }
        if let Ok(([1, tokens, dim], numbers)) = value.clone().into_shape_vec::<f32, 3>()
            && tokens * dim > 0
        {
            return match self.pool {
                Some(Pool::Cls) => Ok(numbers[..dim].to_vec()),
                Some(Pool::Mean) => Ok(mean(numbers.chunks_exact(dim))),
                None => {
                    Err(format!("(1, {tokens}, {dim}): tokens, which need the option pool (cls or mean)"))
                }
            };
        }
        match (value.clone().into_shape_vec::<f32, 4>(), self.pool) {
            (Ok((shape @ [1, ..], _)), Some(_)) => Err(format!("{shape:?}, which has no tokens to pool")),
            (Ok(([1, a, b, c], numbers)), None) if a * b * c > 0 => Ok(match self.input.layout {
                // (D, height, width)
                Layout::Planes => {
                    let maps = numbers.chunks_exact(b * c);
                    maps.map(|map| map.iter().sum::<f32>() / (b * c) as f32).collect()
                }
                // (height, width, D)
                Layout::Pixels => mean(numbers.chunks_exact(c)),
            }),
            _ => Err(in_words(&value)),
        }
    }
}

/// The mean of some vectors.
fn mean<'a>(vectors: impl ExactSizeIterator<Item = &'a [f32]>) -> Vec<f32> {
    let count = vectors.len() as f32;
    let mut sums: Vec<f32> = Vec::new();
    for vector in vectors {
        sums.resize(vector.len(), 0.0);
        sums.iter_mut().zip(vector).for_each(|(sum, x)| *sum += x);
    }
    sums.iter().map(|sum| sum / count).collect()
}

/// The type and shape of a value.
fn in_words(value: &Value) -> String {
    let lengths: Vec<_> = value.shape().iter().map(usize::to_string).collect();
    format!("{:?} ({})", value.dtype(), lengths.join(", "))
}

const OUTPUT: &str = "an output of floats (N, D), (N, T, D), or of maps";

/// The side of the input: what is asked for, if the file takes it.
fn input_size_of(file: Option<usize>, asked: Option<usize>) -> Result<usize, Refusal> {
    let size = asked.or(file).unwrap_or(Onnx::DEFAULT_INPUT_SIZE);
    if !(1..=Onnx::MAX_INPUT_SIZE).contains(&size) {
        return Err((format!("an input size of 1..={}", Onnx::MAX_INPUT_SIZE), size.to_string()));
    }
    match file {
        Some(length) if length != size => {
            Err((format!("an input size of {length}, which is in the file"), size.to_string()))
        }
        _ => Ok(size),
    }
}

impl Extractor for Onnx {
    fn name(&self) -> String {
        format!("{}{}", self.file, self.suffix())
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn input_size(&self) -> usize {
        self.input_size
    }

    /// The file's name is not part of it. The runtime finds out by itself what the machine can do.
    fn fingerprint(&self) -> String {
        fingerprint(
            Isa::current(),
            Precision::F32,
            &[b"onnx", self.suffix().as_bytes(), self.digest.as_bytes()],
        )
    }

    /// The path is the file's name alone.
    fn settings(&self) -> Option<ExtractorSettings> {
        let (input_size, normalization) = (self.input_size, self.normalization);
        let (path, output, pool) = (PathBuf::from(&self.file), self.output.clone(), self.pool);
        Some(ExtractorSettings::Onnx { path, input_size, normalization, output, pool })
    }

    fn extract_with(
        &self,
        images: ArrayView4<'_, u8>,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Array2<f32>, Error> {
        let mut features = Array2::zeros((images.dim().0, self.dim));
        let todo = Mutex::new(images.outer_iter().zip(features.outer_iter_mut()));
        let work = || -> Result<(), Error> {
            let mut worker = self.worker();
            loop {
                let next = todo.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((image, mut row)) = next else { return Ok(()) };
                let features = self.run(&mut worker, image).and_then(|value| self.features(value));
                let wrong = |actual: String| Error::Shape {
                    operation: "running an ONNX network",
                    expected: format!("{} features of an RGB image from {}", self.dim, self.file),
                    actual,
                };
                let features = features.map_err(wrong)?;
                if features.len() != self.dim {
                    return Err(wrong(features.len().to_string()));
                }
                row.assign(&ArrayView1::from(&features));
                progress(1);
            }
        };
        let threads = rayon::current_num_threads().min(images.dim().0);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            workers
                .into_iter()
                .try_for_each(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })?;
        all_finite(&self.name(), features)
    }
}
