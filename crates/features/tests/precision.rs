//! Features in bf16 and bf16x3 against those that PyTorch makes in f32, and the same bits by instruction and emulation.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod formula;

use std::fs::File;

use mlprobe_features::{
    EfficientNetLite0, Extractor, Normalization, Precision, ResNet18, SqueezeNet, same_network,
};
use mlprobe_kernels::Isa;
use ndarray::{Array2, Array4, s};
use ndarray_npy::NpzReader;

fn golden(name: &str) -> NpzReader<File> {
    let path = format!("{}/tests/golden/{name}.npz", env!("CARGO_MANIFEST_DIR"));
    NpzReader::new(File::open(path).unwrap()).unwrap()
}

/// A network on images of a size, in any precision on any instruction set, with the features that PyTorch makes.
struct Case {
    name: String,
    network: Box<dyn Fn(Precision, Isa) -> Box<dyn Extractor>>,
    images: Array4<u8>,
    expected: Array2<f32>,
    /// How many convolutions that round follow each other.
    layers: i32,
    /// The bound of the network's test in f32.
    tolerance: f32,
}

/// The networks at these sizes, with the first `images` of their test images.
fn cases(sizes: &[usize], images: usize) -> Vec<Case> {
    let weights = formula::weights();
    let few = |all: Array4<u8>| all.slice(s![..images, .., .., ..]).to_owned();
    let rows = |all: Array2<f32>| all.slice(s![..images, ..]).to_owned();
    let of_size = |&size: &usize| {
        let weights = weights.clone();
        let mut cases = vec![
            Case {
                name: format!("squeezenet@{size}"),
                network: Box::new(move |precision, isa| {
                    Box::new(SqueezeNet::with_isa(isa, size).unwrap().in_precision(precision))
                }),
                images: few(golden("squeezenet_features").by_name("images_u8_nhwc").unwrap()),
                expected: rows(features_of("squeezenet_features", &format!("features_{size}"))),
                layers: 16,
                tolerance: 5e-4,
            },
            Case {
                name: format!("efficientnet-lite0@{size}"),
                network: Box::new(move |precision, isa| {
                    Box::new(EfficientNetLite0::with_isa(isa, size).unwrap().in_precision(precision))
                }),
                images: few(golden("efficientnet_lite0").by_name("images").unwrap()),
                expected: rows(features_of("efficientnet_lite0", &format!("features_{size}"))),
                layers: 32,
                tolerance: 1e-4,
            },
        ];
        if size == 64 {
            cases.push(Case {
                name: format!("resnet18@{size}"),
                network: Box::new(move |precision, isa| {
                    Box::new(
                        ResNet18::from_bytes(precision, isa, &weights, size, Normalization::DIV255).unwrap(),
                    )
                }),
                images: few(golden("resnet18").by_name("images").unwrap()),
                expected: rows(features_of("resnet18", &format!("features_{size}_div255"))),
                layers: 16,
                tolerance: 2e-5,
            });
        }
        cases
    };
    sizes.iter().flat_map(of_size).collect()
}

fn features_of(file: &str, name: &str) -> Array2<f32> {
    golden(file).by_name(name).unwrap()
}

/// |actual - expected| / |expected| over all features, as Euclidean lengths.
fn relative(actual: &Array2<f32>, expected: &Array2<f32>) -> f64 {
    let square = |x: &Array2<f32>| x.mapv(|x| f64::from(x).powi(2)).sum();
    (square(&(actual - expected)) / square(expected)).sqrt()
}

/// In bf16 every factor errs by at most 2⁻⁸ of itself, independently of the others. A sum of products errs by at most √2·2⁻⁸ of its
/// size, if products cancel no more than their errors do, and L layers after each other by √L as much, if no layer enlarges
/// the errors of those before it more than their values. Products do cancel, above all where no ReLU follows: a factor of 2
/// allows for it; the largest seen is 1.1. In bf16x3 a product is off by 2⁻²³, hardly more than in f32.
fn assert_near(case: &Case, precision: Precision, isa: Isa) -> Array2<f32> {
    let actual = (case.network)(precision, isa).extract(&case.images).unwrap();
    let error = relative(&actual, &case.expected);
    let bound = match precision {
        Precision::Bf16 => 2.0 * f64::from(2 * case.layers).sqrt() * 2.0_f64.powi(-8),
        _ => 1e-5,
    };
    let largest = (&actual - &case.expected).mapv(f32::abs).fold(0.0, |a: f32, &b| a.max(b));
    println!("{} {isa} {precision}: {error:.2e} of {bound:.2e}, at most {largest:.1e}", case.name);
    assert!(error < bound, "{} {isa} {precision}: {error} of {bound}", case.name);
    assert!(precision == Precision::Bf16 || largest < case.tolerance, "{} {isa}: {largest}", case.name);
    // It is rounded at all: a hundredth of the bound is more than f32 errs by.
    assert!(precision != Precision::Bf16 || error > bound / 100.0, "{} {isa}: {error}", case.name);
    actual
}

