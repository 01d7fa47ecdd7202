//! The network: how it is made, and what it predicts.

use crate::backprop::{Workspace, add_gradients, backward, forward, forward_loss};
use crate::hyperparameters::check_precision;
use crate::loss::softmax;
use crate::random::{generator, symmetric};
use crate::{Error, Examples, Linear, Precision, Real, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

/// The widest layer that is accepted: there are as many classes at most, and wider ones are above any use this crate is
/// made for.
const MAX_WIDTH: usize = 65_536;
/// Rows per forward pass outside of training: hidden layers of this many rows stay in the cache.
pub(crate) const CHUNK: usize = 512;

/// A multilayer perceptron: affine layers with ReLU between them, the last one's outputs being the logits.
///
/// ```
/// # fn main() -> mlprobe_nn::Result<()> {
/// use mlprobe_nn::Mlp;
/// use ndarray::Array2;
///
/// let model = Mlp::<f32>::new(&[512, 64, 10], 1)?; // D = 512, H = 64, K = 10, seed 1
/// let x = Array2::zeros((3, 512)); // N = 3 rows of features
/// assert_eq!(model.logits(&x)?.dim(), (3, 10));
/// assert_eq!(model.predict(&x)?.len(), 3);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Mlp<F> {
    /// Not empty; widths fit; numbers finite; weights column-major.
    layers: Vec<Linear<F>>,
}

impl<F: Real> Mlp<F> {
    /// A network with random weights and zero biases.
    ///
    /// `widths` runs from the inputs over the hidden layers to the classes, such as `[512, 64, 10]`: two or
    /// more, each 1 to 65,536. Weights are uniform in ±√(6 / fan-in), which keeps the
    /// variance of the activations the same from layer to layer (He et al., "Delving deep into rectifiers",
    /// 2015, section 2.2). They are drawn in f64, row by row, each layer from its own stream, and rounded: an
    /// f32 and an f64 network with the same seed agree.
    ///
    /// # Errors
    /// [`Error::Shape`] for widths out of range.
    pub fn new(widths: &[usize], seed: u64) -> Result<Self> {
        check_widths(widths)?;
        let layer = |(stream, pair): (usize, &[usize])| {
            let mut generator = generator(seed, "mlprobe/nn/init", stream as u64);
            let bound = (6.0 / pair[0] as f64).sqrt();
            let draw = || F::from_f64(symmetric(&mut generator, bound));
            Linear {
                weight: Array2::from_shape_simple_fn((pair[1], pair[0]), draw),
                bias: Array1::zeros(pair[1]),
            }
        };
        Self::from_layers(widths.windows(2).enumerate().map(layer).collect())
    }

    /// A network with given parameters, in any memory layout.
    ///
    /// # Errors
    /// [`Error::Shape`] if there is no layer, a bias is not as long as its layer is wide, a layer does not
    /// take what the one before gives, or a width is out of range (see [`Mlp::new`]); [`Error::NotFinite`].
    pub fn from_layers(layers: Vec<Linear<F>>) -> Result<Self> {
        const OPERATION: &str = "make a network from layers";
        for (l, layer) in layers.iter().enumerate() {
            let inputs = if l == 0 { layer.inputs() } else { layers[l - 1].outputs() };
            if (layer.inputs(), layer.outputs()) != (inputs, layer.bias.len()) {
                let expected =
                    format!("layer {l} to take {inputs} inputs and to have a bias for each output");
                let actual = format!("weight {:?} and bias {}", layer.weight.dim(), layer.bias.len());
                return Err(Error::Shape { operation: OPERATION, expected, actual });
            }
            layer.check_finite(OPERATION, &format!("layers.{l}"))?;
        }
        let model = Self { layers: layers.into_iter().map(Linear::into_column_major).collect() };
        check_widths(&model.widths())?;
        Ok(model)
    }

    /// The layers, from the inputs on.
    pub fn layers(&self) -> &[Linear<F>] {
        &self.layers
    }

    /// The widths, from the inputs D over the hidden layers to the classes K.
    pub fn widths(&self) -> Vec<usize> {
        let inputs = self.layers.first().map(Linear::inputs);
        inputs.into_iter().chain(self.layers.iter().map(Linear::outputs)).collect()
    }

    /// The number of inputs D.
    pub fn inputs(&self) -> usize {
        self.layers.first().map_or(0, Linear::inputs)
    }

    /// The number of classes K.
    pub fn classes(&self) -> usize {
        self.layers.last().map_or(0, Linear::outputs)
    }

