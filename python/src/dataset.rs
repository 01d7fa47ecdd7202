//! Images with their labels, from a folder or from arrays.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use mlprobe_data::image_folder::OnBroken;
use mlprobe_data::{Dataset as Inner, LabelledImages, OpenOptions, Source};
use numpy::{IntoPyArray, PyArray1, PyArray4, PyArrayMethods, ToPyArray};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::calls::abandonable;
use crate::errors::IntoPyErr;

type Half<'py> = (Bound<'py, PyArray4<u8>>, Bound<'py, PyArray1<i64>>);
/// The table of labels, its columns of labels and of images, and whether `NA` is a class.
pub type Tables = (Option<PathBuf>, Option<String>, Option<String>, bool);
type Parts<'py> = (String, bool, Vec<String>, Half<'py>, Half<'py>);

/// Training and test images with their labels.
#[pyclass(frozen, module = "mlprobe._mlprobe")]
pub struct Dataset {
    pub inner: Inner,
    /// Whether figures published for the data set may be set beside ours.
    pub comparable: bool,
    /// What its user should know of it, in sentences.
    #[pyo3(get)]
    oddities: Vec<String>,
}

#[pymethods]
impl Dataset {
    /// The data set in a folder; image files become `side` x `side` pixels.
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
        abandonable(py, threads, move |stop| open(&folder, side, skip_broken, tables, stop))?
            .map_err(IntoPyErr::into_py)
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
            let labels = labels.to_vec()?.into_iter().map(u16::try_from).collect::<Result<Vec<u16>, _>>();
            let labels = labels.map_err(|error| PyValueError::new_err(format!("a label: {error}")))?;
            LabelledImages::new(images.to_owned_array(), labels).map_err(IntoPyErr::into_py)
        };
        let inner = Inner::new(name, classes, half(train)?, half(test)?).map_err(IntoPyErr::into_py)?;
        Ok(Self { inner, comparable, oddities: Vec::new() })
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

/// The data set in a folder, as arrays that are not copied: training half, test half, classes, and what its user should know.
#[pyfunction]
pub fn load_folder(
    py: Python<'_>,
    folder: PathBuf,
    side: usize,
    skip_broken: bool,
    threads: usize,
    tables: Tables,
) -> PyResult<(Half<'_>, Half<'_>, Vec<String>, Vec<String>)> {
    let Dataset { inner, oddities, .. } = Dataset::open(py, folder, side, skip_broken, threads, tables)?;
    let half = |half: LabelledImages| (half.images.into_pyarray(py), integers(py, &half.labels));
    Ok((half(inner.train), half(inner.test), inner.classes, oddities))
}

fn half<'py>(py: Python<'py>, half: &LabelledImages) -> Half<'py> {
    (half.images.to_pyarray(py), integers(py, &half.labels))
}

/// Labels of the type that NumPy and others take for integers: differences of small unsigned ones would wrap around.
fn integers<'py>(py: Python<'py>, labels: &[u16]) -> Bound<'py, PyArray1<i64>> {
    PyArray1::from_iter(py, labels.iter().map(|&label| i64::from(label)))
}

fn open(
    folder: &Path,
    side: usize,
    skip_broken: bool,
    (labels, label_column, image_column, keep_na): Tables,
    stop: &Arc<AtomicBool>,
) -> mlprobe_data::Result<Dataset> {
    let on_broken = if skip_broken { OnBroken::Skip } else { OnBroken::Refuse };
    let options = OpenOptions {
        side,
        on_broken,
        labels,
        label_column,
        image_column,
        keep_na,
        ..OpenOptions::default()
    };
    let source = Source::find(folder, &options)?;
    let source = source.until(Arc::clone(stop));
    let known = source.summary().map_or_else(Vec::new, |summary| summary.oddities);
    let (inner, oddities) = source.open(&|_| ())?;
    let oddities = known.iter().chain(&oddities).map(ToString::to_string).collect();
    Ok(Dataset { inner, comparable: source.official, oddities })
}
