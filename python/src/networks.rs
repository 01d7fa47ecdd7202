//! The perceptron: trained, trained on, asked, and taken apart for pickle.

use std::time::{Duration, Instant};

use mlprobe_nn::{Examples, Hyperparameters, Linear, Mlp, Schedule, Trainer, TrainingState};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods, ToPyArray};
use pyo3::prelude::*;

use crate::calls::pool;
use crate::convert::{features, labels};
use crate::errors::IntoPyErr;
use crate::validation::Validation;

/// Epochs run without a look at the signals for about this long.
const PIECE: Duration = Duration::from_millis(100);

type Layer<'py> = (Bound<'py, PyArray2<f32>>, Bound<'py, PyArray1<f32>>);
/// Layers, velocity, seed and epochs done.
type Parts<'py> = (Vec<Layer<'py>>, Vec<Layer<'py>>, u64, usize);

/// A network with what is needed to go on with its training.
#[pyclass(frozen, module = "mlprobe._mlprobe")]
pub struct Network(TrainingState<f32>);

#[pymethods]
impl Network {
    /// A network of these widths, from the features to the classes, as it is before training.
    #[staticmethod]
    fn initial(widths: Vec<usize>, seed: u64) -> PyResult<Self> {
        let model = Mlp::new(&widths, seed).map_err(IntoPyErr::into_py)?;
        Ok(Self(TrainingState { model, seed, epochs_done: 0, velocity: Vec::new() }))
    }

    /// The network of the parts that pickle has kept.
    #[new]
    #[pyo3(signature = (layers, velocity=Vec::new(), seed=0, epochs_done=0))]
    fn new(
        layers: Vec<Layer<'_>>,
        velocity: Vec<Layer<'_>>,
        seed: u64,
        epochs_done: usize,
    ) -> PyResult<Self> {
        let model = Mlp::from_layers(layers.into_iter().map(layer).collect()).map_err(IntoPyErr::into_py)?;
        let velocity = velocity.into_iter().map(layer).collect();
        Ok(Self(TrainingState { model, seed, epochs_done, velocity }))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyAny>, Parts<'py>) {
        let (py, state) = (slf.py(), &slf.get().0);
        let parts = (arrays(py, state.model.layers()), arrays(py, &state.velocity));
        (slf.get_type().into_any(), (parts.0, parts.1, state.seed, state.epochs_done))
    }

    /// The same network, at rest, at the first epoch of another order of the rows.
    fn restarted(&self) -> Self {
        let TrainingState { model, seed, .. } = &self.0;
        Self(TrainingState {
            model: model.clone(),
            seed: seed.wrapping_add(1),
            epochs_done: 0,
            velocity: Vec::new(),
        })
    }

