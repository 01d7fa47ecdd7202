//! Networks as ONNX files, run by another program.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use mlprobe_nn::{Error, Mlp};
use ndarray::Array2;
use rten::{Model, ValueView};

#[test]
fn another_runtime_gives_the_same_logits_for_any_number_of_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("probe.onnx");
    for widths in [&[7, 5, 3][..], &[512, 64, 10], &[4, 2], &[6, 5, 4, 3]] {
        let mlp = Mlp::<f32>::new(widths, 3).unwrap();
        mlp.save_onnx(&path).unwrap();
        let model = Model::load(std::fs::read(&path).unwrap()).unwrap();
        for rows in [1, 9] {
            let x = Array2::from_shape_fn((rows, widths[0]), |(i, j)| ((3 * i + 5 * j) % 11) as f32 / 11.0);
            let input = ValueView::from_shape([rows, widths[0]], x.as_slice().unwrap()).unwrap();
            let output = model.run_one(input.into(), None).unwrap();
            let (shape, theirs) = output.into_shape_vec::<f32, 2>().unwrap();
            let ours = mlp.logits(x.view()).unwrap();
            assert_eq!(shape, [rows, mlp.classes()]);
            // Sums of up to D = 512 products below 1, in another order: 512 roundings of numbers below 8 or so.
            for (a, b) in ours.iter().zip(&theirs) {
                assert!((a - b).abs() <= 512.0 * 8.0 * f32::EPSILON, "{a} and {b}");
            }
        }
    }
}

#[test]
fn equal_networks_give_equal_files_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = ["a.onnx", "b.onnx"].map(|name| {
        Mlp::<f32>::new(&[7, 5, 3], 1).unwrap().save_onnx(folder.path().join(name)).unwrap();
        std::fs::read(folder.path().join(name)).unwrap()
    });
    assert_eq!(bytes[0], bytes[1]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing/probe.onnx");
    let error = Mlp::<f32>::new(&[7, 5, 3], 1).unwrap().save_onnx(&path).unwrap_err();
    assert!(matches!(&error, Error::Io { path: p, .. } if *p == path), "{error}");
}
