//! What may be given as images: an array, or a list of arrays, encoded files or paths.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mlprobe_data::image_files;
use ndarray::{Array3, Array4, Axis, s};
use numpy::{PyArray3, PyArray4, PyArrayMethods};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use rayon::prelude::*;

use crate::calls::abandonable;
use crate::convert::wrong;
use crate::errors::IntoPyErr;

const EXPECTED: &str = "an array of images, of shape (N, height, width, 3) and type uint8, or a list of such images, of bytes or of paths";

/// N images, of which only a few are looked at at a time.
pub enum Images<'py> {
    Stack(Bound<'py, PyArray4<u8>>),
    List(Vec<Image>),
}

/// One image.
#[derive(Clone)]
pub enum Image {
    /// (height, width, 3)
    Pixels(Array3<u8>),
    /// The content of a file. Python's bytes do not change, so they are not copied.
    Encoded(Arc<PyBackedBytes>),
    File(PathBuf),
}

/// Some images that belong to nobody else.
pub enum Batch {
    /// (n, height, width, 3)
    Stack(Array4<u8>),
    List(Vec<Image>),
}

impl<'py> Images<'py> {
    pub fn new(images: &Bound<'py, PyAny>) -> PyResult<Self> {
        if let Ok(array) = images.cast::<PyArray4<u8>>() {
            if array.try_readonly()?.as_array().dim().3 != 3 {
                return Err(wrong(images, EXPECTED));
            }
            return Ok(Self::Stack(array.clone()));
        }
        if images.hasattr("dtype")? || images.hasattr("encode")? {
            return Err(wrong(images, EXPECTED));
        }
        let images = images.try_iter().map_err(|_| wrong(images, EXPECTED))?;
        images.map(|image| Image::new(&image?)).collect::<PyResult<_>>().map(Self::List)
    }

    /// N.
    pub fn len(&self) -> PyResult<usize> {
        Ok(match self {
            Self::Stack(array) => array.try_readonly()?.as_array().dim().0,
            Self::List(images) => images.len(),
        })
    }

    /// Some of the images, as they are now.
    pub fn batch(&self, range: Range<usize>) -> PyResult<Batch> {
        match self {
            Self::Stack(array) => {
                let array = array.try_readonly()?;
                let images = array.as_array();
                if range.end > images.dim().0 {
                    return Err(PyRuntimeError::new_err(
                        "the array got another shape while its features were made",
                    ));
                }
                Ok(Batch::Stack(images.slice(s![range, .., .., ..]).to_owned()))
            }
            Self::List(images) => Ok(Batch::List(images[range].to_vec())),
        }
    }
}

impl Image {
    fn new(image: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(array) = image.cast::<PyArray3<u8>>() {
            return Ok(Self::Pixels(array.try_readonly()?.as_array().to_owned()));
        }
        if let Ok(bytes) = image.extract::<PyBackedBytes>() {
            return Ok(Self::Encoded(bytes.into()));
        }
        if image.hasattr("dtype")? {
            return Err(wrong(image, EXPECTED));
        }
        image.extract().map(Self::File).map_err(|_| wrong(image, EXPECTED))
    }

    fn decode(self) -> Result<Array3<u8>, mlprobe_data::Error> {
        match self {
            Self::Pixels(pixels) => Ok(pixels),
            Self::Encoded(bytes) => image_files::decode(&bytes, Path::new("an image given as bytes")),
            Self::File(path) => image_files::read(path),
        }
    }
}

impl Batch {
    /// The images decoded: (height, width, 3) each.
    pub fn decode(self) -> Result<Vec<Array3<u8>>, mlprobe_data::Error> {
        match self {
            Self::Stack(images) => Ok(images.axis_iter(Axis(0)).map(|image| image.to_owned()).collect()),
            Self::List(images) => images.into_par_iter().map(Image::decode).collect(),
        }
    }
}

/// The image files in `paths`, in the order of `mlprobe embed`.
#[pyfunction]
pub fn find_images(py: Python<'_>, paths: Vec<PathBuf>) -> PyResult<Vec<PathBuf>> {
    abandonable(py, 1, move || image_files::find(paths))?.map_err(IntoPyErr::into_py)
}
