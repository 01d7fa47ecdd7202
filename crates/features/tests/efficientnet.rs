//! EfficientNet-Lite0 against PyTorch (`golden/efficientnet_lite0.py`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use std::fs::File;

use mlprobe_features::{EfficientNetLite0, Error, Extractor, same_network};
use mlprobe_kernels::Isa;
use ndarray::{Array2, Array3, Array4, Axis, s};
use ndarray_npy::NpzReader;

fn golden() -> NpzReader<File> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/efficientnet_lite0.npz");
    NpzReader::new(File::open(path).unwrap()).unwrap()
}

fn images() -> Array4<u8> {
    golden().by_name("images").unwrap()
}

fn largest(error: impl IntoIterator<Item = f32>) -> f32 {
    error.into_iter().fold(0.0, |largest, error| largest.max(error.abs()))
}

/// The bound covers rounding on both sides, through some 50 layers of f32 sums of up to 1152 products: a
/// few hundred roundings of features that reach 6 (an ε of 6e-8 each), three times the largest difference seen.
const TOLERANCE: f32 = 1e-4;

#[test]
fn features_agree_with_pytorch_at_every_size_on_every_instruction_set() {
    let mut worst = Vec::new();
    for isa in Isa::available() {
        for size in [32, 64, 97, 128, 224] {
            let expected: Array2<f32> = golden().by_name(&format!("features_{size}")).unwrap();
            let actual = EfficientNetLite0::with_isa(isa, size).unwrap().extract(&images()).unwrap();
            worst.push((isa.name(), size, largest(actual - expected)));
        }
    }
    println!("{worst:?}");
    assert!(worst.iter().all(|&(.., error)| error < TOLERANCE), "{worst:?}");
}

#[test]
fn maps_agree_with_pytorch_after_the_stem_and_the_blocks_on_every_instruction_set() {
    let image = images().index_axis_move(Axis(0), 0);
    for isa in Isa::available() {
        let maps = EfficientNetLite0::with_isa(isa, 64).unwrap().layer_maps(image.view()).unwrap();
        assert_eq!(maps.len(), 1 + 16 + 1);
        for (name, index) in
            [("stem", 0), ("block_0", 1), ("block_1", 2), ("block_3", 4), ("block_8", 9), ("block_15", 16)]
        {
            let expected: Array3<f32> = golden().by_name(name).unwrap();
            let channels = expected.dim().0;
            let actual = maps[index].view().permuted_axes([2, 0, 1]);
            let (map, padding) = actual.split_at(Axis(0), channels);
            // Relative to the largest value: a few hundred roundings, as above.
            let bound = 2e-5 * largest(expected.iter().copied());
            let error = largest(&map - &expected);
            assert!(error < bound, "{isa} {name}: {error} of {bound}");
            assert!(padding.iter().all(|&zero| zero == 0.0), "{isa} {name}");
        }
    }
}

#[test]
fn rounding_the_weights_changes_features_by_less_than_half_a_per_cent() {
    let rounded: Array2<f32> = golden().by_name("features_128").unwrap();
    let exact: Array2<f32> = golden().by_name("features_128_unrounded").unwrap();
    let square = |x: &Array2<f32>| x.mapv(|x| f64::from(x).powi(2)).sum();
    let relative = (square(&(&rounded - &exact)) / square(&exact)).sqrt();
    assert!((0.001..0.005).contains(&relative), "{relative}");
}

#[test]
fn an_image_gives_the_same_bits_alone_in_a_batch_and_for_any_number_of_threads() {
    let (network, images) = (EfficientNetLite0::new(64).unwrap(), images());
    let extract = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| network.extract(&images).unwrap())
    };
    let whole = extract(1);
    assert_eq!(whole, extract(2));
    assert_eq!(whole, extract(5));
    for i in [0, 6, 7] {
        let alone = network.extract(&images.slice(s![i..=i, .., .., ..])).unwrap();
        assert_eq!(alone, whole.slice(s![i..=i, ..]), "image {i}");
    }
}

#[test]
fn the_name_says_the_size_and_the_default_is_that_of_224_pixels() {
    let (default, new) = (EfficientNetLite0::default(), EfficientNetLite0::new(224).unwrap());
    assert_eq!((default.name().as_str(), default.dim()), ("efficientnet_lite0@224", 1280));
    assert_eq!(default.fingerprint(), new.fingerprint());
    assert!(!same_network(&default.fingerprint(), &EfficientNetLite0::new(128).unwrap().fingerprint()));
}

#[test]
fn sizes_and_images_that_do_not_fit_are_errors() {
    for size in [0, 31, 1025] {
        assert!(matches!(EfficientNetLite0::new(size), Err(Error::Shape { .. })), "{size}");
    }
    let error = EfficientNetLite0::new(32).unwrap().extract(&Array4::zeros((2, 32, 32, 1))).unwrap_err();
    assert!(error.to_string().contains("RGB"), "{error}");
}
