//! Images with their labels, from a folder or from arrays.

use std::ffi::CString;
use std::path::{Path, PathBuf};

use mlprobe_data::image_folder::OnBroken;
use mlprobe_data::summary::Oddity;
use mlprobe_data::{Dataset as Inner, LabelledImages, OpenOptions, Source};
use numpy::{PyArray1, PyArray4, PyArrayMethods, ToPyArray};
use pyo3::exceptions::PyUserWarning;
use pyo3::prelude::*;

use crate::calls::abandonable;
use crate::errors::IntoPyErr;

type Half<'py> = (Bound<'py, PyArray4<u8>>, Bound<'py, PyArray1<u16>>);
/// The table of labels, its columns of labels and of images, and whether `NA` is a class.
pub type Tables = (Option<PathBuf>, Option<String>, Option<String>, bool);
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
    /// The data set in a folder; image files become `side` x `side` pixels. What is odd about it is a warning.
    #[staticmethod]
    #[pyo3(signature = (folder, side, skip_broken, threads, tables=Tables::default()))]
    fn open(
        py: Python<'_>,
        folder: PathBuf,
        side: usize,
        skip_broken: bool,
        threads: usize,
        tables: Tables,
    ) -> PyResult<Self> {
        let opened = abandonable(py, threads, move || open(&folder, side, skip_broken, tables))?;
        let (dataset, oddities) = opened.map_err(IntoPyErr::into_py)?;
        let category = py.get_type::<PyUserWarning>();
        for oddity in oddities {
            let text = CString::new(oddity.to_string().replace('\0', ""))?;
            PyErr::warn(py, &category, &text, 2)?;
        }
        Ok(dataset)
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

fn open(
    folder: &Path,
    side: usize,
    skip_broken: bool,
    (labels, label_column, image_column, keep_na): Tables,
) -> mlprobe_data::Result<(Dataset, Vec<Oddity>)> {
    let on_broken = if skip_broken { OnBroken::Skip } else { OnBroken::Refuse };
    let options =
        OpenOptions { side, on_broken, labels, label_column, image_column, keep_na, ..OpenOptions::default() };
    let source = Source::find(folder, &options)?;
    let mut oddities = source.summary().map_or_else(Vec::new, |summary| summary.oddities);
    let (inner, others) = source.open(&|_| ())?;
    oddities.extend(others);
    Ok((Dataset { inner, comparable: source.official }, oddities))
}
