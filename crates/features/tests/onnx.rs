//! Networks from ONNX files against ONNX Runtime (`golden/onnx/make.py`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use mlprobe_features::{
    Error, Extractor, ExtractorSettings, Normalization, Onnx, OnnxOptions, Pool, same_network,
};
use ndarray::{Array2, Array4, s};
use ndarray_npy::NpzReader;

fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/golden/onnx", name].iter().collect()
}

fn golden() -> NpzReader<File> {
    NpzReader::new(File::open(file("features.npz")).unwrap()).unwrap()
}

fn images() -> Array4<u8> {
    golden().by_name("images").unwrap()
}

fn load(
    path: impl AsRef<Path>,
    input_size: Option<usize>,
    normalization: Normalization,
) -> Result<Onnx, Error> {
    Onnx::load(path, OnnxOptions { input_size, normalization: Some(normalization), ..OnnxOptions::default() })
}

fn refusal(name: &str, input_size: Option<usize>) -> String {
    let error = load(file(name), input_size, Normalization::DIV255).err().unwrap();
    assert!(matches!(error, Error::Onnx { .. }), "{error}");
    error.to_string()
}

/// Three layers of sums of up to 80 products, features of size up to 2: some ten roundings of the last place.
const TOLERANCE: f32 = 5e-6;

#[test]
fn rows_and_averaged_maps_agree_with_onnx_runtime() {
    for (model, size, dim) in [("map", Some(16), 5), ("pooled", None, 5), ("flat", None, 7), ("old", None, 5)]
    {
        for (name, normalization) in
            [("div255", Normalization::DIV255), ("imagenet", Normalization::IMAGENET)]
        {
            let network = load(file(&format!("{model}.onnx")), size, normalization).unwrap();
            assert_eq!((network.dim(), network.input_size()), (dim, 16), "{model}");
            let actual = network.extract(&images()).unwrap();
            let expected: Array2<f32> = golden().by_name(&format!("{model}_{name}")).unwrap();
            let error = (&actual - &expected).mapv(f32::abs).fold(0.0, |a: f32, &b| a.max(b));
            assert!(error < TOLERANCE, "{model} {name}: {error}");
        }
    }
}

#[test]
fn an_image_gives_the_same_bits_alone_in_a_batch_and_for_any_number_of_threads() {
    let network = load(file("map.onnx"), Some(40), Normalization::IMAGENET).unwrap();
    let images = images();
    let extract = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| network.extract(&images).unwrap())
    };
    let whole = extract(1);
    assert_eq!(whole, extract(2));
    assert_eq!(whole, extract(20));
    for i in [0, 8] {
        assert_eq!(
            network.extract(&images.slice(s![i..=i, .., .., ..])).unwrap(),
            whole.slice(s![i..=i, ..])
        );
    }
    let done = AtomicUsize::new(0);
    network.extract_with(images.view(), &|count| _ = done.fetch_add(count, Ordering::Relaxed)).unwrap();
    assert_eq!(done.into_inner(), 9);
    assert_eq!(network.extract(&images.slice(s![..0, .., .., ..])).unwrap().dim(), (0, 5));
}

#[test]
fn the_input_size_is_the_files_then_the_callers_then_224() {
    let size = |name, asked| load(file(name), asked, Normalization::DIV255).unwrap().input_size();
    assert_eq!(size("flat.onnx", None), 16);
    assert_eq!(size("flat.onnx", Some(16)), 16);
    assert_eq!(size("map.onnx", Some(30)), 30);
    assert_eq!(size("map.onnx", None), 224);
}

#[test]
fn the_fingerprint_follows_content_and_settings_not_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("other.onnx");
    fs::copy(file("map.onnx"), &copy).unwrap();
    let fingerprint =
        |path: PathBuf, size, normalization| load(path, Some(size), normalization).unwrap().fingerprint();
    let first = fingerprint(file("map.onnx"), 16, Normalization::DIV255);
    assert_eq!(first, fingerprint(copy, 16, Normalization::DIV255));
    for other in [
        fingerprint(file("map.onnx"), 17, Normalization::DIV255),
        fingerprint(file("map.onnx"), 16, Normalization::IMAGENET),
        fingerprint(file("pooled.onnx"), 16, Normalization::DIV255),
    ] {
        assert!(!same_network(&first, &other));
    }
}

