//! One step of gradient descent, with momentum and weight decay.

use crate::{Hyperparameters, Linear, Real};
use ndarray::{Array, Dimension, Zip};

/// Layers, gradients and velocity all have the same shapes: W (out, in), b (out); without momentum `velocity`
/// is empty. Leaves the gradients with the weight decay added.
///
/// Momentum is Polyak's heavy ball ("Some methods of speeding up the convergence of iteration methods",
/// 1964), in the form of Sutskever et al. (ICML 2013, equation 1) with the learning rate outside of the sum,
/// as PyTorch has it.
pub(crate) fn descend<F: Real>(
    layers: &mut [Linear<F>],
    gradients: &mut [Linear<F>],
    velocity: &mut [Linear<F>],
    learning_rate: f64,
    hyperparameters: &Hyperparameters,
) {
    let [rate, momentum, decay] =
        [learning_rate, hyperparameters.momentum, hyperparameters.weight_decay].map(F::from_f64);
    for (l, (layer, gradient)) in layers.iter_mut().zip(gradients).enumerate() {
        // dW ← dW + λ·W, the gradient of λ/2·ΣW²; biases do not decay
        if decay > F::zero() {
            gradient.weight.scaled_add(decay, &layer.weight);
        }
        // V ← μ·V + dW
        let step = match velocity.get_mut(l) {
            Some(velocity) => {
                accelerate(&mut velocity.weight, momentum, &gradient.weight);
                accelerate(&mut velocity.bias, momentum, &gradient.bias);
                &*velocity
            }
            None => &*gradient,
        };
        // W ← W - η·V
        layer.weight.scaled_add(-rate, &step.weight);
        layer.bias.scaled_add(-rate, &step.bias);
    }
}

fn accelerate<F: Real, D: Dimension>(velocity: &mut Array<F, D>, momentum: F, gradient: &Array<F, D>) {
    Zip::from(velocity).and(gradient).for_each(|v, &d| *v = momentum * *v + d);
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn layer(weight: f64, bias: f64) -> Vec<Linear<f64>> {
        vec![Linear { weight: array![[weight]], bias: array![bias] }]
    }

    fn step(recipe: Hyperparameters, velocity: &mut [Linear<f64>]) -> Vec<Linear<f64>> {
        let mut layers = layer(4.0, 2.0);
        descend(&mut layers, &mut layer(0.5, 0.25), velocity, 0.125, &recipe);
        layers
    }

    #[test]
    fn plain_descent_steps_against_the_gradient() {
        let recipe = Hyperparameters::new(1.0, 1).unwrap();
        assert_eq!(step(recipe, &mut []), layer(4.0 - 0.125 * 0.5, 2.0 - 0.125 * 0.25));
    }

    #[test]
    fn weights_decay_and_biases_do_not() {
        let recipe = Hyperparameters::new(1.0, 1).unwrap().with_weight_decay(0.25).unwrap();
        assert_eq!(step(recipe, &mut []), layer(4.0 - 0.125 * (0.5 + 0.25 * 4.0), 2.0 - 0.125 * 0.25));
    }

    #[test]
    fn momentum_adds_the_gradient_to_what_is_left_of_the_velocity() {
        let recipe = Hyperparameters::new(1.0, 1).unwrap().with_momentum(0.5).unwrap();
        let mut velocity = layer(8.0, -4.0);
        let layers = step(recipe, &mut velocity);
        assert_eq!(velocity, layer(4.5, -1.75));
        assert_eq!(layers, layer(4.0 - 0.125 * 4.5, 2.0 + 0.125 * 1.75));
    }
}
