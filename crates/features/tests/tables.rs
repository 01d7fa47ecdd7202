//! Tables of text, and Parquet files that pyarrow and pandas wrote (`golden/tables.py`): what is read, and what is refused
//! with which words.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

use std::fs;
use std::path::Path;

use mlprobe_features::Error;
use mlprobe_features::arrays::{LabelledArrays, Options, encode, match_columns, read_labelled};
use ndarray::array;

fn options(features: &str, labels: &str) -> Options {
    let key = |key: &str| Some(key.to_owned()).filter(|key| !key.is_empty());
    Options { features_key: key(features), labels_key: key(labels), ..Options::default() }
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

/// A table of 25 rows with the columns `a`, one more, and `label`.
fn with_column(name: &str, cell: impl Fn(usize) -> String) -> String {
    let rows = (0..25).map(|i| format!("0.5,{},{}\n", cell(i), i % 2));
    format!("a,{name},label\n{}", rows.collect::<String>())
}

#[test]
fn a_column_that_numbers_the_rows_is_left_out_and_said() {
    let shuffled = |i: usize| (i * 7 % 25).to_string();
    for text in [with_column("nr", shuffled), with_column("nr", |i| format!("{}.0", i + 1))] {
        let set = csv(&text);
        assert_eq!((set.features.dim(), &set.columns[..]), ((25, 1), &["a".to_owned()][..]));
        assert_eq!(set.left_out, ["nr"]);
        assert!(
            set.notes[0].ends_with("a.csv: column `nr` is left out: it only numbers the rows"),
            "{:?}",
            set.notes
        );
        // Who names the features means them.
        let all = table("a.csv", &text, &options("nr", "")).unwrap();
        assert_eq!((all.columns, all.left_out.len()), (vec!["nr".to_owned()], 0));
    }
    for text in
        [",a,label\n0,1,0\n1,2,0\n", "Id,a,label\n17,1,0\n12,2,0\n", "a,Unnamed: 0,label\n1,3,0\n2,1,0\n"]
    {
        assert_eq!(csv(text).features, array![[1.0], [2.0]], "{text}");
    }
    // A part of a table that was divided has a part of its numbers: said, but not certain.
    let part = csv(&with_column("nr", |i| (i * i).to_string()));
    assert_eq!(part.columns, ["a", "nr"]);
    assert!(part.notes[0].contains("column `nr` has another whole number in every row"), "{:?}", part.notes);
    // A feature, an only feature, and few rows.
    assert_eq!(csv(&with_column("b", |i| (i % 24).to_string())).columns, ["a", "b"]);
    let only: String = (0..25).map(|i| format!("{i},0\n")).collect();
    assert_eq!(csv(&format!("x,label\n{only}")).columns, ["x"]);
    assert_eq!(csv("a,b,label\n0,5,0\n1,6,1\n2,5,0\n").columns, ["a", "b"]);
}

#[test]
fn columns_of_several_tables_are_matched_by_name() {
    let train = csv(&with_column("nr", |i| i.to_string()));
    // Rows of the test set have numbers of the whole.
    let test = csv("nr,a,label\n31,0.5,0\n12,1.5,1\n");
    let mut files = [train, test];
    match_columns(&mut files).unwrap();
    assert_eq!((&files[1].columns, &files[1].features), (&vec!["a".to_owned()], &array![[0.5], [1.5]]));
    assert!(
        files[1].notes[0].contains("column `nr` is left out: it only numbers the rows in "),
        "{:?}",
        files[1].notes
    );

    let mut files = [csv("a,b,label\n1,2,0\n"), csv("b,label,a\n4,0,3\n")];
    match_columns(&mut files).unwrap();
    assert_eq!((&files[1].columns, &files[1].features), (&files[0].columns, &array![[3.0, 4.0]]));
    assert!(files[1].notes[0].contains("were matched by their names"), "{:?}", files[1].notes);
    encode(&[&files[0], &files[1]]).unwrap();

    for (other, words) in [
        ("a,c,label\n1,2,0\n", "got `c` in place of `b`; give"),
        ("a,label\n1,0\n", "got all but `b`; give"),
        ("a,b,c,label\n1,2,3,0\n", "got also `c`; give"),
    ] {
        let error = match_columns(&mut [csv("a,b,label\n1,2,0\n"), csv(other)]).unwrap_err().to_string();
        assert!(error.contains("expected the columns of ") && error.contains(words), "{error}");
    }
}

#[test]
fn y_behind_x_is_a_place_and_a_class_is_a_label() {
    for text in ["x,y,z,species\n1,0,5,cow\n2,1,6,cat\n", "x,y,z,Class\n1,0,5,cow\n2,1,6,cat\n"] {
        let set = csv(text);
        assert_eq!((set.labels.indices, set.columns.join(" ")), (vec![1, 0], "x y z".to_owned()), "{text}");
    }
    let words = "expected one column of labels";
    for text in ["x,y,z,kind\n1,0,5,1\n2,1,6,0\n", "a,label,species\n1,0,5\n2,1,6\n"] {
        assert_says(table("a.csv", text, &Options::default()), words);
    }
    assert_eq!(table("a.csv", "x,y,z\n1,0,5\n2,1,6\n", &options("", "y")).unwrap().labels.indices, [0, 1]);
    assert_eq!(csv(",x,y\n0,5,0\n1,6,1\n").labels.indices, [0, 1]);
}

#[test]
fn columns_that_say_what_a_row_is_for_or_tell_its_label_are_noted() {
    let rows = |header: &str, row: fn(usize) -> String| {
        (0..12).fold(format!("{header}\n"), |text, i| text + &row(i) + "\n")
    };
    let notes = |text: &str| csv(text).notes.join(" ");
    let split = rows("a,split,label", |i| format!("0.{i}5,{},{}", i % 2, i % 3));
    assert!(notes(&split).contains("column `split` is taken for a feature: remove it"), "{}", notes(&split));
    let twin = rows("a,code,label", |i| format!("0.{i}5,{},{}", 10 * (i % 3), i % 3));
    assert!(notes(&twin).contains("column `code` tells the label of every row"), "{}", notes(&twin));
    let usual = rows("a,b,label", |i| format!("0.{i}5,{},{}", i % 4, i % 3));
    assert_eq!(notes(&usual), "");
}

#[test]
fn labels_that_stand_for_a_missing_value_are_no_class_unless_they_are_meant() {
    for text in ["NA", "nan", "None", "NULL", "n/a", "<NA>", "#N/A", " NaN "] {
        let rows = format!("x,label\n1,dog\n2,{text}\n3,cat\n");
        let words = format!(
            "column `label`: expected a label in every row, got {:?} in row 1, which stands for a missing value; label or \
             drop that row, or say with --keep-na",
            text.trim()
        );
        assert_says(table("a.csv", &rows, &Options::default()), &words);
        let meant = Options { keep_na: true, ..Options::default() };
        let names = table("a.csv", &rows, &meant).unwrap().labels.names.unwrap();
        assert!(names.len() == 3 && names.contains(&text.trim().to_owned()), "{names:?}");
    }
    let meant = Options { keep_na: true, ..Options::default() };
    let names = table("a.csv", "x,label\n1,0\n2,nan\n", &meant).unwrap().labels.names.unwrap();
    assert_eq!(names, ["0", "nan"]);
    assert_says(
        table("a.csv", "x,label\n1,dog\n2,\n", &meant),
        "expected a label in every row, got an empty one in row 1",
    );
}

#[test]
fn a_number_is_one_class_however_it_is_written() {
    assert_eq!(csv("x,label\n1,0\n2,0.0\n3,1\n4,1.0\n5,1e0\n6,-0.0\n").labels.indices, [0, 0, 1, 1, 1, 0]);
    let mixed = csv("x,label\n1,0\n2,0.0\n3,1.\n4,1\n5,one\n6,01\n7,1.50\n8,-1.0\n").labels;
    assert_eq!(mixed.names.unwrap(), ["-1", "0", "01", "1", "1.50", "one"]);
    assert_eq!(mixed.indices, [1, 1, 3, 3, 5, 2, 4, 0]);
    let files = [csv("x,label\n1,0\n2,1\n"), csv("x,label\n1,1.0\n2,0.0\n")];
    assert_eq!(
        encode(&[&files[0], &files[1]]).unwrap(),
        (vec![vec![0, 1], vec![1, 0]], vec!["0".into(), "1".into()])
    );
}

#[test]
fn separators_decimal_commas_and_a_separator_at_the_end_are_understood() {
    let expected = array![[0.5, -1.0], [2.0, 0.0]];
    for (name, text) in [
        ("a.csv", "f0;f1;label\n0,5;-1;cow\n2;0,0;cat\n"),
        ("a.csv", "f0;f1;label\n0.5;-1;cow\n2;0.0;cat\n"),
        ("a.csv", "f0\tf1\tlabel\n0.5\t-1\tcow\n2\t0\tcat\n"),
        ("a.tsv", "f0,f1,label\n0.5,-1,cow\n2,0,cat\n"),
        ("a.csv", "f0,f1,label,\n0.5,-1,cow,\n2,0,cat,\n"),
        ("a.csv", "f0,f1,label\n0.5,-1,cow,\n2,0,cat,\n"),
        ("a.csv", "f0,f1,label,\n0.5,-1,cow\n2,0,cat\n"),
        ("a.tsv", "f0\tf1\tlabel\n0,5\t-1\tcow\n2\t0\tcat\n"),
        ("a.csv", "f0|f1|label\n0.5|-1|cow\n2|0|cat\n"),
        ("a.csv", "\"f0\",\"f1\",\"label;label;label;label\"\n0.5,-1,cow\n2,0,cat\n"),
    ] {
        let options = if text.contains("label;") && name == "a.csv" {
            options("f", "label;label;label;label")
        } else {
            Options::default()
        };
        let set = table(name, text, &options).unwrap();
        assert_eq!((set.features, set.columns), (expected.clone(), vec!["f0".into(), "f1".into()]), "{text}");
        assert_eq!(set.labels.names.unwrap(), ["cat", "cow"], "{text}");
        assert_eq!(
            set.notes.iter().any(|note| note.contains("decimal comma")),
            text.contains("0,5"),
            "{text}"
        );
    }
    assert_eq!(csv("x;label\n1;0,0\n2;1,0\n3;1\n").labels.indices, [0, 1, 1]);
    for (text, words) in [
        ("a;label\n0,5;1\n2.5;0\n", "got a point in row 1 and a comma in row 0; write all numbers"),
        ("a;label\n1.234,5;1\n", r#"got "1.234,5" in row 0"#),
        ("a,label\n\"0,5\",1\n", r#"got "0,5" in row 0"#),
        ("a,label\n1,0,2\n", "expected 2 cells in every line, as in the first, got 3 in line 2"),
    ] {
        assert_says(table("a.csv", text, &Options::default()), words);
    }
}

#[test]
fn numbers_whose_squares_overflow_are_named_with_column_and_row() {
    for (number, words) in [
        ("1e300", "column `b`: expected finite numbers within the range of float32, got 1e300 in row 1"),
        (
            "3e38",
            "column `b`: expected numbers whose squares add up to less than 3.4e38 in every row, the largest float32, got 3e38 in row 1; divide",
        ),
        ("-2e19", "got -2e19 in row 1"),
    ] {
        assert_says(
            table("a.csv", format!("a,b,label\n1,2,0\n1e19,{number},1\n"), &Options::default()),
            words,
        );
    }
    assert_eq!(csv("a,b,label\n1,1e19,0\n").features[[0, 1]], 1e19);
}

#[test]
fn a_file_of_another_program_is_called_what_it_is() {
    let none = Options::default();
    for (name, bytes, words) in [
        (
            "a.pkl",
            &b"\x80\x04\x95\x00"[..],
            "got a pickle, as Python, joblib and pandas write it; nothing is unpickled here",
        ),
        (
            "a.pth",
            b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.",
            "got a file of PyTorch; convert it in Python: saved = torch.load(file)",
        ),
        ("a.h5", b"\x89HDF\r\n\x1a\n", "got an HDF5 file"),
    ] {
        assert_says(table(name, bytes, &none), words);
    }
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("archive/data.pkl", zip::write::SimpleFileOptions::default()).unwrap();
    let bytes = zip.finish().unwrap().into_inner();
    assert_says(
        table("a.pt", bytes, &none),
        "got a file of PyTorch; convert it in Python: saved = torch.load(file)",
    );
}

#[test]
fn what_is_wrong_in_a_table_of_text_is_named() {
    let finite = "expected finite numbers within the range of float32, got";
    let whole = "column `label`: expected labels that are whole numbers from 0 to 65535, got";
    let none = Options::default();
    for (text, words) in [
        ("a,b\n1,2\n", "labels: expected one column of labels, under a name such as label, y or target, in the first line, got `a`, `b`; say which one it is with --labels-key".into()),
        ("0.5,1.5\n1,2\n", "got `0.5`, `1.5`; say".into()),
        ("a:label\n1:2\n", "got `a:label`; say".into()),
        ("a,label,y\n1,2,3\n", "got `a`, `label`, `y`; say".into()),
        ("label\n1\n", "features: expected one column of lists, or one column per feature, got `label`; say".into()),
        ("a,label\n", "features and labels: expected at least one row and one feature, got shape (0, 0)".into()),
        ("", "labels: expected one column of labels".into()),
        ("a,label\n1,0\nx,1\n", r#"column `a`: expected a number such as 0.5, got "x" in row 1; correct or drop"#.into()),
        ("a,label\n1,0\n,1\n", "column `a`: expected a number such as 0.5, got nothing in row 1".into()),
        ("a,label\n\"0,5\",0\n", r#"got "0,5" in row 0"#.into()),
        ("a,label\nnan,0\n", format!("column `a`: {finite} NaN in row 0")),
        ("a,b,label\n1,2,0\n1,-inf,0\n", format!("column `b`: {finite} -inf in row 1")),
        ("a,label\n1e39,0\n", format!("{finite} 1e39 in row 0")),
        ("a,label\n1,0\n2,-1\n", format!("{whole} -1 in row 1")),
        ("a,label\n1,0\n2,1.5\n", format!("{whole} 1.5 in row 1")),
        ("a,label\n1,0\n2,65536\n", format!("{whole} 65536 in row 1")),
        ("a,label\n1,x\n2,\n", "column `label`: expected a label in every row, got an empty one in row 1".into()),
        ("a,label\n1,0\n2\n", "the table: expected 2 cells in every line, as in the first, got 1 in line 3".into()),
        ("Id,a,label\n7,1,0\n7,2,0\n", "column `Id`: expected a feature, got a column that seems to number the rows; leave".into()),
        ("id,label\n1,0\n2,1\n", "features: expected at least one feature, got nothing but numbers of rows".into()),
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
        for name in [
            "lists",
            "large-lists",
            "fixed-lists",
            "half",
            "columns",
            "pandas",
            "zstd",
            "brotli",
            "polars",
            "second-version",
            "pandas-index",
            "named-index",
        ] {
            let set = golden(name, &Options::default()).unwrap();
            assert_eq!(set.features, array![[0.5, -1.0], [2.0, 0.0], [0.25, 40.0]], "{name}");
            assert!(set.features.is_standard_layout(), "{name}");
            assert_eq!((set.labels.indices, set.labels.names), (vec![1, 0, 300], None), "{name}");
            let is_table = !name.contains("lists") && name != "half";
            assert_eq!(set.columns, if is_table { vec!["f0", "f1"] } else { vec![] });
        }
        let set = golden("integers", &Options::default()).unwrap();
        let (two_31, two_40) = ((1_u64 << 31) as f32, (1_u64 << 40) as f32);
        let expected = array![[250.0, two_31, -two_40, 1.0], [1.0, 0.0, 3.0, 0.0], [2.0, 5.0, 4.0, 1.0]];
        assert_eq!((set.features, set.labels.indices), (expected, vec![1, 0, 1]));
    }

    #[test]
    fn the_index_of_a_data_frame_is_no_feature_unless_it_is_asked_for() {
        let named = golden("named-index", &Options::default()).unwrap();
        assert_eq!(named.left_out, ["image", "patient"]);
        assert!(
            named.notes[1].ends_with("column `patient` is left out: it is the index of the data frame"),
            "{:?}",
            named.notes
        );
        assert_eq!(
            golden("named-index", &options("patient", "")).unwrap().features,
            array![[9.0], [7.0], [8.0]]
        );
    }

    #[test]
    fn damaged_pages_of_zstd_and_brotli_are_errors() {
        for name in ["zstd", "brotli", "polars", "second-version"] {
            let whole =
                fs::read(format!("{}/tests/golden/tables/{name}.parquet", env!("CARGO_MANIFEST_DIR")))
                    .unwrap();
            for at in (4..whole.len()).step_by(13) {
                let mut bytes = whole.clone();
                bytes[at] ^= 0x55;
                if let Err(error) = table("a.parquet", bytes, &Options::default()) {
                    assert!(matches!(error, Error::Array { .. }), "{name} {at}: {error}");
                }
            }
        }
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
                "missing-texts",
                "column `label`: expected a label in every row, got \"None\" in row 1, which stands",
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
