//! The perceptron: trained, asked, and taken apart for pickle.

use std::time::{Duration, Instant};

use mlprobe_nn::{Examples, Hyperparameters, Linear, Mlp, Schedule, Trainer};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods, ToPyArray};
use pyo3::prelude::*;

use crate::calls::pool;
use crate::convert::{features, labels};
use crate::errors::IntoPyErr;

/// Epochs run without a look at the signals for about this long.
const PIECE: Duration = Duration::from_millis(100);

type Layer<'py> = (Bound<'py, PyArray2<f32>>, Bound<'py, PyArray1<f32>>);

/// A trained network.
#[pyclass(frozen, module = "mlprobe._mlprobe")]
pub struct Network(Mlp<f32>);

#[pymethods]
impl Network {
    /// Trains on x (N, D) with labels (N) below `classes`. Returns the network and the mean loss of each epoch, in nats.
    #[staticmethod]
    #[pyo3(signature = (x, y, *, classes, hidden, epochs, batch_size, learning_rate, cosine, momentum, weight_decay,
                        dropout, seed, threads=0, progress=None))]
    #[expect(clippy::too_many_arguments, reason = "they are named")]
    fn fit<'py>(
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
        y: &Bound<'py, PyAny>,
        classes: usize,
        hidden: Vec<usize>,
        epochs: usize,
        batch_size: usize,
        learning_rate: f64,
        cosine: bool,
        momentum: f64,
        weight_decay: f64,
        dropout: f64,
        seed: u64,
        threads: usize,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Self, Vec<f64>)> {
        let (x, y, pool) = (features(x)?, labels(y)?, pool(threads)?);
        let schedule = if cosine { Schedule::Cosine { epochs } } else { Schedule::Constant };
        let hyperparameters = Hyperparameters::new(learning_rate, batch_size)
            .and_then(|h| h.with_schedule(schedule)?.with_momentum(momentum)?.with_weight_decay(weight_decay))
            .and_then(|h| h.with_dropout(dropout));
        let hyperparameters = hyperparameters.map_err(IntoPyErr::into_py)?;
        let widths = [&[x.ncols()], &hidden[..], &[classes]].concat();
        let start = || {
            let examples = Examples::new(vec![(x.view(), &y[..])], classes)?;
            Trainer::new(Mlp::new(&widths, seed)?, examples, hyperparameters, seed)
        };
        let mut trainer = py.detach(|| pool.install(start)).map_err(IntoPyErr::into_py)?;
        let mut losses = Vec::new();
        while losses.len() < epochs {
            let some_epochs = || {
                let start = Instant::now();
                while losses.len() < epochs {
                    losses.push(trainer.epoch()?.mean_loss);
                    if start.elapsed() >= PIECE {
                        break;
                    }
                }
                Ok(())
            };
            py.detach(|| pool.install(some_epochs)).map_err(|error: mlprobe_nn::Error| error.into_py())?;
            py.check_signals()?;
            if let Some(progress) = progress {
                progress.call1(("training", losses.len(), epochs, "epochs"))?;
            }
        }
        Ok((Self(trainer.into_model()), losses))
    }

    /// The network of layers that [`layers`](Self::layers) gave.
    #[new]
    fn new(layers: Vec<Layer<'_>>) -> PyResult<Self> {
        let layer = |(weight, bias): Layer<'_>| Linear {
            weight: weight.to_owned_array(),
            bias: bias.to_owned_array(),
        };
        Mlp::from_layers(layers.into_iter().map(layer).collect()).map(Self).map_err(IntoPyErr::into_py)
    }

    /// Weight (out, in) and bias (out) of each layer, from the inputs on.
    fn layers<'py>(&self, py: Python<'py>) -> Vec<Layer<'py>> {
        self.0.layers().iter().map(|layer| (layer.weight.to_pyarray(py), layer.bias.to_pyarray(py))).collect()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyAny>, (Vec<Layer<'py>>,)) {
        (slf.get_type().into_any(), (slf.get().layers(slf.py()),))
    }

    /// x (N, D) to the probability of each class (N, K).
    fn probabilities<'py>(
        &self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let x = features(x)?;
        let probabilities = py.detach(|| self.0.probabilities(x.view())).map_err(IntoPyErr::into_py)?;
        Ok(probabilities.into_pyarray(py))
    }

    /// Writes the network as safetensors.
    fn save(&self, path: std::path::PathBuf) -> PyResult<()> {
        self.0.save(path).map_err(IntoPyErr::into_py)
    }
}
