//! Tables of text, and Parquet files that pyarrow and pandas wrote (`golden/tables.py`): what is read, and what is refused
//! with which words.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

use std::fs;
use std::path::Path;

use mlprobe_features::Error;
use mlprobe_features::arrays::{LabelledArrays, Options, encode, read_labelled};
use ndarray::array;

fn options(features: &str, labels: &str) -> Options {
    let key = |key: &str| Some(key.to_owned()).filter(|key| !key.is_empty());
    Options { features_key: key(features), labels_key: key(labels), bfloat16: false }
}

fn read(path: &Path, options: &Options) -> Result<LabelledArrays, Error> {
    let file = read_labelled(path, options)?;
    assert!(file.test.is_none());
    Ok(file.main)
}

/// A table of text, read.
fn table(name: &str, bytes: impl AsRef<[u8]>, options: &Options) -> Result<LabelledArrays, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    read(&path, options)
}

fn csv(text: &str) -> LabelledArrays {
    table("a.csv", text, &Options::default()).unwrap()
}

/// The error about a file says these words.
fn assert_says(result: Result<LabelledArrays, Error>, words: &str) {
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Array { .. }), "{error}");
    let message = error.to_string();
    assert!(
        message.starts_with("reading /") && message.contains(words),
        "{message:?} does not say {words:?}"
    );
}

#[test]
fn csv_has_one_column_per_feature_and_a_column_of_labels() {
    for text in [
        "f0,f1,label\n0.5,-1e0,1\n2,0,0\n.25,40.0,300\n",
        "f0,Label,f1\r\n0.5,1.0,-1\r\n2,0.0,0\r\n0.25,300.0,40",
        "\u{feff}y, f0, f1\n1, 0.5, -1\n0, 2, 0\n300,\"0.25\", 40\n",
    ] {
        let set = csv(text);
        assert_eq!(set.features, array![[0.5, -1.0], [2.0, 0.0], [0.25, 40.0]], "{text}");
        assert_eq!((set.labels.indices, set.labels.names), (vec![1, 0, 300], None), "{text}");
        assert_eq!(set.columns, ["f0", "f1"]);
    }
    let set = table("a.TSV", "a\ttarget\n1\tx, y\n2\tz\n", &Options::default()).unwrap();
    assert_eq!((set.features, set.labels.indices), (array![[1.0], [2.0]], vec![0, 1]));
    assert_eq!(set.labels.names.unwrap(), ["x, y", "z"]);
}

#[test]
fn numbers_of_csv_become_the_float32_that_numpy_and_pandas_make_of_them() {
    // As float64 it lies half way between two of float32, and the even one is 1; the decimal number is nearer to the other.
    assert_eq!(csv("x,y\n1.0000000596046448,0\n").features[[0, 0]], 1.0);
}

#[test]
fn labels_of_csv_are_names_unless_all_of_them_are_numbers() {
    let names = |text: &str| csv(text).labels.names.unwrap_or_default();
    assert_eq!(names("x,label\n1,b\n2,a\n3,b\n"), ["a", "b"]);
    assert_eq!(names("x,label\n1,10\n2,9\n3,nine\n"), ["10", "9", "nine"]);
    assert_eq!(names("x,label\n1,01\n2,1\n3,2\n"), ["01", "1", "2"]);
    assert_eq!(csv("x,label\n1,10\n2,9\n3,0\n").labels.indices, [10, 9, 0]);
}

#[test]
fn columns_of_csv_are_chosen_by_name() {
    let text = "id,path,emb_0,emb_1,coarse,fine\n1,a.png,0.5,1,0,7\n2,b.png,1.5,2,1,8\n";
    let set = table("a.csv", text, &options("emb_", "fine")).unwrap();
    assert_eq!((set.features, set.labels.indices), (array![[0.5, 1.0], [1.5, 2.0]], vec![7, 8]));
    assert_eq!(set.columns, ["emb_0", "emb_1"]);
}

#[test]
fn tables_of_other_columns_are_not_compared() {
    let (one, other) = (csv("a,b,label\n1,2,0\n"), csv("b,a,label\n1,2,0\n"));
    let message = encode(&[&one, &other]).unwrap_err().to_string();
    assert!(message.contains("expected `a` in column 0 of the features, as in "), "{message}");
    assert!(message.contains("got `b`; write the same columns in the same order"), "{message}");
    assert_eq!(encode(&[&one, &one]).unwrap().0, [[0], [0]]);
}

