//! NumPy arrays as arrays of Rust.
//!
//! Another Python thread may write to an array while the GIL is released. So features are copied once, which also makes
//! them f32; images are copied piece by piece as they are needed.

use ndarray::{Array2, ArrayView2, Zip};
use numpy::{PyArray1, PyArray2, PyArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

/// Features (N, D) of type float32 or float64, copied to f32.
pub fn features(array: &Bound<'_, PyAny>) -> PyResult<Array2<f32>> {
    if let Ok(array) = array.cast::<PyArray2<f32>>() {
        return Ok(copied(array.try_readonly()?.as_array(), |&value| value));
    }
    if let Ok(array) = array.cast::<PyArray2<f64>>() {
        return Ok(copied(array.try_readonly()?.as_array(), |&value| value as f32));
    }
    Err(wrong(array, "an array of shape (N, D) and type float32 or float64"))
}

/// A copy on large pages of memory, which are there faster.
fn copied<T>(array: ArrayView2<'_, T>, convert: impl Fn(&T) -> f32) -> Array2<f32> {
    let mut copy = Array2::zeros(array.dim());
    if let Some(copy) = copy.as_slice() {
        mlprobe_kernels::huge_pages(copy);
    }
    Zip::from(&mut copy).and(array).for_each(|to, from| *to = convert(from));
    copy
}

/// Labels (N) of type uint16.
pub fn labels(array: &Bound<'_, PyAny>) -> PyResult<Vec<u16>> {
    match array.cast::<PyArray1<u16>>() {
        Ok(array) => Ok(array.try_readonly()?.as_array().to_vec()),
        Err(_) => Err(wrong(array, "an array of shape (N,) and type uint16")),
    }
}

/// An array that is not what was `expected`.
pub fn wrong(actual: &Bound<'_, PyAny>, expected: &str) -> PyErr {
    let dtype = actual.getattr("dtype").and_then(|dtype| Ok(dtype.str()?.to_string()));
    let shape = actual.getattr("shape").and_then(|shape| Ok(shape.str()?.to_string()));
    match (shape, dtype) {
        (Ok(shape), Ok(dtype)) => {
            PyValueError::new_err(format!("expected {expected}, got one of shape {shape} and type {dtype}"))
        }
        _ => PyTypeError::new_err(format!("expected {expected}, got {}", actual.get_type())),
    }
}
