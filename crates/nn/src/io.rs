//! Saves and loads networks and training states as safetensors.

use crate::{Error, Linear, Mlp, Real, Result, TrainingState};
use ndarray::{Array, Dimension, IntoDimension};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::Path;

/// The one metadata key, for a value such as `mlp relu 512-64-10; sha256 0f…`. There is only one, because the order of
/// several would be left to chance, and equal networks are to give equal files.
const ARCHITECTURE: &str = "architecture";
const PREFIX: &str = "mlp relu ";
/// Before the SHA-256 of all bytes behind the header. Early files have none.
const DIGEST: &str = "; sha256 ";

impl<F: Real> Mlp<F> {
    /// Writes the network as [safetensors](https://huggingface.co/docs/safetensors): `layers.0.weight` (out,
    /// in), `layers.0.bias` (out) and so on, with the architecture and the SHA-256 of all numbers as metadata. Equal
    /// networks give equal bytes. The file appears under its name only when it is whole.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::NotFinite`] for a network that training has broken.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write(path.as_ref(), self, parameters("layers", self.layers())?)
    }

    /// Reads a network that [`Mlp::save`] wrote with the same number type; bit for bit the one that was
    /// saved. A file that was damaged since is refused.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::File`] naming what in the file is wrong.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let (path, bytes) = (path.as_ref(), read(path.as_ref())?);
        Reader::new(path, &bytes)?.model()
    }
}

impl<F: Real> TrainingState<F> {
    /// Writes a checkpoint: the tensors of [`Mlp::save`], so that [`Mlp::load`] reads it too, and beside them
    /// `seed` and `epochs_done` as U64 scalars and `velocity.0.weight` and so on if there is a velocity.
    ///
    /// # Errors
    /// As [`Mlp::save`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let mut tensors = parameters("layers", self.model.layers())?;
        tensors.extend(parameters("velocity", &self.velocity)?);
        for (name, value) in [("seed", self.seed), ("epochs_done", self.epochs_done as u64)] {
            let (name, bytes) = (name.into(), value.to_le_bytes().into());
            tensors.push(Tensor { name, dtype: Dtype::U64, shape: Vec::new(), bytes });
        }
        write(path.as_ref(), &self.model, tensors)
    }

    /// Reads a checkpoint with the same number type; bit for bit the one that was saved.
    ///
    /// # Errors
    /// As [`Mlp::load`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let (path, bytes) = (path.as_ref(), read(path.as_ref())?);
        let file = Reader::new(path, &bytes)?;
        let has_velocity = file.tensors.names().iter().any(|name| name.starts_with("velocity."));
        Ok(Self {
            model: file.model()?,
            seed: file.integer("seed")?,
            epochs_done: file.integer("epochs_done")? as usize,
            velocity: if has_velocity { file.layers("velocity")? } else { Vec::new() },
        })
    }
}

/// A tensor that is about to be written.
struct Tensor {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// The tensors of `layers`, rows of weights one after the other whatever their order in memory.
fn parameters<F: Real>(list: &str, layers: &[Linear<F>]) -> Result<Vec<Tensor>> {
    let mut tensors = Vec::new();
    for (l, layer) in layers.iter().enumerate() {
        let name = format!("{list}.{l}");
        layer.check_finite("save", &name)?;
        let Linear { weight, bias } = layer;
        tensors.push(tensor(format!("{name}.weight"), weight));
        tensors.push(tensor(format!("{name}.bias"), bias));
    }
    Ok(tensors)
}

fn tensor<F: Real, D: Dimension>(name: String, values: &Array<F, D>) -> Tensor {
    let (shape, bytes) = (values.shape().to_vec(), F::to_bytes(values.iter().copied()));
    Tensor { name, dtype: F::DTYPE, shape, bytes }
}

/// Writes the architecture of `model` and `tensors`; the file is replaced only once all is written.
fn write<F: Real>(path: &Path, model: &Mlp<F>, tensors: Vec<Tensor>) -> Result<()> {
    let widths: Vec<String> = model.widths().iter().map(usize::to_string).collect();
    let serialize = |metadata| {
        let views = tensors.iter().map(|tensor| {
            let view = TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.bytes)?;
            Ok((&tensor.name, view))
        });
        let views = views.collect::<std::result::Result<Vec<_>, SafeTensorError>>()?;
        safetensors::serialize(views, metadata)
    };
    // Once to learn the order of the tensors, and with it the digest.
    let bytes = serialize(None).and_then(|bytes| {
        let (header, _) = SafeTensors::read_metadata(&bytes)?;
        let architecture = format!("{PREFIX}{}{DIGEST}{}", widths.join("-"), digest(header, &bytes));
        serialize(Some(HashMap::from([(ARCHITECTURE.into(), architecture)])))
    });
    let written = bytes.map_err(std::io::Error::other).and_then(|bytes| mlprobe_files::write(path, &bytes));
    written.map_err(|source| Error::Io { operation: "save", path: path.into(), source })
}

