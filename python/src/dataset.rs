//! Images with their labels, from a folder or from arrays.

use std::path::{Path, PathBuf};

use mlprobe_data::image_folder::OnBroken;
use mlprobe_data::{Dataset as Inner, LabelledImages, OpenOptions, Source};
use numpy::{PyArray1, PyArray4, PyArrayMethods, ToPyArray};
use pyo3::prelude::*;

use crate::calls::abandonable;
use crate::errors::IntoPyErr;

type Half<'py> = (Bound<'py, PyArray4<u8>>, Bound<'py, PyArray1<u16>>);
type Parts<'py> = (String, bool, Vec<String>, Half<'py>, Half<'py>);

/// Training and test images with their labels.
#[pyclass(frozen, module = "mlprobe._mlprobe")]
pub struct Dataset {
    pub inner: Inner,
    /// Whether figures published for the data set may be set beside ours.
    pub comparable: bool,
}

#[pymethods]
impl Dataset {
    /// The data set in a folder; image files become `side` x `side` pixels.
    #[staticmethod]
    fn open(
        py: Python<'_>,
        folder: PathBuf,
        side: usize,
        skip_broken: bool,
        threads: usize,
    ) -> PyResult<Self> {
        abandonable(py, threads, move || open(&folder, side, skip_broken))?.map_err(IntoPyErr::into_py)
    }

    #[new]
    fn new(
        name: String,
        comparable: bool,
        classes: Vec<String>,
        train: Half<'_>,
        test: Half<'_>,
    ) -> PyResult<Self> {
        let half = |(images, labels): Half<'_>| {
            LabelledImages::new(images.to_owned_array(), labels.to_vec()?).map_err(IntoPyErr::into_py)
        };
        let inner = Inner::new(name, classes, half(train)?, half(test)?).map_err(IntoPyErr::into_py)?;
        Ok(Self { inner, comparable })
    }

    #[getter]
    fn classes(&self) -> Vec<String> {
        self.inner.classes.clone()
    }

    /// Images (N, height, width, 3) and labels (N).
    fn train<'py>(&self, py: Python<'py>) -> Half<'py> {
        half(py, &self.inner.train)
    }

    /// Images (N, height, width, 3) and labels (N).
    fn test<'py>(&self, py: Python<'py>) -> Half<'py> {
        half(py, &self.inner.test)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyAny>, Parts<'py>) {
        let (py, this) = (slf.py(), slf.get());
        let Inner { name, classes, .. } = &this.inner;
        let parts = (name.clone(), this.comparable, classes.clone(), this.train(py), this.test(py));
        (slf.get_type().into_any(), parts)
    }
}

fn half<'py>(py: Python<'py>, half: &LabelledImages) -> Half<'py> {
    (half.images.to_pyarray(py), half.labels.to_pyarray(py))
}

fn open(folder: &Path, side: usize, skip_broken: bool) -> mlprobe_data::Result<Dataset> {
    let on_broken = if skip_broken { OnBroken::Skip } else { OnBroken::Refuse };
    let source = Source::find(folder, &OpenOptions { side, on_broken, ..OpenOptions::default() })?;
    let (inner, _oddities) = source.open(&|_| ())?;
    Ok(Dataset { inner, comparable: source.official })
}
