//! Random transforms of images.

use std::sync::atomic::AtomicBool;

use mlprobe_data::augment::{Augmenter as Inner, Draw, Preset, Transform};
use ndarray::{ArrayView4, s};
use numpy::{PyArray4, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::calls::{Pace, pool, stoppable};
use crate::convert::wrong;
use crate::errors::IntoPyErr;

/// Images of at most so many bytes, or one per thread, are transformed between two looks at the signals.
const PIECE_BYTES: usize = 32 << 20;

/// Gives every image one random transform.
#[pyclass(frozen, module = "mlprobe._mlprobe")]
pub struct Augmenter(Inner);

#[pymethods]
impl Augmenter {
    /// Chooses among the transforms of a preset, or among those that are named.
    #[new]
    fn new(preset: &str, transforms: Option<Vec<String>>, seed: u64) -> PyResult<Self> {
        let transforms = match transforms {
            None => preset.parse::<Preset>().map_err(IntoPyErr::into_py)?.transforms().to_vec(),
            Some(names) => names.iter().map(|name| named(name)).collect::<PyResult<_>>()?,
        };
        Inner::new(&transforms, seed).map(Self).map_err(IntoPyErr::into_py)
    }

    fn describe(&self) -> String {
        self.0.describe()
    }

    /// The transformed copies of `images` (N, height, width, 3); the first image gets the draw `first`.
    #[pyo3(signature = (images, first=0, threads=0))]
    fn apply<'py>(
        &self,
        py: Python<'py>,
        images: &Bound<'py, PyAny>,
        first: u64,
        threads: usize,
    ) -> PyResult<Bound<'py, PyArray4<u8>>> {
        let expected = "images of shape (N, height, width, 3) and type uint8";
        let images = images.cast::<PyArray4<u8>>().map_err(|_| wrong(images, expected))?;
        let (count, height, width, channels) = images.try_readonly()?.as_array().dim();
        if channels != 3 {
            return Err(wrong(images, expected));
        }
        let result = PyArray4::zeros(py, (count, height, width, channels), false);
        let (pool, mut done) = (pool(threads)?, 0);
        let cores = pool.current_num_threads();
        let mut pace = Pace::new(64 * cores, cores.max(PIECE_BYTES / (height * width * channels).max(1)));
        while done < count {
            let range = done..count.min(done + pace.items());
            let piece = images.readonly().as_array().slice(s![range.clone(), .., .., ..]).to_owned();
            let work =
                |_: &AtomicBool| self.0.apply_from(first.wrapping_add(done as u64), ArrayView4::from(&piece));
            let transformed = pace.piece(|| stoppable(py, &pool, work, |_| Ok(())))?;
            let transformed = transformed.map_err(IntoPyErr::into_py)?;
            result.readwrite().as_array_mut().slice_mut(s![range.clone(), .., .., ..]).assign(&transformed);
            done = range.end;
        }
        Ok(result)
    }

    /// What is drawn for `count` images of `height` x `width` pixels, from the draw `first` on.
    #[pyo3(signature = (count, height, width, first=0))]
    fn draws<'py>(
        &self,
        py: Python<'py>,
        count: u64,
        height: usize,
        width: usize,
        first: u64,
    ) -> PyResult<Vec<Bound<'py, PyDict>>> {
        (0..count).map(|i| as_dict(py, self.0.draw(first.wrapping_add(i), height, width))).collect()
    }
}

fn named(name: &str) -> PyResult<Transform> {
    serde_json::from_value(name.into())
        .map_err(|error| pyo3::exceptions::PyValueError::new_err(error.to_string()))
}

fn as_dict(py: Python<'_>, draw: Draw) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    let transform = match draw {
        Draw::Rotation { degrees } => {
            dict.set_item("degrees", degrees)?;
            Transform::Rotation
        }
        Draw::Cutout { top, left, height, width, value } => {
            let numbers = [("top", top), ("left", left), ("height", height), ("width", width)];
            numbers.into_iter().try_for_each(|(name, number)| dict.set_item(name, number))?;
            dict.set_item("value", value)?;
            Transform::Cutout
        }
        Draw::Crop { top, left } => {
            dict.set_item("top", top)?;
            dict.set_item("left", left)?;
            Transform::Crop
        }
        Draw::ContrastFlip { contrast, flip } => {
            dict.set_item("contrast", contrast)?;
            dict.set_item("flip", flip)?;
            Transform::ContrastFlip
        }
        Draw::Enhancement => Transform::Enhancement,
        Draw::Posterize { min, max } => {
            dict.set_item("min", min)?;
            dict.set_item("max", max)?;
            Transform::Posterize
        }
    };
    dict.set_item("transform", transform.name())?;
    Ok(dict)
}
