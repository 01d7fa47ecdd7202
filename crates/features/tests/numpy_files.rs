//! Files that NumPy and safetensors wrote (`golden/numpy_files.py`): what is read, and what is refused with which words.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

use std::path::PathBuf;

use mlprobe_features::Error;
use mlprobe_features::arrays::{
    LabelledArrays, LabelledFile, Labels, Options, encode, read_labelled, read_pair, write_npz,
};
use ndarray::{Array1, Array2, Dimension, array};
use ndarray_npy::NpzReader;

fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/golden/numpy", name].iter().collect()
}

fn features() -> Array2<f32> {
    array![[0.5, -1.0], [2.0, 0.0], [1e-3, 40.0]]
}

/// The only set of a file.
fn read(name: &str, options: &Options) -> Result<LabelledArrays, Error> {
    let LabelledFile { main, test } = read_labelled(file(name), options)?;
    assert!(test.is_none(), "{name}");
    Ok(main)
}

fn whole(name: &str) -> LabelledArrays {
    read(name, &Options::default()).unwrap()
}

fn error(name: &str) -> Error {
    read_labelled(file(name), &Options::default()).unwrap_err()
}

fn keys(features: &str, labels: &str) -> Options {
    Options { features_key: Some(features.into()), labels_key: Some(labels.into()), ..Options::default() }
}

#[test]
fn types_orders_names_and_compression_make_no_difference() {
    let names = [
        "float32-int64.npz",
        "float64-int32.npz",
        "compressed.npz",
        "scikit-learn.npz",
        "big-endian.npz",
        "fortran.npz",
        "unnamed.npz",
        "float32.safetensors",
    ];
    for name in names {
        let read = whole(name);
        assert_eq!(read.features, features(), "{name}");
        assert!(read.features.is_standard_layout(), "{name}");
        assert_eq!(read.labels, Labels { indices: vec![1, 0, 255], names: None }, "{name}");
        assert_eq!((read.path, read.columns), (file(name), vec![]));
    }
}

#[test]
fn integers_of_every_type_are_features_and_labels() {
    for kind in ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"] {
        let read = whole(&format!("integers-{kind}.npz"));
        let last = if kind == "i1" { 127.0 } else { 255.0 };
        assert_eq!(read.features, array![[3.0, 0.0], [1.0, 2.0], [7.0, last]], "{kind}");
        assert_eq!(read.labels.indices, [1, 0, 1], "{kind}");
    }
}

#[test]
fn float16_and_bfloat16_are_widened_as_numpy_widens_them() {
    for name in [
        "float16",
        "float16-big-endian",
        "bfloat16",
        "bfloat16-unnamed",
        "bfloat16-bits",
        "bfloat16-big-endian",
    ] {
        let name = format!("{name}.npz");
        let named = !name.contains("unnamed") && !name.contains("bits") && name != "bfloat16-big-endian.npz";
        let narrow = read(&name, &Options { bfloat16: !named, ..Options::default() }).unwrap();
        assert_eq!(narrow.features, read(&name, &keys("widened", "labels")).unwrap().features, "{name}");
    }
    // 1e-3 has 11 significant bits in float16, and 8 in bfloat16.
    assert_eq!(whole("float16.npz").features[[2, 0]], 1049.0 / (1 << 20) as f32);
    assert_eq!(whole("bfloat16.npz").features[[2, 0]], 131.0 / (1 << 17) as f32);
    assert_eq!(whole("float16.safetensors").features, whole("float16.npz").features);
    assert_eq!(whole("bfloat16.safetensors").features, whole("bfloat16.npz").features);
    // Without the option, bits are what their type says, and what has no type is refused.
    assert_eq!(whole("bfloat16-bits.npz").features[[1, 0]], 16384.0);
    let message = error("bfloat16-unnamed.npz").to_string();
    assert!(message.contains("expected numbers, got a type of 16 bits without a name; if it is bfloat16, say so with --dtype bfloat16"), "{message}");
}

