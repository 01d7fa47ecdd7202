//! A trained network of the tuned recipe, and how good it is.

use mlprobe_nn::{Mlp, Precision};
use mlprobe_stats::metrics::Predictions;
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::views::Views;
use crate::engine::scoring::TrainedRun;
use crate::error::{Error, Result};

/// What runs of this recipe are called.
pub const ARM: &str = "tuned";

/// A network and what it is to be given. Standardisation is part of its first layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Its initial weights, order of rows and dropout follow from it.
    pub seed: u64,
    /// Whether the network takes the square roots of features, sign(x)·√|x|, or the features themselves.
    pub square_roots: bool,
    /// The precision of its products.
    pub precision: Precision,
    /// Takes D numbers per image.
    pub network: Mlp<f32>,
}

impl Model {
    /// The model of a finished run.
    pub(super) fn of(run: &TrainedRun, square_roots: bool, precision: Precision) -> Self {
        Self { seed: run.record.seed, square_roots, precision, network: run.model.clone() }
    }

    /// Features (N, D) to the probability of each class (N, K).
    ///
    /// # Errors
    /// [`Error::Training`] if the network does not take D features.
    pub fn probabilities(&self, features: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        let probabilities = match self.square_roots {
            true => self.network.probabilities_in(self.precision, signed_roots(features).view()),
            false => self.network.probabilities_in(self.precision, features),
        };
        probabilities.map_err(Error::training(ARM, self.seed))
    }

    /// The mean of the probabilities (N, K) that an image and its mirror image get (test-time augmentation, as in
    /// Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks", 2012,
    /// section 4.1).
    ///
    /// # Errors
    /// As [`Model::probabilities`].
    pub fn averaged_probabilities(&self, images: &Views) -> Result<Array2<f32>> {
        let original = self.probabilities(images.original().features())?;
        Ok((original + self.probabilities(images.mirrored().features())?) / 2.0)
    }
}

/// x (N, D) to sign(x)·√|x| (N, D): it evens out features of which a few are very large. Also known as power
/// normalisation (Perronnin, Sánchez and Mensink, "Improving the Fisher kernel for large-scale image classification",
/// ECCV 2010, section 3.2).
pub(super) fn signed_roots(x: ArrayView2<'_, f32>) -> Array2<f32> {
    x.mapv(|x| x.abs().sqrt().copysign(x))
}

/// How good a model is on a set of images. Accuracies are fractions, losses mean cross-entropies in nats.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// From the images as they are.
    pub loss: f64,
    /// From the images as they are.
    pub accuracy: f64,
    /// From the mean of the probabilities of an image and its mirror image.
    pub averaged_loss: f64,
    /// From the mean of the probabilities of an image and its mirror image.
    pub averaged_accuracy: f64,
}

impl Scores {
    /// Of `model` on `images`.
    pub(super) fn of(model: &Model, images: &Views) -> Result<Self> {
        let (single, averaged) =
            (model.probabilities(images.original().features())?, model.averaged_probabilities(images)?);
        let single = Predictions::new(images.labels(), single.view())?;
        let averaged = Predictions::new(images.labels(), averaged.view())?;
        Ok(Self {
            loss: single.log_loss(),
            accuracy: single.accuracy(),
            averaged_loss: averaged.log_loss(),
            averaged_accuracy: averaged.accuracy(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn roots_keep_the_sign() {
        assert_eq!(signed_roots(array![[4.0, 0.0, -9.0]].view()), array![[2.0, 0.0, -3.0]]);
    }
}