/// SHA-256 of what is behind a header of this many bytes, before which stands their number.
fn digest(header: usize, bytes: &[u8]) -> String {
    let data = bytes.get(size_of::<u64>() + header..).unwrap_or_default();
    mlprobe_files::hex(&Sha256::digest(data))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|source| Error::Io { operation: "load", path: path.into(), source })
}

/// A file in memory, whose tensors are checked one by one as they are read.
struct Reader<'a> {
    path: &'a Path,
    widths: Vec<usize>,
    tensors: SafeTensors<'a>,
}

impl<'a> Reader<'a> {
    fn new(path: &'a Path, bytes: &'a [u8]) -> Result<Self> {
        let header =
            |error: SafeTensorError| wrong(path, "header", "a whole safetensors file", error.to_string());
        let (length, metadata) = SafeTensors::read_metadata(bytes).map_err(header)?;
        let architecture = metadata.metadata().as_ref().and_then(|metadata| metadata.get(ARCHITECTURE));
        let (text, saved) = match architecture.and_then(|text| text.split_once(DIGEST)) {
            Some((text, saved)) => (Some(text), Some(saved)),
            None => (architecture.map(String::as_str), None),
        };
        let widths = text.and_then(|text| {
            text.strip_prefix(PREFIX)?.split('-').map(|width| width.parse().ok()).collect::<Option<Vec<_>>>()
        });
        let Some(widths) = widths else {
            let actual = architecture.map_or("nothing".into(), |text| format!("{text:?}"));
            return Err(wrong(
                path,
                ARCHITECTURE,
                "text like \"mlp relu 512-64-10\", as mlprobe saves it",
                actual,
            ));
        };
        let actual = digest(length, bytes);
        if let Some(saved) = saved.filter(|&saved| saved != actual) {
            return Err(wrong(path, "numbers", format!("SHA-256 {saved}, as saved"), actual));
        }
        Ok(Self { path, widths, tensors: SafeTensors::deserialize(bytes).map_err(header)? })
    }

    fn model<F: Real>(&self) -> Result<Mlp<F>> {
        Mlp::from_layers(self.layers("layers")?)
            .map_err(|error| wrong(self.path, ARCHITECTURE, "widths of a network", error.to_string()))
    }

    fn layers<F: Real>(&self, list: &str) -> Result<Vec<Linear<F>>> {
        let layer = |(l, pair): (usize, &[usize])| {
            Ok(Linear {
                weight: self.array(&format!("{list}.{l}.weight"), (pair[1], pair[0]))?,
                bias: self.array(&format!("{list}.{l}.bias"), pair[1])?,
            })
        };
        self.widths.windows(2).enumerate().map(layer).collect()
    }

    /// The tensor `name`, which has to have this shape, the number type F and finite numbers.
    fn array<F: Real, D: Dimension>(
        &self,
        name: &str,
        shape: impl IntoDimension<Dim = D>,
    ) -> Result<Array<F, D>> {
        let shape = shape.into_dimension();
        let bytes = self.bytes(name, F::DTYPE, shape.slice())?;
        let values = F::from_bytes(bytes);
        if let Some((i, value)) = values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            return Err(wrong(self.path, name, "finite numbers", format!("{value} at position {i}")));
        }
        let count = values.len();
        Array::from_shape_vec(shape.clone(), values)
            .map_err(|_| wrong(self.path, name, format!("{shape:?} numbers"), count.to_string()))
    }

    fn integer(&self, name: &str) -> Result<u64> {
        let (bytes, _) = self.bytes(name, Dtype::U64, &[])?.as_chunks();
        Ok(bytes.first().map_or(0, |&bytes| u64::from_le_bytes(bytes)))
    }

    /// The bytes of tensor `name`, which has to have this type and shape.
    fn bytes(&self, name: &str, dtype: Dtype, shape: &[usize]) -> Result<&'a [u8]> {
        let expected = format!("{dtype} {shape:?}");
        let Ok(tensor) = self.tensors.tensor(name) else {
            return Err(wrong(self.path, name, expected, "nothing".into()));
        };
        if (tensor.dtype(), tensor.shape()) != (dtype, shape) {
            return Err(wrong(self.path, name, expected, format!("{} {:?}", tensor.dtype(), tensor.shape())));
        }
        Ok(tensor.data())
    }
}

fn wrong(path: &Path, field: &str, expected: impl Into<String>, actual: String) -> Error {
    Error::File { path: path.into(), field: field.into(), expected: expected.into(), actual }
}
