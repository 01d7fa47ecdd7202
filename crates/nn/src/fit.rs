//! A network trained in one call.

use crate::{Examples, Mlp, Params, Real, Result, Trainer};
use ndarray::ArrayRef2;

impl<F: Real> Mlp<F> {
    /// A network trained on x (N, D) with labels (N), each below K. K is the largest label plus one unless
    /// [`Params::classes`] says otherwise.
    ///
    /// The same arguments give the same bits. Called on a thread of a rayon pool, this uses the pool's threads, elsewhere
    /// the calling one. [`Trainer`] trains epoch by epoch instead, on several blocks of examples, and can be interrupted.
    ///
    /// # Errors
    /// [`Error::Hyperparameter`](crate::Error::Hyperparameter) and [`Error::Shape`](crate::Error::Shape) for parameters or
    /// sizes out of range, [`Error::NotFinite`](crate::Error::NotFinite) for a feature that is infinite or NaN,
    /// [`Error::Label`](crate::Error::Label) for a label above the number of classes given, and
    /// [`Error::Diverged`](crate::Error::Diverged).
    ///
    /// ```
    /// # fn main() -> mlprobe_nn::Result<()> {
    /// use mlprobe_nn::{Mlp, Params};
    /// use ndarray::array;
    ///
    /// let x = array![[0.0_f32, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
    /// let y = [0, 1, 1, 0]; // "exclusive or"
    /// let mlp = Mlp::fit((&x, &y), &Params::new([16]).batch_size(4).learning_rate(0.1).seed(1))?;
    /// assert_eq!(mlp.predict(&x)?, y);
    /// # Ok(())
    /// # }
    /// ```
    pub fn fit((x, labels): (&ArrayRef2<F>, &[u16]), params: &Params) -> Result<Self> {
        let hyperparameters = params.hyperparameters()?;
        let largest = labels.iter().max().map_or(0, |&label| usize::from(label));
        let classes = params.classes.unwrap_or(largest + 1);
        let examples = Examples::new(vec![(x.view(), labels)], classes)?;
        let widths = [&[x.ncols()], &params.hidden[..], &[classes]].concat();
        let model = Self::new(&widths, params.seed)?;
        let mut trainer = Trainer::new(model, examples, hyperparameters, params.seed)?;
        for _ in 0..params.epochs {
            trainer.epoch()?;
        }
        Ok(trainer.into_model())
    }
}
