//! Damaged files of arrays, weights and cached features: an error that names file, place, expected and actual, or what
//! the file says; never a panic, and never much more memory than the file's size explains.
#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

#[path = "../../files/tests/damage/mod.rs"]
mod damage;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use mlprobe_features::arrays::{LabelledArrays, Options, read_labelled, read_pair, write_npz};
use mlprobe_features::{Error, FeatureCache, Normalization, Origin, ResNet18};
use ndarray::{Array1, Array2};
use ndarray_npy::WriteNpyExt;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseResult;
use safetensors::tensor::{Dtype, TensorView, serialize};
use tempfile::NamedTempFile;

use damage::{Damage, SOME, damage, damaged, measured, turn};

/// Deflate makes at most so many bytes of one.
const DEFLATE_RATIO: usize = 1032;

fn features() -> Array2<f32> {
    Array2::from_shape_fn((7, 5), |(i, j)| (i as f32 - 2.5) * j as f32)
}

fn labels() -> Array1<i64> {
    (0..7).map(|i| i % 3).collect()
}

/// Features and labels as `.npy` files.
static NPY: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let mut files = [Vec::new(), Vec::new()];
    features().write_npy(&mut files[0]).unwrap();
    labels().write_npy(&mut files[1]).unwrap();
    files
});

fn golden(name: &str) -> Vec<u8> {
    fs::read(format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// An `.npz` file of ours, and some of NumPy's.
static NPZ: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let file = NamedTempFile::new().unwrap();
    let labels: Vec<u16> = labels().iter().map(|&label| label as u16).collect();
    write_npz(file.path(), features().view(), &labels).unwrap();
    let names = ["compressed", "bfloat16", "one-hot-fortran", "text-big-endian", "text-bytes", "records"];
    let numpy = names.iter().map(|name| golden(&format!("numpy/{name}.npz")));
    numpy.chain([fs::read(file.path()).unwrap()]).collect()
});

/// The first convolution of ResNet-18 and its normalization, which is read before the others are missed.
static WEIGHTS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let bytes: Vec<u8> =
        (0..64 * 3 * 7 * 7).flat_map(|i| ((i % 23) as f32 / 23.0 + 0.1).to_le_bytes()).collect();
    let tensor = |name: &str, shape: &[usize]| {
        let size = 4 * shape.iter().product::<usize>();
        (name.to_owned(), TensorView::new(Dtype::F32, shape.to_vec(), &bytes[..size]).unwrap())
    };
    let parts = ["weight", "bias", "running_mean", "running_var"];
    let norm = parts.map(|part| tensor(&format!("bn1.{part}"), &[64]));
    serialize(norm.into_iter().chain([tensor("conv1.weight", &[64, 3, 7, 7])]), None).unwrap()
});

/// `load` of a file with these bytes takes at most `allowed` bytes of memory, and its error names the file.
fn check<T>(
    bytes: &[u8],
    allowed: usize,
    load: impl FnOnce(&Path) -> Result<T, Error>,
) -> Result<Option<T>, TestCaseError> {
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    let (result, taken) = measured(|| load(file.path()));
    prop_assert!(taken <= allowed, "{taken} bytes taken, {allowed} allowed");
    let error = match result {
        Ok(loaded) => return Ok(Some(loaded)),
        Err(error) => error,
    };
    let message = error.to_string();
    prop_assert!(message.contains(file.path().to_str().unwrap()), "{message}");
    match error {
        Error::Array { array: place, expected, actual, .. }
        | Error::Weights { name: place, expected, actual } => {
            prop_assert!(!place.is_empty() && !expected.is_empty() && !actual.is_empty(), "{message}");
            Ok(None)
        }
        other => Err(TestCaseError::fail(format!("another error: {other:?}"))),
    }
}

/// What is read of features and labels is whole and explained by the file's size.
fn check_read(
    bytes: &[u8],
    ratio: usize,
    load: impl FnOnce(&Path) -> Result<LabelledArrays, Error>,
) -> TestCaseResult {
    // A byte may be a feature of four, buffers grow by doubling, and labels have two.
    let allowed = 16 * ratio * bytes.len() + SOME;
    if let Some(LabelledArrays { features, labels, .. }) = check(bytes, allowed, load)? {
        prop_assert!(features.len() <= ratio * bytes.len() && features.iter().all(|x| x.is_finite()));
        prop_assert_eq!(features.nrows(), labels.indices.len());
    }
    Ok(())
}

fn only_set(path: &Path) -> Result<LabelledArrays, Error> {
    read_labelled(path, &Options::default()).map(|file| file.main)
}

#[cfg(feature = "parquet")]
#[test]
fn a_parquet_file_on_which_its_reader_panics_is_damaged() {
    let _turn = turn();
    let mut bytes = golden("tables/categories.parquet");
    let panicked = (0..bytes.len()).filter(|&at| {
        let cut = [&bytes[..at], &bytes[(at + 38).min(bytes.len())..]].concat();
        let file = NamedTempFile::new().unwrap();
        fs::write(file.path(), cut).unwrap();
        only_set(file.path()).is_err_and(|error| error.to_string().contains("got a damaged one"))
    });
    assert!(panicked.count() > 0, "its reader does not panic any more: catch nothing");
    bytes.truncate(8);
    check_read(&bytes, 1, only_set).unwrap();
}

