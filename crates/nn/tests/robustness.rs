//! Damaged files of networks and training states: an error that names file, field, expected and actual, or what the file
//! says; never a panic, and never much more memory than the file's size explains.
#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

#[path = "../../files/tests/damage/mod.rs"]
mod damage;

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use mlprobe_nn::{Error, Mlp, TrainingState};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use damage::{SOME, damage, damaged, measured, turn};

const WIDTHS: [usize; 3] = [7, 5, 3];

/// What `save` writes.
fn saved(save: impl FnOnce(&Path)) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("whole");
    save(&path);
    fs::read(path).unwrap()
}

static NETWORK: LazyLock<Vec<u8>> =
    LazyLock::new(|| saved(|path| Mlp::<f32>::new(&WIDTHS, 1).unwrap().save(path).unwrap()));

static STATE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let model = Mlp::<f32>::new(&WIDTHS, 1).unwrap();
    let velocity = model.layers().to_vec();
    saved(|path| TrainingState { model, seed: 3, epochs_done: 12, velocity }.save(path).unwrap())
});

/// `load` of a file with these bytes gives an error as promised, or what `is_right` accepts.
fn check<T>(
    bytes: &[u8],
    load: impl FnOnce(&Path) -> Result<T, Error>,
    is_right: impl FnOnce(&T) -> bool,
) -> TestCaseResult {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    let (result, taken) = measured(|| load(file.path()));
    // The file, its numbers, and its header parsed: at least ten bytes of JSON make a tensor of some hundred.
    let allowed = 16 * bytes.len() + SOME;
    prop_assert!(taken <= allowed, "{taken} bytes taken, {allowed} allowed");
    match result {
        Ok(loaded) => prop_assert!(is_right(&loaded)),
        Err(Error::File { path, field, expected, actual }) => {
            prop_assert_eq!(path, file.path());
            prop_assert!(!field.is_empty() && !expected.is_empty() && !actual.is_empty());
        }
        Err(other) => return Err(TestCaseError::fail(format!("another error: {other:?}"))),
    }
    Ok(())
}

/// Three changes at most cannot make another network of this one: its digest would have to agree.
fn is_right(model: &Mlp<f32>) -> bool {
    Mlp::new(&WIDTHS, 1).is_ok_and(|saved| *model == saved)
}

proptest! {
    #[test]
    fn networks(damage in damage()) {
        let _turn = turn();
        check(&damaged(&NETWORK, &damage), |path| Mlp::load(path), is_right)?;
    }

    #[test]
    fn training_states(damage in damage()) {
        let _turn = turn();
        let is_right = |state: &TrainingState<f32>| is_right(&state.model);
        check(&damaged(&STATE, &damage), |path| TrainingState::load(path), is_right)?;
    }
}