    /// x (N, D) to logits (N, K).
    ///
    /// # Errors
    /// [`Error::Shape`] if `x` does not have D columns; [`Error::NotFinite`] if a logit is infinite or NaN, as with features
    /// that are, or whose sums are too large for the type: no class is the likeliest then.
    pub fn logits<'a>(&self, x: impl Into<ArrayView2<'a, F>>) -> Result<Array2<F>> {
        self.logits_in(Precision::F32, x)
    }

    /// [`Mlp::logits`] with products in a given precision, as [`evaluate_in`](crate::evaluate_in) scores them.
    ///
    /// # Errors
    /// As [`Mlp::logits`]; also [`Error::Hyperparameter`] for a precision other than `f32` with a network of `f64`.
    pub fn logits_in<'a>(&self, precision: Precision, x: impl Into<ArrayView2<'a, F>>) -> Result<Array2<F>> {
        check_precision::<F>(precision)?;
        let x = x.into();
        if x.ncols() != self.inputs() {
            let (expected, actual) = (format!("{} features per row", self.inputs()), x.ncols().to_string());
            return Err(Error::Shape { operation: "compute logits", expected, actual });
        }
        let mut logits = Array2::zeros((x.nrows(), self.classes()));
        let mut workspace = Workspace::new(precision, &self.layers, x.nrows().min(CHUNK));
        let chunks = x.axis_chunks_iter(Axis(0), CHUNK);
        for (x, mut logits) in chunks.zip(logits.axis_chunks_iter_mut(Axis(0), CHUNK)) {
            forward(&self.layers, x.into(), &mut workspace);
            logits.assign(&workspace.logits(x.nrows()));
        }
        if let Some(((row, _), &z)) = logits.indexed_iter().find(|(_, z)| !z.is_finite()) {
            let location = format!("a logit of row {row}");
            return Err(Error::NotFinite { operation: "compute logits", location, value: z.into() });
        }
        Ok(logits)
    }

    /// x (N, D) to the probability of each class (N, K): the softmax of the logits.
    ///
    /// # Errors
    /// As [`Mlp::logits`].
    pub fn probabilities<'a>(&self, x: impl Into<ArrayView2<'a, F>>) -> Result<Array2<F>> {
        self.probabilities_in(Precision::F32, x)
    }

    /// [`Mlp::probabilities`] with products in a given precision.
    ///
    /// # Errors
    /// As [`Mlp::logits_in`].
    pub fn probabilities_in<'a>(
        &self,
        precision: Precision,
        x: impl Into<ArrayView2<'a, F>>,
    ) -> Result<Array2<F>> {
        let logits = self.logits_in(precision, x)?;
        let mut probabilities = Array2::zeros(logits.dim());
        softmax(logits.view(), probabilities.view_mut());
        Ok(probabilities)
    }

    /// x (N, D) to the likeliest class of each row (N); the first of equal ones.
    ///
    /// # Errors
    /// As [`Mlp::logits`].
    pub fn predict<'a>(&self, x: impl Into<ArrayView2<'a, F>>) -> Result<Vec<u16>> {
        self.predict_in(Precision::F32, x)
    }

    /// [`Mlp::predict`] with products in a given precision.
    ///
    /// # Errors
    /// As [`Mlp::logits_in`].
    pub fn predict_in<'a>(&self, precision: Precision, x: impl Into<ArrayView2<'a, F>>) -> Result<Vec<u16>> {
        Ok(self.logits_in(precision, x)?.outer_iter().map(argmax).collect())
    }

    /// x (m, D), labels (m) to the mean cross-entropy of the batch and its gradient by every parameter,
    /// in the shape of [`Mlp::layers`].
    ///
    /// [`Trainer`](crate::Trainer) does the same in buffers that it keeps; this function is for inspecting gradients.
    ///
    /// # Errors
    /// [`Error::Shape`] if `x` does not have D columns, has no row, or has another number of rows than `labels`;
    /// [`Error::Label`].
    pub fn gradients(&self, x: ArrayView2<F>, labels: &[u16]) -> Result<(f64, Vec<Linear<F>>)> {
        self.check_takes("compute gradients", &Examples::new(vec![(x, labels)], self.classes())?)?;
        let mut workspace = Workspace::new(Precision::F32, &self.layers, x.nrows());
        let mut gradients = self.zeros_like();
        let loss = forward_loss(&self.layers, x.into(), labels, &[], &mut workspace);
        backward(&self.layers, labels, &[], &mut workspace);
        add_gradients(x.into(), &workspace, &mut gradients);
        gradients.iter_mut().for_each(|gradient| gradient.divide(x.nrows()));
        Ok((loss / x.nrows() as f64, gradients))
    }

    /// Whether the network takes the examples' D features and gives K classes.
    pub(crate) fn check_takes(&self, operation: &'static str, examples: &Examples<F>) -> Result<()> {
        let ours = (self.inputs(), self.classes());
        let theirs = (examples.inputs(), examples.classes());
        if ours == theirs {
            return Ok(());
        }
        let say = |(inputs, classes)| format!("{inputs} features and {classes} classes");
        Err(Error::Shape { operation, expected: format!("examples of {}", say(ours)), actual: say(theirs) })
    }

    pub(crate) fn layers_mut(&mut self) -> &mut [Linear<F>] {
        &mut self.layers
    }

    /// Layers of the same shapes, all zero.
    pub(crate) fn zeros_like(&self) -> Vec<Linear<F>> {
        self.layers.iter().map(|layer| Linear::zeros(layer.inputs(), layer.outputs())).collect()
    }
}

/// z (K) to the index of its largest number, the first of equal ones.
pub(crate) fn argmax<F: Real>(z: ArrayView1<F>) -> u16 {
    let mut best = 0;
    for (k, &value) in z.iter().enumerate() {
        if value > z[best] {
            best = k;
        }
    }
    best as u16
}

fn check_widths(widths: &[usize]) -> Result<()> {
    let in_range = widths.iter().all(|width| (1..=MAX_WIDTH).contains(width));
    if widths.len() >= 2 && in_range {
        return Ok(());
    }
    Err(Error::Shape {
        operation: "make a network",
        expected: format!("two or more widths of 1 to {MAX_WIDTH}"),
        actual: format!("{widths:?}"),
    })
}
