//! How good a network is on a set of examples.

use crate::backprop::{Workspace, forward_loss};
use crate::mlp::{CHUNK, argmax};
use crate::{Error, Examples, Mlp, Real, Result};
use ndarray::Axis;

/// Loss and accuracy over a set of examples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    /// Mean cross-entropy in nats; ln K for a network that knows nothing.
    pub loss: f64,
    /// Fraction of examples whose likeliest class is their label, 0 to 1.
    pub accuracy: f64,
}

/// Loss and accuracy of `model` over all examples (N, D), a few hundred rows at a time.
///
/// # Errors
/// [`Error::Shape`] if the network does not take D features or does not give K classes; [`Error::NotFinite`]
/// if the loss is infinite or NaN.
pub fn evaluate<F: Real>(model: &Mlp<F>, examples: &Examples<F>) -> Result<Evaluation> {
    const OPERATION: &str = "evaluate";
    examples.check_fits(OPERATION, model)?;
    let mut workspace = Workspace::new(model.layers(), examples.len().min(CHUNK));
    let (mut loss, mut correct) = (0.0, 0);
    for (x, labels) in examples.blocks() {
        for (x, labels) in x.axis_chunks_iter(Axis(0), CHUNK).zip(labels.chunks(CHUNK)) {
            loss += forward_loss(model.layers(), x, labels, &mut workspace);
            let logits = workspace.logits(x.nrows());
            correct +=
                logits.outer_iter().zip(labels).filter(|(z, label)| argmax(z.view()) == **label).count();
        }
    }
    let n = examples.len() as f64;
    let (loss, accuracy) = (loss / n, correct as f64 / n);
    if !loss.is_finite() {
        return Err(Error::NotFinite { operation: OPERATION, location: "the mean loss".into(), value: loss });
    }
    Ok(Evaluation { loss, accuracy })
}
