//! Any network in an ONNX file, run by the runtime `rten`.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use mlprobe_data::normalize::Normalization;
use mlprobe_kernels::Isa;
use ndarray::{Array2, ArrayView3, ArrayView4, ArrayViewMut1};
use rten::{Dimension, Model, ModelOptions, RunOptions, ThreadPool, Value, ValueView};
use sha2::{Digest, Sha256};

use crate::extractor::{all_finite, fingerprint};
use crate::resize::Resizer;
use crate::{Error, Extractor};

/// A network from an ONNX file (feature `onnx`): its first output for an image, as many numbers as the file says.
///
/// The first input has to be images (N, 3, height, width), RGB. The first output is either (N, D), or maps
/// (N, D, height, width), which are averaged over their pixels: an exported classifier gives its K logits, one without
/// its last layer the features before it. Weights have to be in the file itself.
///
/// ```
/// use mlprobe_features::{Extractor, Normalization, Onnx};
/// use ndarray::Array4;
///
/// let network = Onnx::load("tests/golden/onnx/flat.onnx", None, Normalization::IMAGENET)?;
/// assert_eq!((network.name().as_str(), network.dim()), ("flat.onnx@16-imagenet", 7));
/// let features = network.extract(&Array4::zeros((2, 32, 32, 3)))?;
/// assert_eq!(features.dim(), (2, 7));
/// # Ok::<(), mlprobe_features::Error>(())
/// ```
pub struct Onnx {
    model: Model,
    /// The file's.
    name: String,
    /// Of the file, hexadecimal.
    digest: String,
    input_size: usize,
    normalization: Normalization,
    /// D.
    dim: usize,
    output: Output,
}

/// What the network gives for one image.
#[derive(Clone, Copy)]
enum Output {
    /// (1, D)
    Row,
    /// (1, D, height, width)
    Map,
}

/// What one thread needs: a thread of the runtime, an image (S, S, 3), and how to make it.
struct Worker {
    options: RunOptions,
    resizer: Resizer,
    image: Vec<f32>,
}

impl Onnx {
    /// The side of the input in pixels where neither the file nor the caller says, that of most networks.
    pub const DEFAULT_INPUT_SIZE: usize = 224;
    /// The largest input size accepted, a bound on memory per thread.
    pub const MAX_INPUT_SIZE: usize = 1024;