/// What the cache in `folder` gives.
fn cached(folder: &Path) -> (Array2<f32>, Origin) {
    let extract = || Ok::<_, Error>(features());
    FeatureCache::new(folder).get_or_extract(&[("dataset", "a"), ("extractor", "b")], extract).unwrap()
}

/// The file of an entry in `folder` with this extension.
fn entry(folder: &Path, extension: &str) -> PathBuf {
    let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| path.extension().is_some_and(|e| e == extension)).unwrap()
}

/// Matrix and sidecar of an entry.
static ENTRY: LazyLock<[(String, Vec<u8>); 2]> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    cached(folder.path());
    ["npy", "json"].map(|extension| {
        let path = entry(folder.path(), extension);
        (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap())
    })
});

fn check_entry(damage: &[Damage], victim: usize) -> TestCaseResult {
    let folder = tempfile::tempdir().unwrap();
    let mut is_damaged = false;
    for (i, (name, whole)) in ENTRY.iter().enumerate() {
        let bytes = if i == victim { damaged(whole, damage) } else { whole.clone() };
        is_damaged |= bytes != *whole;
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let ((found, origin), taken) = measured(|| cached(folder.path()));
    prop_assert!(taken <= 2 * SOME, "{taken} bytes taken");
    prop_assert_eq!(found, features());
    match origin {
        // A sidecar may say the same in other words.
        Origin::Cached => prop_assert!(!is_damaged || victim == 1),
        Origin::Rebuilt { set_aside } => {
            prop_assert!(is_damaged);
            let kept = if victim == 0 { damaged(&ENTRY[0].1, damage) } else { ENTRY[0].1.clone() };
            prop_assert_eq!(fs::read(set_aside).unwrap(), kept);
        }
        Origin::Extracted | Origin::NotKept { .. } => {
            prop_assert!(false, "the entry was not seen: {origin:?}")
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn npy(damage in damage(), file in select(&[0, 1][..])) {
        let _turn = turn();
        let whole = NamedTempFile::new().unwrap();
        fs::write(whole.path(), &NPY[1 - file]).unwrap();
        let options = Options::default();
        check_read(&damaged(&NPY[file], &damage), 1, |path| match file {
            0 => read_pair(path, whole.path(), &options),
            _ => read_pair(whole.path(), path, &options).map_err(|error| match error {
                // Lengths that differ are reported for the features.
                Error::Array { array, expected, actual, next, .. } => {
                    Error::Array { path: path.into(), array, expected, actual, next }
                }
                error => error,
            }),
        })?;
    }

    #[test]
    fn npz(damage in damage(), file in 0..7usize) {
        let _turn = turn();
        check_read(&damaged(&NPZ[file], &damage), DEFLATE_RATIO, only_set)?;
    }

    #[test]
    fn safetensors(damage in damage(), file in select(&["float32", "bfloat16", "train-test"][..])) {
        let _turn = turn();
        check_read(&damaged(&golden(&format!("numpy/{file}.safetensors")), &damage), 1, only_set)?;
    }

    #[test]
    fn csv(damage in damage()) {
        let _turn = turn();
        let folder = tempfile::tempdir().unwrap();
        let table = b"f0,f1,label\n0.5,-1e0,cat\n2,0,\"d\"\"og\"\n.25,40.0,cow\n";
        check_read(&damaged(table, &damage), 1, |path| {
            // The name says that it is a table; the error says which one.
            let named = folder.path().join("a.csv");
            fs::copy(path, &named).unwrap();
            only_set(&named).map_err(|error| match error {
                Error::Array { array, expected, actual, next, .. } => {
                    Error::Array { path: path.into(), array, expected, actual, next }
                }
                error => error,
            })
        })?;
    }

    #[cfg(feature = "parquet")]
    #[test]
    fn parquet(damage in damage(), file in select(&["lists", "large-lists", "half", "columns", "categories", "pandas"][..])) {
        let _turn = turn();
        check_read(&damaged(&golden(&format!("tables/{file}.parquet")), &damage), DEFLATE_RATIO, only_set)?;
    }

    #[test]
    fn weights(damage in damage()) {
        let _turn = turn();
        let bytes = damaged(&WEIGHTS, &damage);
        // File, tensor, and the tensor as the kernels want it, padded to whole vectors.
        let allowed = 12 * bytes.len() + SOME;
        let network = check(&bytes, allowed, |path| ResNet18::load(path, 224, Normalization::DIV255))?;
        prop_assert!(network.is_none(), "most of the network is missing");
    }

    #[test]
    fn cache_entries(damage in damage(), victim in 0..2usize) {
        let _turn = turn();
        check_entry(&damage, victim)?;
    }
}
