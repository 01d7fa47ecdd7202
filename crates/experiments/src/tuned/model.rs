//! A trained network of the tuned recipe, and how good it is.

use mlprobe_nn::Mlp;
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::metrics::Predictions;
use crate::tuned::candidate::signed_roots;
use crate::tuned::{ARM, Views};

/// A network and what it is to be given. Standardisation is part of its first layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Its initial weights, order of rows and dropout follow from it.
    pub seed: u64,
    /// Whether the network takes the square roots of features, sign(x)·√|x|, or the features themselves.
    pub square_roots: bool,
    /// Takes D numbers an image.
    pub network: Mlp<f32>,
}

impl Model {
    /// Features (N, D) to the probability of each class (N, K).
    ///
    /// # Errors
    /// [`Error::Training`] if the network does not take D features.
    pub fn probabilities(&self, features: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        let probabilities = match self.square_roots {
            true => self.network.probabilities(signed_roots(features).view()),
            false => self.network.probabilities(features),
        };
        probabilities.map_err(|source| failed(self.seed, source))
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

/// A network refused to train or to answer.
pub(super) fn failed(seed: u64, source: mlprobe_nn::Error) -> Error {
    Error::Training { arm: ARM.to_owned(), seed, source: Box::new(source) }
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