#[test]
fn what_is_wrong_in_a_table_of_text_is_named() {
    let finite = "expected finite numbers within the range of float32, got";
    let whole = "column `label`: expected labels that are whole numbers from 0 to 65535, got";
    let none = Options::default();
    for (text, words) in [
        ("a,b\n1,2\n", "labels: expected one column of labels, under a name such as label, y or target, in the first line, got `a`, `b`; say which one it is with --labels-key".into()),
        ("0.5,1.5\n1,2\n", "got `0.5`, `1.5`; say".into()),
        ("a;label\n1;2\n", "got `a;label`; say".into()),
        ("a,label,y\n1,2,3\n", "got `a`, `label`, `y`; say".into()),
        ("label\n1\n", "features: expected one column of lists, or one column per feature, got `label`; say".into()),
        ("a,label\n", "features and labels: expected at least one row and one feature, got shape (0, 0)".into()),
        ("", "labels: expected one column of labels".into()),
        ("a,label\n1,0\nx,1\n", r#"column `a`: expected a number such as 0.5, got "x" in row 1; correct or drop"#.into()),
        ("a,label\n1,0\n,1\n", "column `a`: expected a number such as 0.5, got nothing in row 1".into()),
        ("a,label\n\"0,5\",0\n", r#"got "0,5" in row 0"#.into()),
        ("a,label\nnan,0\n", format!("column `a`: {finite} NaN in row 0")),
        ("a,b,label\n1,2,0\n1,-inf,0\n", format!("column `b`: {finite} -inf in row 1")),
        ("a,label\n1e39,0\n", format!("{finite} 1000000000000000000000000000000000000000 in row 0")),
        ("a,label\n1,0\n2,-1\n", format!("{whole} -1 in row 1")),
        ("a,label\n1,0\n2,1.5\n", format!("{whole} 1.5 in row 1")),
        ("a,label\n1,0\n2,nan\n", format!("{whole} NaN in row 1")),
        ("a,label\n1,0\n2,65536\n", format!("{whole} 65536 in row 1")),
        ("a,label\n1,x\n2,\n", "column `label`: expected a label in every row, got an empty one in row 1".into()),
        ("a,label\n1,0\n2\n", "the table: expected 2 cells in every line, as in the first, got 1 in line 3".into()),
        (",a,label\n0,1,0\n1,2,0\n", "column ``: expected a feature, got a column that seems to number the rows; leave".into()),
        ("Id,a,label\n0,1,0\n", "column `Id`: expected a feature, got a column that seems".into()),
    ] {
        assert_says(table("a.csv", text, &none), &words);
    }
    assert_says(
        table("a.csv", b"a,label\n1,caf\xe9\n", &none),
        "expected text in UTF-8, got other bytes in line 2",
    );
    assert_says(
        table("a.csv", b"\xff\xfea\0,\0", &none),
        "expected text in UTF-8, got other bytes in line 1",
    );
    assert_says(
        table("a.csv", "a,label\n1,0\n", &options("b", "")),
        "columns whose names begin with `b`, got",
    );
    assert_says(table("a.csv", "a,label\n1,0\n", &options("", "b")), "labels: expected one column `b`, got");
    let many: String = (0..70_000).map(|i| format!("{i},name {i}\n")).collect();
    let words = "at most 65536 classes, got at least 65537 different labels";
    assert_says(table("a.csv", format!("x,label\n{many}"), &none), words);
}

#[cfg(feature = "parquet")]
mod parquet {
    use super::*;

    fn golden(name: &str, options: &Options) -> Result<LabelledArrays, Error> {
        read(format!("{}/tests/golden/tables/{name}.parquet", env!("CARGO_MANIFEST_DIR")).as_ref(), options)
    }

    #[test]
    fn lists_and_columns_of_every_width_and_compression_are_the_same_features() {
        for name in ["lists", "large-lists", "fixed-lists", "half", "columns", "pandas"] {
            let set = golden(name, &Options::default()).unwrap();
            assert_eq!(set.features, array![[0.5, -1.0], [2.0, 0.0], [0.25, 40.0]], "{name}");
            assert!(set.features.is_standard_layout(), "{name}");
            assert_eq!((set.labels.indices, set.labels.names), (vec![1, 0, 300], None), "{name}");
            let is_table = ["columns", "pandas"].contains(&name);
            assert_eq!(set.columns, if is_table { vec!["f0", "f1"] } else { vec![] });
        }
        let set = golden("integers", &Options::default()).unwrap();
        let (two_31, two_40) = ((1_u64 << 31) as f32, (1_u64 << 40) as f32);
        let expected = array![[250.0, two_31, -two_40, 1.0], [1.0, 0.0, 3.0, 0.0], [2.0, 5.0, 4.0, 1.0]];
        assert_eq!((set.features, set.labels.indices), (expected, vec![1, 0, 1]));
    }

    #[test]
    fn text_and_categories_become_sorted_classes() {
        for name in ["text", "categories"] {
            let set = golden(name, &Options::default()).unwrap();
            assert_eq!(set.features, array![[0.5, -1.0], [2.0, 0.0], [0.25, 40.0]], "{name}");
            assert_eq!(set.labels.indices, [1, 0, 2], "{name}");
            assert_eq!(set.labels.names.unwrap(), ["cat", "dog", "žlva"], "{name}");
        }
    }

    #[test]
    fn columns_are_chosen_by_name() {
        let set = golden("several", &options("text", "fine")).unwrap();
        assert_eq!(set.features, array![[0.25, 40.0], [2.0, 0.0], [0.5, -1.0]]);
        assert_eq!(set.labels.indices, [1, 0, 300]);
        assert_eq!(golden("path", &options("f", "")).unwrap().features, array![[0.5], [2.0], [0.25]]);
    }

    #[test]
    fn what_is_wrong_in_a_file_is_named() {
        for (name, words) in [
            (
                "several",
                "labels: expected one column of labels, under a name such as label, y or target, in the first line, got `image`, `text`, `coarse`, `fine`",
            ),
            ("empty", "expected at least one row and one feature, got shape (0, 0)"),
            ("empty-list", "column `embedding`: expected a number in every cell, got nothing in row 1; fill"),
            ("missing-list", "column `embedding`: expected a number in every cell, got nothing in row 1"),
            ("missing-element", "column `embedding`: expected a number in every cell, got nothing in row 1"),
            ("missing-number", "column `f0`: expected a number in every cell, got nothing in row 1"),
            ("missing-label", "column `label`: expected a label in every row, got none in row 1; label"),
            ("missing-text", "column `label`: expected a label in every row, got none in row 2"),
            ("ragged", "column `embedding`: expected 1 features in every row, got 2 in row 1"),
            ("nan", "column `f1`: expected finite numbers within the range of float32, got NaN in row 2"),
            (
                "negative-label",
                "column `label`: expected labels that are whole numbers from 0 to 65535, got -1 in row 1",
            ),
            (
                "fraction-label",
                "column `label`: expected labels that are whole numbers from 0 to 65535, got 1.5 in row 1",
            ),
            ("list-label", "column `label`: expected one label per row, got several in row 1"),
            ("path", "column `path`: expected numbers, got something else; leave this column out"),
            ("date", "column `when`: expected numbers, got something else"),
            ("date-label", "column `label`: expected whole numbers or text, got something else"),
            ("nested", "column `embedding`: expected numbers, got something else"),
            (
                "zstd",
                "expected Snappy, gzip, LZ4 or no compression, got ZSTD; write the file with compression=\"snappy\"",
            ),
            (
                "pandas-index",
                "column `__index_level_0__`: expected a feature, got a column that seems to number",
            ),
        ] {
            assert_says(golden(name, &Options::default()), words);
        }
        assert_says(
            golden("several", &options("", "fine")),
            "features: expected one column of lists, or one column per feature, got `image`, `text`",
        );
    }
}

#[cfg(not(feature = "parquet"))]
#[test]
fn without_the_feature_a_parquet_file_is_named_as_such() {
    let path = format!("{}/tests/golden/tables/columns.parquet", env!("CARGO_MANIFEST_DIR"));
    assert_says(read(path.as_ref(), &Options::default()), "build with the cargo feature `parquet`");
}