    /// The network after more epochs on x (N, D) with labels (N) and, where they differ, weights (N); the mean loss of each
    /// epoch, in nats; and its accuracy on `validation`, which is features, labels, weights, the least gain and the number of
    /// epochs without one after which training ends. `report` is called with the number of each epoch, its loss and accuracy.
    #[pyo3(signature = (x, y, *, weights, validation, epochs, batch_size, learning_rate, cosine, momentum, weight_decay,
                        threads=0, progress=None, report=None))]
    #[expect(clippy::too_many_arguments, reason = "they are named")]
    fn trained<'py>(
        &self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
        y: &Bound<'py, PyAny>,
        weights: Option<Bound<'py, PyArray1<f64>>>,
        validation: Option<Validation>,
        epochs: usize,
        batch_size: usize,
        learning_rate: f64,
        cosine: bool,
        momentum: f64,
        weight_decay: f64,
        threads: usize,
        progress: Option<&Bound<'py, PyAny>>,
        report: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Self, Vec<f64>, Vec<f64>)> {
        let (x, y, pool) = (features(x)?, labels(y)?, pool(threads)?);
        let weights = weights.map(|weights| weights.to_vec()).transpose()?;
        let schedule = if cosine { Schedule::Cosine { epochs } } else { Schedule::Constant };
        let hyperparameters = Hyperparameters::new(learning_rate, batch_size).and_then(|h| {
            h.with_schedule(schedule)?.with_momentum(momentum)?.with_weight_decay(weight_decay)
        });
        let hyperparameters = hyperparameters.map_err(IntoPyErr::into_py)?;
        let start = || {
            let examples = Examples::new(vec![(x.view(), &y[..])], self.0.model.classes())?;
            let examples = match &weights {
                Some(weights) => examples.weighted(weights)?,
                None => examples,
            };
            Trainer::resume(self.0.clone(), examples, hyperparameters)
        };
        let mut trainer = py.detach(|| pool.install(start)).map_err(IntoPyErr::into_py)?;
        let (mut validation, mut losses, mut is_over) = (validation, Vec::new(), epochs == 0);
        while !is_over {
            let before = losses.len();
            let some_epochs = || {
                let start = Instant::now();
                while !is_over && start.elapsed() < PIECE {
                    losses.push(trainer.epoch()?.mean_loss);
                    is_over = losses.len() >= epochs;
                    if let Some(validation) = &mut validation {
                        is_over |= validation.ends(&trainer)?;
                    }
                }
                Ok(())
            };
            py.detach(|| pool.install(some_epochs)).map_err(|error: mlprobe_nn::Error| error.into_py())?;
            py.check_signals()?;
            if let Some(report) = report {
                for (epoch, loss) in losses.iter().enumerate().skip(before) {
                    let score = validation.as_ref().and_then(|validation| validation.scores.get(epoch));
                    report.call1((epoch + 1, *loss, score.copied()))?;
                }
            }
            if let Some(progress) = progress {
                progress.call1(("training", losses.len(), epochs, "epochs"))?;
            }
        }
        let (best, scores) =
            validation.map_or((None, Vec::new()), |validation| (validation.best, validation.scores));
        Ok((Self(best.unwrap_or_else(|| trainer.state())), losses, scores))
    }

    /// Weight (out, in) and bias (out) of each layer, from the inputs on.
    fn layers<'py>(&self, py: Python<'py>) -> Vec<Layer<'py>> {
        arrays(py, self.0.model.layers())
    }

    /// x (N, D) to the logits (N, K), all of them finite.
    fn logits<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let x = features(x)?;
        let logits = py.detach(|| self.0.model.logits(x.view())).map_err(IntoPyErr::into_py)?;
        Ok(logits.into_pyarray(py))
    }

    /// x (N, D) to the probability of each class (N, K).
    fn probabilities<'py>(
        &self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let x = features(x)?;
        let probabilities = py.detach(|| self.0.model.probabilities(x.view())).map_err(IntoPyErr::into_py)?;
        Ok(probabilities.into_pyarray(py))
    }

    /// Writes the network as safetensors.
    fn save(&self, path: std::path::PathBuf) -> PyResult<()> {
        self.0.model.save(path).map_err(IntoPyErr::into_py)
    }
}

fn layer((weight, bias): Layer<'_>) -> Linear<f32> {
    Linear { weight: weight.to_owned_array(), bias: bias.to_owned_array() }
}

fn arrays<'py>(py: Python<'py>, layers: &[Linear<f32>]) -> Vec<Layer<'py>> {
    layers.iter().map(|layer| (layer.weight.to_pyarray(py), layer.bias.to_pyarray(py))).collect()
}

/// Root mean square and deviation of features x (N, D), if they are so far from 0 and 1 that a network learns little.
#[pyfunction]
pub fn odd_scale(x: &Bound<'_, PyAny>) -> PyResult<Option<(f64, f64)>> {
    if let Ok(x) = x.cast::<PyArray2<f32>>() {
        return Ok(mlprobe_experiments::odd_scale(x.try_readonly()?.as_array())); // without a copy
    }
    Ok(mlprobe_experiments::odd_scale(features(x)?.view()))
}
