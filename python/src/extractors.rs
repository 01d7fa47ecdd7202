//! The frozen networks that make the features.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use mlprobe_features::{
    Extractor as _, ExtractorSettings, Normalization, Onnx, OnnxOptions, Pool, Precision, ResNet18,
    SqueezeNet, embed,
};
use ndarray::{Array2, s};
use numpy::{IntoPyArray, PyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::calls::{Pace, pool, stoppable};
use crate::errors::IntoPyErr;
use crate::images::{self, Batch, Images};

type Network = Box<dyn mlprobe_features::Extractor + Send>;

/// A network with its weights.
#[pyclass(frozen, module = "mlprobe._mlprobe")]
pub struct Extractor {
    pub network: Network,
    pub settings: ExtractorSettings,
}

#[pymethods]
impl Extractor {
    #[staticmethod]
    fn squeezenet(py: Python<'_>, input_size: usize) -> PyResult<Self> {
        let network = py.detach(|| SqueezeNet::new(input_size)).map_err(IntoPyErr::into_py)?;
        Ok(Self {
            network: Box::new(network),
            settings: ExtractorSettings::SqueezeNet { input_size, precision: Precision::F32 },
        })
    }

    #[staticmethod]
    fn resnet18(py: Python<'_>, weights: PathBuf, input_size: usize, normalization: &str) -> PyResult<Self> {
        let normalization = parse(normalization)?;
        let network =
            py.detach(|| ResNet18::load(&weights, input_size, normalization)).map_err(IntoPyErr::into_py)?;
        let settings = ExtractorSettings::ResNet18 {
            input_size,
            normalization,
            weights: Some(weights),
            precision: Precision::F32,
        };
        Ok(Self { network: Box::new(network), settings })
    }

    #[staticmethod]
    #[pyo3(signature = (path, input_size=None, normalization=None, output=None, pool=None))]
    fn onnx(
        py: Python<'_>,
        path: PathBuf,
        input_size: Option<usize>,
        normalization: Option<&str>,
        output: Option<String>,
        pool: Option<&str>,
    ) -> PyResult<Self> {
        let normalization: Option<Normalization> = normalization.map(parse).transpose()?;
        let pool: Option<Pool> = pool.map(|pool| pool.parse().map_err(PyValueError::new_err)).transpose()?;
        let options = OnnxOptions { input_size, normalization, output: output.clone(), pool };
        let network = py.detach(|| Onnx::load(&path, options)).map_err(IntoPyErr::into_py)?;
        let input_size = network.input_size();
        let settings = ExtractorSettings::Onnx { path, input_size, normalization, output, pool };
        Ok(Self { network: Box::new(network), settings })
    }

    #[getter]
    fn name(&self) -> String {
        self.network.name()
    }

    #[getter]
    fn dim(&self) -> usize {
        self.network.dim()
    }

    #[getter]
    fn input_size(&self) -> usize {
        self.network.input_size()
    }

    #[getter]
    fn fingerprint(&self) -> String {
        self.network.fingerprint()
    }

    /// Images to features (N, D).
    #[pyo3(signature = (images, threads=0, progress=None))]
    fn extract<'py>(
        &self,
        py: Python<'py>,
        images: &Bound<'py, PyAny>,
        threads: usize,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let (images, pool) = (Images::new(images)?, pool(threads)?);
        let count = images.len()?;
        let mut features = Array2::zeros((count, self.network.dim()));
        let mut pace = Pace::new(pool.current_num_threads(), usize::MAX);
        let mut done = 0;
        while done < count {
            let range = done..count.min(done + pace.items());
            let batch = images.batch(range.clone(), self.network.input_size())?;
            let work = |stop: &AtomicBool| self.rows(batch, stop);
            let rows = pace.piece(|| stoppable(py, &pool, work, |_| Ok(())))?;
            let rows = rows.map_err(|error| error.behind(done).into_py())?;
            features.slice_mut(s![range.clone(), ..]).assign(&rows);
            done = range.end;
            if let Some(progress) = progress {
                progress.call1(("features", done, count, "images"))?;
            }
        }
        Ok(features.into_pyarray(py))
    }
}

impl Extractor {
    /// The features (n, D) of a batch: of the centre squares, as `mlprobe embed` cuts them.
    fn rows(&self, batch: Batch, stop: &AtomicBool) -> Result<Array2<f32>, mlprobe_features::Error> {
        match batch {
            Batch::Squares(images) => self.network.extract_with(images.view(), &|_| ()),
            Batch::List(images) => {
                let squares = images::squares(images, self.network.input_size(), stop)?;
                embed::extract_images(self.network.as_ref(), &squares)
            }
        }
    }
}

fn parse(normalization: &str) -> PyResult<Normalization> {
    normalization.parse().map_err(|error: mlprobe_data::Error| error.into_py())
}
