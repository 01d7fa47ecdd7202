//! Named tensors of safetensors files, as convolutions.

use half::f16;
use mlprobe_kernels::{Conv, Isa, Precision};
use ndarray::{Array, Array1, Array4, ArrayD, Dimension, IxDyn};
use safetensors::{Dtype, SafeTensors};

use crate::Error;

/// Parsed safetensors files.
pub(crate) struct Weights<'a>(Vec<SafeTensors<'a>>);

impl<'a> Weights<'a> {
    /// The tensors of all `files`.
    pub fn parse(files: &[&'a [u8]]) -> Result<Self, Error> {
        let files = files.iter().map(|bytes| SafeTensors::deserialize(bytes));
        files.collect::<Result<_, _>>().map(Self).map_err(|error| Error::Weights {
            name: "file".into(),
            expected: "a safetensors file".into(),
            actual: error.to_string(),
        })
    }

    /// The convolution whose kernel is `{name}.weight` (O, I, kh, kw) and whose bias is `{name}.bias` (O).
    pub fn conv(
        &self,
        (isa, precision): (Isa, Precision),
        name: &str,
        stride: usize,
        padding: usize,
    ) -> Result<Conv, Error> {
        let weight: Array4<f32> = self.tensor(&format!("{name}.weight"))?;
        let bias: Array1<f32> = self.tensor(&format!("{name}.bias"))?;
        Ok(Conv::new((isa, precision), weight.view(), &bias.to_vec(), stride, padding)?)
    }

    /// Kernel (O, I, kh, kw) and bias (O) of the convolution without bias at `name`, whose kernel has this `shape`, with
    /// the batch normalization at `norm` folded in: per output channel
    ///
    /// ```text
    /// γ (w∗x - μ) / √(σ² + ε) + β = (s w)∗x + (β - s μ),   s = γ / √(σ² + ε)
    /// ```
    pub fn normalized(
        &self,
        name: &str,
        norm: &str,
        shape: [usize; 4],
        epsilon: f32,
    ) -> Result<(Array4<f32>, Vec<f32>), Error> {
        let mut weight: Array4<f32> = self.tensor(&format!("{name}.weight"))?;
        if weight.shape() != shape {
            return Err(Error::Weights {
                name: format!("{name}.weight"),
                expected: format!("{shape:?}"),
                actual: format!("{:?}", weight.shape()),
            });
        }
        let part = |part: &str| -> Result<Array1<f32>, Error> {
            let tensor_name = format!("{norm}.{part}");
            let tensor: Array1<f32> = self.tensor(&tensor_name)?;
            if tensor.len() == weight.dim().0 {
                return Ok(tensor);
            }
            Err(Error::Weights {
                name: tensor_name,
                expected: format!("one number for each of {} channels", weight.dim().0),
                actual: tensor.len().to_string(),
            })
        };
        let (gamma, beta) = (part("weight")?, part("bias")?);
        let (mean, variance) = (part("running_mean")?, part("running_var")?);
        if let Some(negative) = variance.iter().find(|&&variance| variance < 0.0) {
            return Err(Error::Weights {
                name: format!("{norm}.running_var"),
                expected: "variances, 0 or more".into(),
                actual: negative.to_string(),
            });
        }
        let scale = gamma / variance.mapv(|variance| (variance + epsilon).sqrt());
        let bias = beta - &scale * &mean;
        weight.outer_iter_mut().zip(&scale).for_each(|(mut kernel, &scale)| kernel *= scale);
        Ok((weight, bias.to_vec()))
    }

    /// A tensor of finite `f32` or `f16` with as many axes as `D` has.
    fn tensor<D: Dimension>(&self, name: &str) -> Result<Array<f32, D>, Error> {
        let wrong = |actual: String| Error::Weights {
            name: name.into(),
            expected: format!("{} axes of finite f32 or f16", D::NDIM.unwrap_or_default()),
            actual,
        };
        let found = self.0.iter().find_map(|file| file.tensor(name).ok());
        let tensor = found.ok_or_else(|| wrong("no such tensor".into()))?;
        let values: Vec<f32> = match tensor.dtype() {
            Dtype::F32 => {
                tensor.data().as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
            }
            Dtype::F16 => {
                tensor.data().as_chunks().0.iter().map(|&bytes| f16::from_le_bytes(bytes).to_f32()).collect()
            }
            other => return Err(wrong(format!("{other:?} {:?}", tensor.shape()))),
        };
        if let Some(value) = values.iter().find(|value| !value.is_finite()) {
            return Err(wrong(value.to_string()));
        }
        ArrayD::from_shape_vec(IxDyn(tensor.shape()), values)
            .and_then(ArrayD::into_dimensionality)
            .map_err(|_| wrong(format!("{:?}", tensor.shape())))
    }
}
