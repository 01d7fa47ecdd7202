//! Named tensors of a safetensors file, as convolutions.

use mlprobe_kernels::{Conv, Isa};
use ndarray::{ArrayD, Dimension, IxDyn};
use safetensors::{Dtype, SafeTensors};

use crate::Error;

/// A parsed safetensors file.
pub(crate) struct Weights<'a>(SafeTensors<'a>);

impl<'a> Weights<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        SafeTensors::deserialize(bytes).map(Self).map_err(|error| Error::Weights {
            name: "file".into(),
            expected: "a safetensors file".into(),
            actual: error.to_string(),
        })
    }

    /// The convolution whose kernel is `{name}.weight` (O, I, kh, kw) and whose bias is `{name}.bias` (O).
    pub fn conv(&self, isa: Isa, name: &str, stride: usize, padding: usize) -> Result<Conv, Error> {
        let weight = self.tensor(&format!("{name}.weight"), 4)?;
        let bias = self.tensor(&format!("{name}.bias"), 1)?;
        let weight = weight.view().into_dimensionality().map_err(|_| Error::Weights {
            name: name.into(),
            expected: "4 axes".into(),
            actual: format!("{:?}", weight.shape()),
        })?;
        Ok(Conv::new(isa, weight, bias.as_slice().unwrap_or_default(), stride, padding)?)
    }

    /// A tensor of finite `f32` with this many axes.
    fn tensor(&self, name: &str, axes: usize) -> Result<ArrayD<f32>, Error> {
        let wrong = |actual: String| Error::Weights {
            name: name.into(),
            expected: format!("{axes} axes of finite f32"),
            actual,
        };
        let tensor = self.0.tensor(name).map_err(|error| wrong(error.to_string()))?;
        let shape = IxDyn(tensor.shape());
        if tensor.dtype() != Dtype::F32 || shape.ndim() != axes {
            return Err(wrong(format!("{:?} {:?}", tensor.dtype(), tensor.shape())));
        }
        let values: Vec<f32> =
            tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        if let Some(value) = values.iter().find(|value| !value.is_finite()) {
            return Err(wrong(value.to_string()));
        }
        ArrayD::from_shape_vec(shape, values).map_err(|error| wrong(error.to_string()))
    }
}