#[test]
fn what_is_not_a_network_of_images_is_refused_with_the_reason() {
    for (name, size, part) in [
        ("gray.onnx", None, "3, height, width"),
        ("sequence.onnx", None, "(1, 5, 64): tokens, which need the option pool (cls or mean)"),
        ("flat.onnx", Some(17), "an input size of 16, which is in the file, got 17"),
        ("map.onnx", Some(1025), "1..=1024"),
        ("map.onnx", Some(0), "1..=1024"),
        ("make.py", None, "an ONNX model"),
        ("wild/bytes.onnx", None, "no normalization"),
    ] {
        let message = refusal(name, size);
        assert!(message.contains(part) && message.contains(name), "{message}");
    }
    let folder = tempfile::tempdir().unwrap();
    let truncated = folder.path().join("truncated.onnx");
    let bytes = fs::read(file("flat.onnx")).unwrap();
    fs::write(&truncated, &bytes[..bytes.len() / 2]).unwrap();
    assert!(load(&truncated, None, Normalization::DIV255).is_err());
    let missing = load("nowhere/a.onnx", None, Normalization::DIV255).err().unwrap();
    assert!(matches!(missing, Error::Io { .. }), "{missing}");
}

#[test]
fn damaged_files_are_errors_or_networks_and_never_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.onnx");
    let whole = fs::read(file("flat.onnx")).unwrap();
    let load = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        _ = load(&path, None, Normalization::DIV255);
    };
    for length in (0..whole.len()).step_by(97) {
        load(&whole[..length]);
    }
    // Bits of the structure, at the start and the end, rather than of weights.
    for at in (0..300).chain(whole.len() - 300..whole.len()) {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        load(&damaged);
    }
}

#[test]
fn images_that_are_not_rgb_are_errors() {
    let network = load(file("flat.onnx"), None, Normalization::DIV255).unwrap();
    let error = network.extract(&Array4::zeros((1, 8, 8, 1))).unwrap_err();
    assert!(error.to_string().contains("RGB"), "{error}");
}

#[test]
fn tokens_are_pooled_and_any_value_can_be_the_output() {
    let load = |output: Option<&str>, pool| {
        let options = OnnxOptions {
            input_size: Some(16),
            normalization: Some(Normalization::DIV255),
            output: output.map(str::to_owned),
            pool,
        };
        Onnx::load(file("tokens.onnx"), options)
    };
    let features = |output, pool| load(output, pool).unwrap().extract(&images()).unwrap();
    // The mean of the tokens is that of the maps they are from.
    let (mean, maps) = (features(None, Some(Pool::Mean)), features(Some("maps"), None));
    assert!((&mean - &maps).iter().all(|error| error.abs() < 1e-6));
    assert_ne!(features(None, Some(Pool::Cls)), mean);
    let fingerprints = [
        (None, Some(Pool::Mean)),
        (None, Some(Pool::Cls)),
        (Some("maps"), None),
        (Some("tokens"), Some(Pool::Cls)),
    ]
    .map(|(output, pool)| load(output, pool).unwrap().fingerprint());
    for (i, a) in fingerprints.iter().enumerate() {
        assert!(fingerprints[..i].iter().all(|b| !same_network(a, b)), "{fingerprints:?}");
    }
    for (output, pool, part) in [
        (None, None, "(1, 64, 6): tokens, which need the option pool (cls or mean)"),
        (Some("maps"), Some(Pool::Mean), "no tokens to pool"),
        (Some("other"), None, "one of the outputs tokens, got other"),
    ] {
        let error = load(output, pool).err().unwrap().to_string();
        assert!(error.contains(part), "{error}");
    }
    assert_eq!("cls".parse(), Ok(Pool::Cls));
    assert!("first".parse::<Pool>().unwrap_err().contains("cls or mean"));
}

#[test]
fn settings_open_the_same_network_again() {
    let div255 = Some(Normalization::DIV255);
    let options = |output: Option<&str>, pool, normalization| OnnxOptions {
        input_size: Some(16),
        normalization,
        output: output.map(str::to_owned),
        pool,
    };
    let networks = [
        ("map.onnx", options(None, None, div255)),
        ("tokens.onnx", options(Some("tokens"), Some(Pool::Cls), div255)),
        ("tokens.onnx", options(Some("tokens"), Some(Pool::Mean), None)),
    ];
    for (name, options) in networks {
        let network = Onnx::load(file(name), options).unwrap();
        let json = serde_json::to_string(&network.settings().unwrap()).unwrap();
        let ExtractorSettings::Onnx { path, input_size, normalization, output, pool } =
            serde_json::from_str(&json).unwrap()
        else {
            panic!("{json}");
        };
        assert_eq!(path, Path::new(name));
        let options = OnnxOptions { input_size: Some(input_size), normalization, output, pool };
        assert_eq!(Onnx::load(file(name), options).unwrap().fingerprint(), network.fingerprint(), "{json}");
    }
}