    /// Reads the network at `path`. Images are resized to `input_size` × `input_size` pixels, by default what the file
    /// asks for, and normalized.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read; [`Error::Onnx`] if it is not an ONNX model, uses an operator that the
    /// runtime lacks, does not take images of that size, or gives something else than rows or maps.
    pub fn load(
        path: impl AsRef<Path>,
        input_size: Option<usize>,
        normalization: Normalization,
    ) -> Result<Self, Error> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|source| Error::Io {
            operation: "reading the network",
            path: path.into(),
            source,
        })?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let digest = mlprobe_files::hex(&Sha256::digest(&bytes));
        let wrong = |expected: &str, actual: String| Error::Onnx {
            path: path.into(),
            expected: expected.into(),
            actual,
        };
        let model = ModelOptions::with_all_ops()
            .prepack_weights(true)
            .load(bytes)
            .map_err(|error| wrong("an ONNX model with its weights in the same file", error.to_string()))?;
        let input_size =
            input_size_of(&model, input_size).map_err(|(expected, actual)| wrong(&expected, actual))?;
        let mut network =
            Self { model, name, digest, input_size, normalization, dim: 0, output: Output::Row };

        // What the network gives, a black image tells.
        let mut worker = network.worker();
        let black = vec![0; input_size * input_size * 3];
        let black = ArrayView3::from_shape((input_size, input_size, 3), &black);
        let value =
            black.map_err(|error| error.to_string()).and_then(|image| network.run(&mut worker, image));
        let value = value.map_err(|reason| wrong("a network that runs on one image", reason))?;
        (network.output, network.dim) =
            match (value.clone().into_shape_vec::<f32, 2>(), value.into_shape_vec::<f32, 4>()) {
                (Ok(([1, dim], _)), _) if dim > 0 => (Output::Row, dim),
                (_, Ok(([1, dim, height, width], _))) if dim * height * width > 0 => (Output::Map, dim),
                (Ok((shape, _)), _) => return Err(wrong(OUTPUT, format!("{shape:?}"))),
                (_, Ok((shape, _))) => return Err(wrong(OUTPUT, format!("{shape:?}"))),
                (_, Err(error)) => return Err(wrong(OUTPUT, error.to_string())),
            };
        Ok(network)
    }

    /// A thread of its own keeps the runtime from splitting one image over threads, so that sums are always taken in
    /// the same order.
    fn worker(&self) -> Worker {
        let pool = Arc::new(ThreadPool::with_num_threads(1));
        Worker {
            options: RunOptions::default().with_thread_pool(Some(pool)),
            resizer: Resizer::new(Isa::current(), self.input_size, self.normalization),
            image: vec![0.0; self.input_size * self.input_size * 3],
        }
    }

    /// Image (height, width, 3) to what the network gives.
    fn run(&self, worker: &mut Worker, image: ArrayView3<'_, u8>) -> Result<Value, String> {
        let Worker { options, resizer, image: resized } = worker;
        resizer.resize(image, resized).map_err(|error| error.to_string())?;
        // (S, S, 3) to (1, 3, S, S)
        let side = self.input_size;
        let planes: Vec<f32> = (0..3).flat_map(|c| resized.iter().skip(c).step_by(3).copied()).collect();
        let input = ValueView::from_shape([1, 3, side, side], &planes).map_err(|error| error.to_string())?;
        self.model.run_one(input.into(), Some(options.clone())).map_err(|error| error.to_string())
    }

    /// Image (height, width, 3) to its features (D).
    fn row(
        &self,
        worker: &mut Worker,
        image: ArrayView3<'_, u8>,
        mut row: ArrayViewMut1<'_, f32>,
    ) -> Result<(), String> {
        let value = self.run(worker, image)?;
        let (numbers, pixels) = match self.output {
            Output::Row => value.into_shape_vec::<f32, 2>().map(|(_, numbers)| (numbers, 1)),
            Output::Map => value.into_shape_vec::<f32, 4>().map(|([_, _, h, w], numbers)| (numbers, h * w)),
        }
        .map_err(|error| error.to_string())?;
        if numbers.len() != self.dim * pixels {
            return Err(format!("{} numbers where {} were expected", numbers.len(), self.dim * pixels));
        }
        for (mean, map) in row.iter_mut().zip(numbers.chunks_exact(pixels)) {
            *mean = map.iter().sum::<f32>() / pixels as f32;
        }
        Ok(())
    }
}

const OUTPUT: &str = "a first output of floats (N, D) or (N, D, height, width)";

/// The side S of the input (N, 3, S, S): what is asked for, if the model takes it.
fn input_size_of(model: &Model, asked: Option<usize>) -> Result<usize, (String, String)> {
    let fixed = |dimension: &Dimension| match dimension {
        Dimension::Fixed(length) => Some(*length),
        Dimension::Symbolic(_) => None,
    };
    let shape: Vec<Option<usize>> = model.input_shape(0).unwrap_or_default().iter().map(fixed).collect();
    let [None | Some(1), None | Some(3), height, width] = shape[..] else {
        return Err((
            "a first input (N, 3, height, width) with any N, or 1".into(),
            format!("{:?}", model.input_shape(0)),
        ));
    };
    let size = asked.or(height).or(width).unwrap_or(Onnx::DEFAULT_INPUT_SIZE);
    if !(1..=Onnx::MAX_INPUT_SIZE).contains(&size) {
        return Err((format!("an input size of 1..={}", Onnx::MAX_INPUT_SIZE), size.to_string()));
    }
    match [height, width].into_iter().flatten().find(|&length| length != size) {
        Some(length) => Err((format!("an input size of {length}, which is in the file"), size.to_string())),
        None => Ok(size),
    }
}

impl Extractor for Onnx {
    fn name(&self) -> String {
        format!("{}@{}-{}", self.name, self.input_size, self.normalization)
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn input_size(&self) -> usize {
        self.input_size
    }

    /// The file's name is not part of it. The runtime finds out by itself what the machine can do.
    fn fingerprint(&self) -> String {
        let settings = format!("onnx {} {}", self.input_size, self.normalization);
        fingerprint(Isa::current(), &[settings.as_bytes(), self.digest.as_bytes()])
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
                let Some((image, row)) = next else { return Ok(()) };
                self.row(&mut worker, image, row).map_err(|actual| Error::Shape {
                    operation: "running an ONNX network",
                    expected: format!("{} features of an RGB image", self.dim),
                    actual,
                })?;
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