#[test]
fn features_in_bf16_and_bf16x3_agree_with_pytorch_within_the_derived_bounds() {
    for case in cases(&[64, 128], 3) {
        for precision in [Precision::Bf16, Precision::Bf16x3] {
            assert_near(&case, precision, Isa::current());
        }
    }
}

/// The bits are the same where the layers in f32 round a product and its sum once, which the portable path does not.
#[test]
fn instructions_and_their_emulation_give_the_same_bits_and_the_portable_path_agrees() {
    for case in cases(&[32], 2) {
        for precision in [Precision::Bf16, Precision::Bf16x3] {
            // AMX sums in another order.
            let amx: Vec<_> = Isa::amx().into_iter().chain([Isa::emulating_amx()]).collect();
            for sets in [amx, Isa::available()] {
                let expected = assert_near(&case, precision, sets[0]);
                for &isa in &sets[1..] {
                    let features = assert_near(&case, precision, isa);
                    let same = features == expected;
                    assert!(same || isa.name() == "portable", "{} {isa} {precision}", case.name);
                }
            }
        }
    }
}

#[test]
fn an_image_gives_the_same_bits_in_bf16_alone_in_a_batch_and_for_any_number_of_threads() {
    let network = SqueezeNet::new(48).unwrap().in_precision(Precision::Bf16);
    let images: Array4<u8> = golden("squeezenet_features").by_name("images_u8_nhwc").unwrap();
    let extract = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| network.extract(&images).unwrap())
    };
    let whole = extract(1);
    assert_eq!(whole, extract(2));
    assert_eq!(whole, extract(16));
    for i in 0..images.dim().0 {
        let alone = network.extract(&images.slice(s![i..=i, .., .., ..])).unwrap();
        assert_eq!(alone, whole.slice(s![i..=i, ..]), "image {i}");
    }
}

#[test]
fn name_and_fingerprint_tell_precisions_apart_and_f32_has_those_of_before() {
    let of = |precision| {
        let network = SqueezeNet::new(64).unwrap().in_precision(precision);
        (network.name(), network.fingerprint(), serde_json::to_string(&network.settings()).unwrap())
    };
    let [f32, bf16x3, bf16] = Precision::ALL.map(of);
    let plain = SqueezeNet::new(64).unwrap();
    assert_eq!((f32.0.as_str(), &f32.1), ("squeezenet1_1@64", &plain.fingerprint()));
    assert_eq!(f32.2, r#"{"network":"squeezenet","input_size":64}"#);
    assert_eq!((bf16x3.0.as_str(), bf16.0.as_str()), ("squeezenet1_1@64-bf16x3", "squeezenet1_1@64-bf16"));
    assert_eq!(bf16.2, r#"{"network":"squeezenet","input_size":64,"precision":"bf16"}"#);
    assert!(
        !same_network(&f32.1, &bf16.1)
            && !same_network(&f32.1, &bf16x3.1)
            && !same_network(&bf16x3.1, &bf16.1)
    );
}

/// With AMX more layers are rounded, so that features differ by more than rounding; those in f32 are the same, also by name, so
/// that they are found again whether or not AMX is in use.
#[test]
fn features_in_bf16_with_amx_are_told_apart_from_those_without_and_those_in_f32_are_not() {
    let without = Isa::available()[0];
    let [f32, bf16] = [Precision::F32, Precision::Bf16].map(|precision| {
        [without, Isa::emulating_amx()]
            .map(|isa| SqueezeNet::with_isa(isa, 64).unwrap().in_precision(precision).fingerprint())
    });
    assert_eq!(f32[0], f32[1]);
    assert!(f32[0].ends_with(&format!("-{without}")) && bf16[0].ends_with(&format!("-{without}")));
    assert!(!same_network(&bf16[0], &bf16[1]), "{bf16:?}");
}
