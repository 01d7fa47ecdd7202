//! How good a network is on a set of examples.

use crate::backprop::{Workspace, forward_loss};
use crate::batch::threads;
use crate::features::FeaturesView;
use crate::hyperparameters::check_precision;
use crate::mlp::{CHUNK, argmax};
use crate::{Error, Examples, Mlp, Precision, Real, Result};
use ndarray::{ArrayView2, Axis, Slice};
use rayon::prelude::*;

/// Loss and accuracy over a set of examples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    /// Mean cross-entropy in nats; it is ln K if all classes are equally likely for every example.
    pub loss: f64,
    /// Fraction of examples whose likeliest class is their label, 0 to 1.
    pub accuracy: f64,
}

impl<F: Real> Mlp<F> {
    /// The fraction of the rows of x (N, D) whose likeliest class is their label (N), 0 to 1; see [`evaluate`].
    ///
    /// # Errors
    /// As [`evaluate`] and [`Examples::new`].
    pub fn accuracy<'a>(&self, x: impl Into<ArrayView2<'a, F>>, labels: &'a [u16]) -> Result<f64> {
        let examples = Examples::new(vec![(x.into(), labels)], self.classes())?;
        Ok(evaluate(self, &examples)?.accuracy)
    }
}

/// Loss and accuracy of `model` over all examples (N, D), a few hundred rows at a time. Called on a thread of a rayon
/// pool, it uses the pool's threads, elsewhere the calling one. The result has the same bits for any number of threads.
///
/// # Errors
/// [`Error::Shape`] if the network does not take D features or does not give K classes; [`Error::NotFinite`]
/// if the loss is infinite or NaN.
pub fn evaluate<F: Real>(model: &Mlp<F>, examples: &Examples<F>) -> Result<Evaluation> {
    evaluate_in(Precision::F32, model, examples)
}

/// [`evaluate`] with products in a given precision; see [`Hyperparameters::with_precision`](crate::Hyperparameters::with_precision).
///
/// # Errors
/// As [`evaluate`]; also [`Error::Hyperparameter`] for a precision other than `f32` with a network of `f64`.
pub fn evaluate_in<F: Real>(
    precision: Precision,
    model: &Mlp<F>,
    examples: &Examples<F>,
) -> Result<Evaluation> {
    const OPERATION: &str = "evaluate";
    model.check_takes(OPERATION, examples)?;
    check_precision::<F>(precision)?;
    let blocks: Vec<_> = examples.features(precision).zip(examples.blocks()).collect();
    let chunks: Vec<_> = blocks
        .iter()
        .flat_map(|&(x, (_, labels))| {
            let rows = |i| Slice::from(i * CHUNK..labels.len().min((i + 1) * CHUNK));
            labels.chunks(CHUNK).enumerate().map(move |(i, labels)| (x.slice(Axis(0), rows(i)), labels))
        })
        .collect();
    let workspace = || Workspace::new(precision, model.layers(), examples.len().min(CHUNK));
    let score = |workspace: &mut Workspace<F>, &(x, labels): &(FeaturesView<'_, F>, &[u16])| {
        let loss = forward_loss(model.layers(), x, labels, &[], workspace);
        let logits = workspace.logits(x.nrows());
        let correct =
            logits.outer_iter().zip(labels).filter(|(z, label)| argmax(z.view()) == **label).count();
        (loss, correct)
    };
    let scores: Vec<_> = if threads() == 1 {
        let mut workspace = workspace();
        chunks.iter().map(|chunk| score(&mut workspace, chunk)).collect()
    } else {
        chunks.par_iter().map_init(workspace, score).collect()
    };
    // In order, so that the sum is the same for any number of threads.
    let (loss, correct) =
        scores.into_iter().fold((0.0, 0), |sums, (loss, correct)| (sums.0 + loss, sums.1 + correct));
    let n = examples.len() as f64;
    let (loss, accuracy) = (loss / n, correct as f64 / n);
    if !loss.is_finite() {
        return Err(Error::NotFinite { operation: OPERATION, location: "the mean loss".into(), value: loss });
    }
    Ok(Evaluation { loss, accuracy })
}
