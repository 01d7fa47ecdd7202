//! What an extractor promises beyond its numbers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use std::sync::atomic::{AtomicUsize, Ordering};

use mlprobe_features::{Error, Extractor, SqueezeNet, same_network};
use mlprobe_kernels::Isa;
use ndarray::{Array4, s};

fn images(count: usize, height: usize, width: usize) -> Array4<u8> {
    Array4::from_shape_fn((count, height, width, 3), |(n, y, x, c)| {
        (n * 37 + y * y * 5 + x * 11 + c * 60) as u8
    })
}

#[test]
fn an_image_gives_the_same_bits_alone_in_a_batch_and_for_any_number_of_threads() {
    let (network, images) = (SqueezeNet::new(48).unwrap(), images(23, 32, 32));
    let extract = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| network.extract(&images).unwrap())
    };
    let whole = extract(1);
    assert_eq!(whole, extract(2));
    assert_eq!(whole, extract(5));
    for i in [0, 6, 7, 22] {
        let alone = network.extract(&images.slice(s![i..=i, .., .., ..])).unwrap();
        assert_eq!(alone, whole.slice(s![i..=i, ..]), "image {i}");
    }
}

#[test]
fn the_default_network_is_that_of_128_pixels() {
    let (default, new) = (SqueezeNet::default(), SqueezeNet::new(128).unwrap());
    assert_eq!((default.name(), default.fingerprint()), (new.name(), new.fingerprint()));
    let images = images(2, 40, 30);
    assert_eq!(default.extract(&images).unwrap(), new.extract(&images).unwrap());
}

#[test]
fn images_of_any_size_are_taken() {
    let network = SqueezeNet::new(32).unwrap();
    for (height, width) in [(1, 1), (7, 50), (100, 33)] {
        assert_eq!(network.extract(&images(2, height, width)).unwrap().dim(), (2, 512));
    }
    assert_eq!(network.extract(&images(0, 32, 32)).unwrap().dim(), (0, 512));
}

#[test]
fn progress_adds_up_to_the_number_of_images() {
    let done = AtomicUsize::new(0);
    let add = |count| _ = done.fetch_add(count, Ordering::Relaxed);
    SqueezeNet::new(16).unwrap().extract_with(images(30, 8, 8).view(), &add).unwrap();
    assert_eq!(done.into_inner(), 30);
}

#[test]
fn the_fingerprint_tells_input_sizes_apart_and_ends_in_the_instruction_set() {
    let fingerprint = |isa, size| SqueezeNet::with_isa(isa, size).unwrap().fingerprint();
    let isa = Isa::current();
    assert_eq!(fingerprint(isa, 64), SqueezeNet::new(64).unwrap().fingerprint());
    assert!(!same_network(&fingerprint(isa, 64), &fingerprint(isa, 128)));
    let portable = *Isa::available().last().unwrap();
    assert!(fingerprint(portable, 64).ends_with("-portable"));
    assert!(same_network(&fingerprint(isa, 64), &fingerprint(portable, 64)));
}

#[test]
fn sizes_and_images_that_do_not_fit_are_errors() {
    for size in [0, 15, 1025] {
        assert!(matches!(SqueezeNet::new(size), Err(Error::Shape { .. })), "{size}");
    }
    let gray = Array4::zeros((2, 32, 32, 1));
    let error = SqueezeNet::new(32).unwrap().extract(&gray).unwrap_err();
    assert!(error.to_string().contains("RGB"), "{error}");
    assert!(SqueezeNet::new(32).unwrap().extract(&images(1, 0, 32)).is_err());
}
