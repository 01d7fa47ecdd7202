//! Networks as others export them, against ONNX Runtime (`golden/onnx/wild.py`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use std::fs::{self, File};
use std::path::PathBuf;

use mlprobe_features::{Error, Extractor, Onnx, OnnxOptions, Pool};
use ndarray::{Array2, Array4, ArrayD, Axis};
use ndarray_npy::NpzReader;
use rten_onnx::onnx::ModelProto;

fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/golden/onnx", name].iter().collect()
}

fn golden() -> NpzReader<File> {
    NpzReader::new(File::open(file("wild.npz")).unwrap()).unwrap()
}

/// For a network that takes floats, or bytes.
fn options(bytes: bool) -> OnnxOptions {
    let normalization = (!bytes).then(|| "0.5,0.5,0.5/0.25,0.25,0.25".parse().unwrap());
    OnnxOptions { input_size: None, normalization, output: None, pool: None }
}

/// What the features (N, D) of an output should be.
fn pooled(output: &ArrayD<f32>, pool: Option<Pool>, pixels_last: bool) -> Array2<f32> {
    let mut output = output.clone();
    while output.ndim() > 2 {
        output = match pool {
            Some(Pool::Cls) => output.index_axis_move(Axis(1), 0),
            Some(Pool::Mean) => output.mean_axis(Axis(1)).unwrap(),
            None if pixels_last => output.mean_axis(Axis(output.ndim() - 1)).unwrap(),
            None => output.mean_axis(Axis(1)).unwrap(),
        };
    }
    output.into_dimensionality().unwrap()
}

#[track_caller]
fn agrees(name: &str, actual: &Array2<f32>, expected: &Array2<f32>) {
    assert_eq!(actual.dim(), expected.dim(), "{name}");
    let scale = expected.iter().fold(1.0_f32, |largest, x| largest.max(x.abs()));
    let error = (actual - expected).iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
    // Some tens of roundings on each side; ONNX Runtime computes half precision in half precision.
    let tolerance = if name.contains("half") || name.contains("fp16") { 5e-3 } else { 5e-6 };
    assert!(error <= tolerance * scale, "{name}: {error} of {scale}");
}

#[test]
fn exports_of_pytorch_and_others_agree_with_onnx_runtime() {
    let mut golden = golden();
    let images: Array4<u8> = golden.by_name("images").unwrap();
    let names: Vec<String> = golden.names().unwrap();
    let mut checked = 0;
    for name in names.iter().filter(|name| *name != "images" && !name.starts_with("cases/")) {
        let expected: ArrayD<f32> = golden.by_name(name).unwrap();
        let (model, output) = name.split_once('#').map_or((name.as_str(), None), |(m, o)| (m, Some(o)));
        let pools: &[_] = if expected.ndim() == 3 { &[Some(Pool::Cls), Some(Pool::Mean)] } else { &[None] };
        for &pool in pools {
            let options = OnnxOptions {
                input_size: Some(16),
                output: output.map(str::to_owned),
                pool,
                ..options(model == "bytes")
            };
            let network = Onnx::load(file(&format!("wild/{model}.onnx")), options).unwrap();
            let expected = pooled(&expected, pool, model != "nhwc");
            agrees(name, &network.extract(&images).unwrap(), &expected);
            checked += 1;
        }
    }
    assert!(checked >= 30, "{checked} are not all");
}

#[test]
fn files_with_ceil_mode_without_optional_attributes_in_half_precision_and_for_bytes_agree() {
    let mut golden = golden();
    let names: Vec<String> = golden.names().unwrap();
    let cases: Vec<_> = names.iter().filter(|name| name.starts_with("cases/")).collect();
    assert_eq!(cases.len(), 8);
    for name in cases {
        let options = OnnxOptions { input_size: None, ..options(name.contains("uint8")) };
        // Files that leave the size open are for 32 pixels.
        let network = Onnx::load(file(name), OnnxOptions { input_size: Some(32), ..options.clone() });
        let network = network.or_else(|_| Onnx::load(file(name), options)).unwrap();
        let side = network.input_size();
        let mut k = 0_usize;
        let image = Array4::from_shape_simple_fn((1, side, side, 3), || {
            k += 1;
            ((89 * (k - 1) + 17) % 256) as u8
        });
        let expected: ArrayD<f32> = golden.by_name(name).unwrap();
        agrees(name, &network.extract(&image).unwrap(), &pooled(&expected, None, true));
    }
}

#[test]
fn weights_beside_the_file_have_to_be_there_and_whole() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("cnn-dynamo-18.onnx");
    fs::copy(file("wild/cnn-dynamo-18.onnx"), &model).unwrap();
    let load = || Onnx::load(&model, OnnxOptions { input_size: Some(16), ..OnnxOptions::default() });
    let error = load().err().unwrap();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    assert!(error.to_string().contains("cnn-dynamo-18.onnx.data"), "{error}");
    let weights = fs::read(file("wild/cnn-dynamo-18.onnx.data")).unwrap();
    let data = folder.path().join("cnn-dynamo-18.onnx.data");
    fs::write(&data, &weights[..weights.len() / 2]).unwrap();
    let error = load().err().unwrap().to_string();
    assert!(error.contains("ends before them"), "{error}");
    fs::write(&data, &weights).unwrap();
    let whole = load().unwrap().fingerprint();
    // The same file by another spelling; what lies outside of the folder is refused.
    let at = |location: &str| {
        let mut model = ModelProto::parse_buf(&fs::read(file("wild/cnn-dynamo-18.onnx")).unwrap()).unwrap();
        for tensor in &mut model.graph.as_mut().unwrap().initializer {
            for entry in
                tensor.external_data.iter_mut().filter(|entry| entry.key.as_deref() == Some("location"))
            {
                entry.value = Some(location.into());
            }
        }
        let path = folder.path().join("other.onnx");
        fs::write(&path, model.write_buf().unwrap()).unwrap();
        Onnx::load(&path, OnnxOptions { input_size: Some(16), ..OnnxOptions::default() })
    };
    let images: Array4<u8> = golden().by_name("images").unwrap();
    let features = at("./cnn-dynamo-18.onnx.data").unwrap().extract(&images).unwrap();
    assert_eq!(features, load().unwrap().extract(&images).unwrap());
    for location in
        ["../cnn-dynamo-18.onnx.data", "./../cnn-dynamo-18.onnx.data", "/cnn-dynamo-18.onnx.data", ".", ""]
    {
        let error = at(location).err().unwrap().to_string();
        assert!(error.contains("weights in the file or in files beside it"), "{error}");
    }
    // Other weights are another network.
    let mut other = weights;
    other[1] ^= 1;
    fs::write(&data, &other).unwrap();
    assert_ne!(whole, load().unwrap().fingerprint());
}