#[test]
fn labels_may_be_columns_one_hot_or_floats_that_are_whole() {
    let names = [
        "column-labels",
        "float-labels-f2",
        "float-labels-f4",
        "float-labels-f8",
        "one-hot",
        "one-hot-fortran",
    ];
    for name in names {
        let labels = whole(&format!("{name}.npz")).labels;
        assert_eq!(labels, Labels { indices: vec![1, 0, 255], names: None }, "{name}");
    }
    assert_eq!(whole("largest-label.npz").labels.indices, [65281, 65280, 65535]);
    assert_eq!(whole("bfloat16.safetensors").labels.indices, [1, 0, 255]);
}

#[test]
fn text_becomes_classes_sorted_as_numpy_sorts_them() {
    for name in ["text", "text-big-endian", "text-column", "text-bytes", "embeddings"] {
        let labels = whole(&format!("{name}.npz")).labels;
        assert_eq!(labels.indices, [1, 0, 2], "{name}");
        assert_eq!(labels.names.unwrap(), ["cat", "dog", "žlva"], "{name}");
    }
}

/// Features (N, D) with labels as NumPy saves them.
fn pair<A: ndarray_npy::WritableElement, D: Dimension>(
    features: &Array2<f32>,
    labels: &ndarray::Array<A, D>,
) -> Result<LabelledArrays, Error> {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["x.npy", "y.npy"].map(|name| folder.path().join(name));
    ndarray_npy::write_npy(&paths[0], features).unwrap();
    ndarray_npy::write_npy(&paths[1], labels).unwrap();
    read_pair(&paths[0], &paths[1], &Options::default())
}

#[test]
fn labels_in_one_row_are_those_of_all_rows() {
    assert_eq!(pair(&features(), &array![[1_i64, 0, 2]]).unwrap().labels.indices, [1, 0, 2]);
    // One row of three classes.
    assert_eq!(pair(&array![[0.5, 1.0]], &array![[0_i64, 0, 1]]).unwrap().labels.indices, [2]);
    let message = pair(&features(), &array![[1_i64, 0]]).unwrap_err().to_string();
    assert!(message.contains("expected one label for each of 3 rows of features, got 1 labels"), "{message}");
}

#[test]
fn a_column_of_an_array_that_numbers_the_rows_is_left_out_and_one_too_large_is_named() {
    let mut features = Array2::from_shape_fn((30, 3), |(i, j)| if j == 1 { i as f32 } else { 0.5 });
    let labels: Array1<i64> = (0..30).map(|i| i % 2).collect();
    let set = pair(&features, &labels).unwrap();
    assert_eq!(set.features, Array2::from_elem((30, 2), 0.5));
    assert!(set.notes[0].ends_with("column 1 is left out: it only numbers the rows"), "{:?}", set.notes);
    features[[4, 2]] = -3e38;
    let message = pair(&features, &labels).unwrap_err().to_string();
    assert!(message.contains("column 2: expected numbers whose squares add up to"), "{message}");
}

#[test]
fn one_file_may_hold_training_and_test_set() {
    for name in ["train-test.npz", "train-test.safetensors"] {
        let LabelledFile { main, test } = read_labelled(file(name), &Options::default()).unwrap();
        let test = test.unwrap();
        assert_eq!((main.features, main.labels.indices), (features(), vec![1, 0, 255]), "{name}");
        assert_eq!(
            (test.features, test.labels.indices),
            (array![[1.5, 0.0], [3.0, 1.0]], vec![1, 0]),
            "{name}"
        );
    }
    let test = read("train-test.npz", &keys("X_test", "y_test")).unwrap();
    assert_eq!((test.features.nrows(), test.labels.indices.len()), (2, 2));
}

#[test]
fn arrays_of_other_names_are_read_when_they_are_named() {
    assert_eq!(read("other-names.npz", &keys("inputs", "classes")).unwrap().features, features());
    let fine = Options { labels_key: Some("fine".into()), ..Options::default() };
    assert_eq!(read("two-labels.npz", &fine).unwrap().labels.indices, [1, 0, 255]);
    assert_eq!(read("two-labels.npz", &keys("features", "coarse")).unwrap().labels.indices, [1, 0, 1]);
}

