//! What may be given as images: an array, or a list of arrays, encoded files, paths or images of PIL.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mlprobe_data::image_files;
use ndarray::{Array3, Array4, ArrayView3, Axis, s};
use numpy::{PyArray3, PyArray4, PyArrayMethods};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use rayon::prelude::*;

use crate::calls::abandonable;
use crate::convert::wrong;
use crate::errors::IntoPyErr;

const EXPECTED: &str = "an array of images, of shape (N, height, width, 3) and type uint8, or a list of such images, of images of PIL, of bytes or of paths";

/// N images, of which only a few are looked at at a time.
pub enum Images<'py> {
    Stack(Bound<'py, PyArray4<u8>>),
    List(Vec<Item<'py>>),
}

/// One image as it was given.
pub enum Item<'py> {
    /// (height, width, 3)
    Array(Bound<'py, PyArray3<u8>>),
    /// The content of a file. Python's bytes do not change, so they are not copied.
    Encoded(Arc<PyBackedBytes>),
    File(PathBuf),
    Pil(Bound<'py, PyAny>),
}

/// One image that belongs to nobody else, or that nobody changes.
pub enum Image {
    /// (height, width, 3)
    Pixels(Array3<u8>),
    /// The content of a file, and the image's number.
    Encoded(Arc<PyBackedBytes>, usize),
    File(PathBuf),
}

/// Some of the images, as they were when it was made.
pub enum Batch {
    /// (n, side, side, 3), which need not be cut or shrunk.
    Squares(Array4<u8>),
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
        images.map(|image| Item::new(&image?)).collect::<PyResult<_>>().map(Self::List)
    }

    /// N.
    pub fn len(&self) -> PyResult<usize> {
        Ok(match self {
            Self::Stack(array) => array.try_readonly()?.as_array().dim().0,
            Self::List(images) => images.len(),
        })
    }

    /// Some of the images, as they are now, for a network of this input size. Images of PIL are decoded here, one after the
    /// other, and shrunk at once.
    pub fn batch(&self, range: Range<usize>, side: usize) -> PyResult<Batch> {
        match self {
            Self::Stack(array) => {
                let array = array.try_readonly()?;
                let images = array.as_array();
                let (count, height, width, _) = images.dim();
                if range.end > count {
                    return Err(PyRuntimeError::new_err(
                        "the array got another shape while its features were made",
                    ));
                }
                let images = images.slice(s![range, .., .., ..]);
                if height == width && height <= side {
                    return Ok(Batch::Squares(images.to_owned()));
                }
                Ok(Batch::List(
                    images.axis_iter(Axis(0)).map(|image| Image::Pixels(image.to_owned())).collect(),
                ))
            }
            Self::List(images) => {
                let batch = range.map(|i| images[i].image(i, side)).collect::<PyResult<_>>();
                batch.map(Batch::List)
            }
        }
    }
}

impl<'py> Item<'py> {
    fn new(image: &Bound<'py, PyAny>) -> PyResult<Self> {
        if let Ok(array) = image.cast::<PyArray3<u8>>() {
            return Ok(Self::Array(array.clone()));
        }
        if let Ok(bytes) = image.extract::<PyBackedBytes>() {
            return Ok(Self::Encoded(bytes.into()));
        }
        if image.hasattr("getexif")? {
            return Ok(Self::Pil(image.clone()));
        }
        if image.hasattr("dtype")? {
            return Err(wrong(image, EXPECTED));
        }
        image.extract().map(Self::File).map_err(|_| wrong(image, EXPECTED))
    }

    /// The image as it is now, number `i` of its list.
    fn image(&self, i: usize, side: usize) -> PyResult<Image> {
        match self {
            Self::Array(array) => Ok(Image::Pixels(array.try_readonly()?.as_array().to_owned())),
            Self::Encoded(bytes) => Ok(Image::Encoded(Arc::clone(bytes), i)),
            Self::File(path) => Ok(Image::File(path.clone())),
            Self::Pil(image) => {
                let pixels = image.py().import("mlprobe._pictures")?.call_method1("pixels", (image,))?;
                let pixels =
                    pixels.cast::<PyArray3<u8>>().map_err(|_| wrong(&pixels, EXPECTED))?.try_readonly()?;
                centre(pixels.as_array(), side).map(Image::Pixels).map_err(IntoPyErr::into_py)
            }
        }
    }
}

impl Image {
    fn square(self, side: usize) -> Result<Array3<u8>, mlprobe_data::Error> {
        let pixels = match self {
            Self::Pixels(pixels) => pixels,
            Self::Encoded(bytes, i) => {
                image_files::decode(&bytes, Path::new(&format!("image {i}, given as bytes")))?
            }
            Self::File(path) => image_files::read(path)?,
        };
        centre(pixels.view(), side)
    }
}

/// The centre squares of images, at most `side` pixels wide: beside them, only one image per thread is in memory at its full
/// size. No further image is begun once `stop` is set.
pub fn squares(
    images: Vec<Image>,
    side: usize,
    stop: &AtomicBool,
) -> Result<Vec<Array3<u8>>, mlprobe_data::Error> {
    let square = |image: Image| match stop.load(Ordering::Relaxed) {
        true => Err(mlprobe_data::Error::Stopped),
        false => image.square(side),
    };
    images.into_par_iter().map(square).collect()
}

/// The centre square of an image (height, width, 3), at most `side` pixels wide, as `mlprobe embed` cuts it.
fn centre(image: ArrayView3<'_, u8>, side: usize) -> Result<Array3<u8>, mlprobe_data::Error> {
    let (height, width, _) = image.dim();
    image_files::to_square(image, side.min(height).min(width))
}

/// The image files in `paths`, in the order of `mlprobe embed`.
#[pyfunction]
pub fn find_images(py: Python<'_>, paths: Vec<PathBuf>) -> PyResult<Vec<PathBuf>> {
    abandonable(py, 1, move |_| image_files::find(paths))?.map_err(IntoPyErr::into_py)
}
