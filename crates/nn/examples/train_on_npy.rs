//! Trains a probe on features and labels that NumPy saved, and scores it on others.
//!
//! `cargo run --release --example train_on_npy -p mlprobe-nn -- X_TRAIN Y_TRAIN X_TEST Y_TEST [EPOCHS]`
//!
//! Features are (N, D) in float32 or float64, labels (N) in uint8, uint16 or int64, classes counted from 0. Data to
//! try it on:
//!
//! ```python
//! import numpy as np
//! rng = np.random.default_rng(0)
//! centres = rng.normal(size=(10, 64))
//! for name, n in [("train", 5000), ("test", 1000)]:
//!     y = rng.integers(0, 10, n)
//!     np.save(f"x_{name}.npy", centres[y] + 2 * rng.normal(size=(n, 64)))
//!     np.save(f"y_{name}.npy", y)
//! ```

use mlprobe_nn::{Examples, Hyperparameters, Mlp, Trainer, evaluate};
use ndarray::{Array1, Array2};
use ndarray_npy::{ReadNpyError, read_npy};
use std::error::Error;

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (files, epochs) = match &arguments[..] {
        [files @ .., epochs] if files.len() == 4 => (files, epochs.parse()?),
        files if files.len() == 4 => (files, 20),
        _ => {
            return Err(
                "give four files: X_TRAIN Y_TRAIN X_TEST Y_TEST, and the number of epochs if not 20".into()
            );
        }
    };
    let (x_train, y_train) = (features(&files[0])?, labels(&files[1])?);
    let (x_test, y_test) = (features(&files[2])?, labels(&files[3])?);
    let classes = y_train.iter().max().map_or(0, |&last| usize::from(last) + 1);
    let train = Examples::new(vec![(x_train.view(), &y_train)], classes)?;
    let test = Examples::new(vec![(x_test.view(), &y_test)], classes)?;

    let model = Mlp::new(&[train.inputs(), 64, classes], 1)?;
    let recipe = Hyperparameters::new(0.01, 100)?.with_momentum(0.9)?;
    let mut trainer = Trainer::new(model, train.clone(), recipe, 1)?;
    println!("epoch   training loss   test accuracy");
    for _ in 0..epochs {
        let summary = trainer.epoch()?;
        let accuracy = 100.0 * evaluate(trainer.model(), &test)?.accuracy;
        println!("{:>5}{:>16.4}{:>14.1} %", summary.epoch, summary.mean_loss, accuracy);
    }
    trainer.model().save("probe.safetensors")?;
    println!("the model is in probe.safetensors");
    Ok(())
}

/// (N, D) from float32, or from float64 by rounding.
fn features(path: &str) -> Result<Array2<f32>, Failure> {
    match read_npy(path) {
        Err(ReadNpyError::WrongDescriptor(_)) => {
            let wide: Array2<f64> = read_npy(path).map_err(|error| format!("{path}: {error}"))?;
            Ok(wide.mapv(|x| x as f32))
        }
        read => Ok(read.map_err(|error| format!("{path}: {error}"))?),
    }
}

/// (N) from uint16, or from uint8 or int64 where every label fits.
fn labels(path: &str) -> Result<Vec<u16>, Failure> {
    let labels: Array1<u16> = match read_npy(path) {
        Err(ReadNpyError::WrongDescriptor(_)) => match read_npy::<_, Array1<u8>>(path) {
            Ok(bytes) => bytes.mapv(u16::from),
            Err(_) => {
                let wide: Array1<i64> = read_npy(path).map_err(|error| format!("{path}: {error}"))?;
                wide.iter().map(|&label| u16::try_from(label)).collect::<Result<_, _>>()?
            }
        },
        read => read.map_err(|error| format!("{path}: {error}"))?,
    };
    Ok(labels.to_vec())
}