#[test]
fn features_and_labels_may_be_in_two_files() {
    let options = Options::default();
    for features_in in ["features.npy", "float32-int64.npz", "float32.safetensors"] {
        for labels_in in ["labels.npy", "compressed.npz"] {
            let pair = read_pair(file(features_in), file(labels_in), &options).unwrap();
            assert_eq!((pair.features, pair.labels.indices), (features(), vec![1, 0, 255]));
        }
    }
    // An .npy file holds one array, whatever the others are called.
    let pair = read_pair(file("other-names.npz"), file("labels.npy"), &keys("inputs", "classes")).unwrap();
    assert_eq!(pair.features, features());
    let pair = |features: &str, labels: &str| {
        read_pair(file(features), file(labels), &options).unwrap_err().to_string()
    };
    let message = pair("labels.npy", "labels.npy");
    assert!(
        message.contains("expected features of 2 axes, (N, D), got uint32, shape (3); reshape"),
        "{message}"
    );
    let message = pair("features.npy", "features.npy");
    assert!(message.contains("labels: expected one label per row, or one-hot rows"), "{message}");
}

#[test]
fn what_cannot_be_read_is_named_with_file_array_and_reason() {
    let whole = "labels: expected labels that are whole numbers from 0 to 65535, got";
    let hot = "labels: expected one label per row, or one-hot rows of zeros and a single 1, got";
    let shape = "labels: expected labels of shape (N), (N, 1) or (1, N), or one-hot (N, K), got";
    let axes = "features: expected features of 2 axes, (N, D), got";
    let finite = "features: expected finite numbers within the range of float32, got";
    let numbers = "features: expected numbers, got";
    let rows = "features and labels: expected at least one row and one feature, got shape";
    let table = [
        ("objects.npz", "labels: expected whole numbers or text, got Python objects, which only a pickle can hold; save text as text, with labels.astype(str)".into()),
        ("fraction-labels.npz", format!("{whole} 1.5 in row 0; number the classes from 0")),
        ("nan-labels.npz", "labels: expected a label in every row, got NaN in row 1; label or drop".into()),
        ("negative-label.npz", format!("{whole} -1 in row 1")),
        ("large-label.npz", format!("{whole} 65536 in row 2")),
        ("soft-labels.npz", format!("{hot} 0.5 in row 0")),
        ("two-hot.npz", format!("{hot} several in row 1")),
        ("no-hot.npz", format!("{hot} no 1 in row 1")),
        ("three-axes-labels.npz", format!("{shape} int64, shape (3, 1, 1)")),
        ("scalar-label.npz", format!("{shape} int64, shape ()")),
        ("empty-text.npz", "labels: expected a label in every row, got an empty one in row 1; label or drop".into()),
        ("latin-1.npz", r#"labels: expected text in UTF-8, got "caf\xe9" in row 1; decode"#.into()),
        ("dates.npz", r#"labels: expected whole numbers or text, got type "<M8[D]"; save"#.into()),
        ("short.npz", "expected one label for each of 3 rows of features, got 2 labels; check".into()),
        ("one-axis.npz", format!("{axes} float32, shape (3); reshape it to one row per example; one feature per")),
        ("three-axes.npz", format!("{axes} float32, shape (3, 2, 1); reshape")),
        ("records.npz", format!("{axes} records, shape (3)")),
        ("ragged.npz", format!("{numbers} Python objects, which only a pickle can hold; save rows of equal length")),
        ("no-rows.npz", format!("{rows} (0, 2)")),
        ("no-columns.npz", format!("{rows} (3, 0)")),
        ("text-features.npz", format!("{numbers} text; save it with .astype(\"float32\")")),
        ("complex.npz", format!("{numbers} complex64")),
        ("float8.npz", format!("{numbers} a type of 8 bits without a name")),
        ("too-large.npz", format!("{finite} inf in row 0")),
        ("not-a-number.npz", format!("{finite} NaN in row 2, column 1; correct or drop that row")),
        ("other-names.npz", "features: expected one array of features, under a name such as features, X, embeddings or data, got `classes`, `inputs`; say which one it is with --features-key and --labels-key".into()),
        ("two-labels.npz", "labels: expected one array of labels, under a name such as labels, y or targets, got `coarse`, `features`, `fine`; say".into()),
        ("features.npy", "expected two arrays, got an .npy file, which holds one; give features and labels as two".into()),
        ("../numpy_files.py", "expected .npz, .npy, .safetensors, .parquet, .csv or .tsv, got another kind".into()),
    ];
    for (name, words) in table {
        let error = error(name);
        assert!(matches!(error, Error::Array { .. }), "{error}");
        let message = error.to_string();
        assert!(
            message.starts_with(&format!("reading {}", file(name).display())) && message.contains(&words),
            "{message:?} does not say {words:?}"
        );
    }
    let missing = read("two-labels.npz", &keys("features", "none")).unwrap_err().to_string();
    assert!(missing.contains("labels: expected `none`, got `coarse`, `features`, `fine`"), "{missing}");
    let error = error("none.npz");
    assert!(matches!(error, Error::Io { .. }) && error.to_string().contains("none.npz"), "{error}");
    let error = read_labelled(file(""), &Options::default()).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "a folder: {error}");
}

#[test]
fn classes_of_several_files_are_numbered_together_or_not_at_all() {
    let with = |indices: Vec<u16>, names: Option<&[&str]>| LabelledArrays {
        labels: Labels { indices, names: names.map(|names| names.iter().map(|&n| n.to_owned()).collect()) },
        ..whole("text.npz")
    };
    let (train, test) =
        (with(vec![1, 0, 1], Some(&["cat", "dog"])), with(vec![0, 1, 0], Some(&["bird", "dog"])));
    let (labels, classes) = encode(&[&train, &test]).unwrap();
    assert_eq!(classes, ["bird", "cat", "dog"]);
    assert_eq!(labels, [[2, 1, 2], [0, 2, 0]]);
    let (one, two) = (with(vec![1, 0, 1], None), with(vec![0, 3, 0], None));
    let (labels, classes) = encode(&[&one, &two]).unwrap();
    assert_eq!((labels, classes.len(), classes[3].as_str()), (vec![vec![1, 0, 1], vec![0, 3, 0]], 4, "3"));

    let message = encode(&[&one, &test]).unwrap_err().to_string();
    assert!(
        message.contains("expected labels that are numbers, as in ") && message.contains("got text"),
        "{message}"
    );
    let mut narrow = one.clone();
    narrow.features = array![[1.0], [2.0], [3.0]];
    let message = encode(&[&one, &narrow]).unwrap_err().to_string();
    assert!(message.contains("expected 2 features, as in ") && message.contains("got 1"), "{message}");
    let names: Vec<Vec<String>> =
        [0, 40_000].map(|first| (first..first + 40_000).map(|i| i.to_string()).collect()).into();
    let many = |names: &Vec<String>| LabelledArrays {
        labels: Labels { indices: vec![0, 1, 2], names: Some(names.clone()) },
        ..one.clone()
    };
    let message = encode(&[&many(&names[0]), &many(&names[1])]).unwrap_err().to_string();
    assert!(message.contains("at most 65536 classes, got at least 80000"), "{message}");
}

#[test]
fn what_is_written_comes_back_and_equal_arrays_give_equal_files() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a.npz", "b.npz"].map(|name| folder.path().join(name));
    // Transposed, and therefore not in the order of the file.
    let transposed = Array2::from_shape_fn((4, 9), |(i, j)| (i as f32 - 1.5) * j as f32);
    let labels: Vec<u16> = (0..9).map(|i| i * 8191).collect();
    for path in &paths {
        write_npz(path, transposed.t(), &labels).unwrap();
        let read = read_labelled(path, &Options::default()).unwrap().main;
        assert_eq!(read.features, transposed.t());
        assert_eq!(read.labels.indices, labels);
    }
    assert_eq!(std::fs::read(&paths[0]).unwrap(), std::fs::read(&paths[1]).unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    let mut other = NpzReader::new(std::fs::File::open(&paths[0]).unwrap()).unwrap();
    assert_eq!(other.by_name::<ndarray::OwnedRepr<f32>, ndarray::Ix2>("features").unwrap(), transposed.t());

    let error = write_npz(&paths[0], transposed.view(), &labels).unwrap_err().to_string();
    assert!(error.contains("expected one label for each of 4 rows, got 9"), "{error}");
    let error = write_npz(folder.path().join("none/a.npz"), transposed.t(), &labels).unwrap_err();
    assert!(matches!(error, Error::Io { .. }) && error.to_string().contains("none"), "{error}");
}
