//! Files that NumPy wrote (`golden/numpy_files.py`): what is read, and what is refused with which words.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

use std::path::PathBuf;

use mlprobe_features::Error;
use mlprobe_features::arrays::{read_features, read_labels, write_npz};
use ndarray::{Array2, array};
use ndarray_npy::NpzReader;

fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/golden/numpy", name].iter().collect()
}

fn features() -> Array2<f32> {
    array![[0.5, -1.0], [2.0, 0.0], [1e-3, 40.0]]
}

#[test]
fn types_orders_names_and_compression_make_no_difference() {
    let names = ["float32-int64", "float64-int32", "compressed", "scikit-learn", "big-endian", "fortran"];
    for name in names {
        let path = file(&format!("{name}.npz"));
        assert_eq!(read_features(&path).unwrap(), features(), "{name}");
        assert!(read_features(&path).unwrap().is_standard_layout(), "{name}");
        assert_eq!(read_labels(&path).unwrap(), [1, 0, 255], "{name}");
    }
}

#[test]
fn integers_of_every_type_are_features_and_labels() {
    for kind in ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"] {
        let path = file(&format!("integers-{kind}.npz"));
        let last = if kind == "i1" { 127.0 } else { 255.0 };
        assert_eq!(read_features(&path).unwrap(), array![[3.0, 0.0], [1.0, 2.0], [7.0, last]], "{kind}");
        assert_eq!(read_labels(&path).unwrap(), [1, 0, 1], "{kind}");
    }
}

#[test]
fn an_npy_file_is_its_only_array() {
    assert_eq!(read_features(file("features.npy")).unwrap(), features());
    assert_eq!(read_labels(file("labels.npy")).unwrap(), [1, 0, 255]);
}

#[test]
fn what_cannot_be_read_is_named_with_file_array_and_reason() {
    let labels = |name: &str| read_labels(file(name)).unwrap_err();
    let features = |name: &str| read_features(file(name)).unwrap_err();
    let table = [
        (
            labels("objects.npz"),
            "labels: expected integers, got Python objects, which only a pickle can hold",
        ),
        (labels("text.npz"), "labels: expected integers, got text; number the classes from 0"),
        (labels("float-labels.npz"), "labels: expected integers, got float32"),
        (labels("large-label.npz"), "labels: expected labels 0 to 255, got 256"),
        (labels("negative-label.npz"), "labels: expected labels 0 to 255, got -1"),
        (labels("column-labels.npz"), "labels: expected labels of 1 axis, (N), got int64, shape (3, 1)"),
        (
            features("three-axes.npz"),
            "features: expected features of 2 axes, (N, D), got float32, shape (3, 2, 1)",
        ),
        (features("float16.npz"), "features: expected float32 or float64, got float16; save it with .astype"),
        (features("records.npz"), "features: expected features of 2 axes, (N, D), got records, shape (3)"),
        (
            features("too-large.npz"),
            "features: expected finite numbers within the range of float32, got inf in row 0",
        ),
        (features("not-a-number.npz"), "got NaN in row 2, column 1; mend or drop that row"),
        (
            features("other-names.npz"),
            "features: expected an array of this name, or `X`, got `inputs`, `targets`",
        ),
        (
            labels("other-names.npz"),
            "labels: expected an array of this name, or `y`, got `inputs`, `targets`",
        ),
        (labels("features.npy"), "labels: expected labels of 1 axis, (N), got float32, shape (3, 2)"),
        (features("labels.npy"), "features: expected features of 2 axes, (N, D), got uint32, shape (3)"),
        (
            features("../numpy_files.py"),
            "features: expected an array in NumPy's .npy format, got something else",
        ),
    ];
    for (error, words) in table {
        assert!(matches!(error, Error::Array { .. }), "{error}");
        let message = error.to_string();
        assert!(
            message.starts_with("reading /") && message.contains(words),
            "{message:?} does not say {words:?}"
        );
    }
    let error = read_labels(file("none.npz")).unwrap_err();
    assert!(matches!(error, Error::Io { .. }) && error.to_string().contains("none.npz"), "{error}");
}

#[test]
fn what_is_written_comes_back_and_equal_arrays_give_equal_files() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a.npz", "b.npz"].map(|name| folder.path().join(name));
    // Transposed, so not in the order of the file.
    let transposed = Array2::from_shape_fn((4, 9), |(i, j)| (i as f32 - 1.5) * j as f32);
    let labels: Vec<u8> = (0..9).map(|i| i * 31).collect();
    for path in &paths {
        write_npz(path, transposed.t(), &labels).unwrap();
        assert_eq!(read_features(path).unwrap(), transposed.t());
        assert_eq!(read_labels(path).unwrap(), labels);
    }
    assert_eq!(std::fs::read(&paths[0]).unwrap(), std::fs::read(&paths[1]).unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    let mut other = NpzReader::new(std::fs::File::open(&paths[0]).unwrap()).unwrap();
    assert_eq!(other.by_name::<ndarray::OwnedRepr<f32>, ndarray::Ix2>("features").unwrap(), transposed.t());

    let error = write_npz(&paths[0], transposed.view(), &labels).unwrap_err().to_string();
    assert!(error.contains("expected a label for each of 4 rows, got 9"), "{error}");
    let error = write_npz(folder.path().join("none/a.npz"), transposed.t(), &labels).unwrap_err();
    assert!(matches!(error, Error::Io { .. }) && error.to_string().contains("none"), "{error}");
}
