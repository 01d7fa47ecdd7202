//! Plants duplicates of training images in the test set and reports how many the audit finds, kind by kind.
//!
//! `cargo run --release -p mlprobe-audit --example planted [CIFAR10_FOLDER]`; without a folder, the mini set is used. Features of
//! the given images are kept in `cache/`, which the program shares. The output is recorded in `docs/audit.md`.

#![allow(clippy::result_large_err, reason = "the errors of mlprobe-features are large")]

use std::collections::BTreeSet;
use std::io::Cursor;
use std::time::Instant;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, crop_imm, flip_horizontal, resize};
use image::{ImageFormat, RgbImage};
use mlprobe_audit::{DEFAULT_THRESHOLD, Pair, Whitening, near_duplicates, nearest_rows};
use mlprobe_data::random::Random;
use mlprobe_data::{LabelledImages, cifar10, mini};
use mlprobe_features::{Extractor, FeatureCache, SqueezeNet};
use ndarray::{Array2, Array4, Axis, concatenate};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;
type Copier = fn(&RgbImage, &mut Random) -> Outcome<RgbImage>;

/// Of each kind of copy, so many are planted.
const PLANTED: usize = 200;
/// Shrinkage, threshold and contrast were chosen with seed 1.
const SEED: u64 = 2;
const KINDS: [(&str, Copier); 6] = [
    ("exact", |image, _| Ok(image.clone())),
    ("crop", crop),
    ("flip", |image, _| Ok(flip_horizontal(image))),
    ("brightness", brightness),
    ("JPEG", jpeg),
    ("flip and crop", |image, random| crop(&flip_horizontal(image), random)),
];

fn main() -> Outcome<()> {
    let mini_set = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/cifar10-mini");
    let dataset = std::env::args().nth(1).map_or_else(|| mini::load(mini_set), cifar10::load)?;
    let mut random = Random::new(SEED, b"planted", 0);
    let mut sources = Vec::new();
    let mut copies = Vec::new();
    for (_, copy) in KINDS {
        copies.push(plant(&dataset.train.images, copy, &mut random, &mut sources)?);
    }
    let copies: Vec<_> = copies.iter().map(|images| images.view()).collect();
    let extractor = SqueezeNet::default();
    let train = cached(&dataset.train, &extractor)?;
    let given = cached(&dataset.test, &extractor)?;
    let copies = extractor.extract(&concatenate(Axis(0), &copies)?)?;
    let test = concatenate(Axis(0), &[given.view(), copies.view()])?;
    println!(
        "{}, {}: {} training rows, {} given test rows, {PLANTED} planted copies of each kind.",
        dataset.name,
        extractor.name(),
        train.nrows(),
        given.nrows()
    );
    let kinds = KINDS.map(|(kind, _)| format!(" {kind} |")).concat();
    let line = "--:|".repeat(KINDS.len());

    println!(
        "\nNearest rows alone, at the threshold that 5 % of the given test rows reach; found, in per cent:\n"
    );
    println!("| shrinkage | threshold |{kinds}\n|--:|--:|{line}");
    for shrinkage in [0.01, 0.1, 1.0, 1e6] {
        let whitening = Whitening::fit(train.view(), shrinkage)?;
        let nearest = nearest_rows(&whitening, train.view(), test.view(), 1)?;
        let mut similarities: Vec<f64> =
            nearest[..given.nrows()].iter().map(|pair| pair.similarity).collect();
        similarities.sort_by(f64::total_cmp);
        let threshold = similarities[given.nrows() - given.nrows() / 20];
        println!("| {shrinkage} | {threshold:.2} |{}", found(&nearest, given.nrows(), &sources, threshold).1);
    }

    let started = Instant::now();
    let pairs = near_duplicates(train.view(), test.view(), 0.3)?;
    let seconds = started.elapsed().as_secs_f64();
    println!("\nThe audit's rule, in {seconds:.1} s; found, in per cent:\n");
    println!("| threshold |{kinds} given rows reported | precision, at least |\n|--:|{line}--:|--:|");
    for threshold in [0.3, 0.4, DEFAULT_THRESHOLD, 0.5, 0.6, 0.7, 0.8, 0.9] {
        let (right, shares) = found(&pairs, given.nrows(), &sources, threshold);
        let reported: BTreeSet<usize> =
            pairs.iter().filter(|pair| pair.similarity >= threshold).map(|pair| pair.test).collect();
        let of_given = reported.range(..given.nrows()).count();
        let precision = 100.0 * right as f64 / reported.len() as f64;
        println!("| {threshold} |{shares} {of_given} | {precision:.1} |");
    }
    Ok(())
}

/// How many planted rows, which follow the `given` ones, are paired with their source; and the share found of each kind, in
/// per cent, as cells of a table.
fn found(pairs: &[Pair], given: usize, sources: &[usize], threshold: f64) -> (usize, String) {
    let is_right = |pair: &&Pair| {
        pair.similarity >= threshold && pair.test >= given && sources[pair.test - given] == pair.train
    };
    let rows: BTreeSet<usize> = pairs.iter().filter(is_right).map(|pair| pair.test - given).collect();
    let share = |kind: usize| {
        let found = rows.range(kind * PLANTED..(kind + 1) * PLANTED).count();
        format!(" {:.1} |", 100.0 * found as f64 / PLANTED as f64)
    };
    (rows.len(), (0..KINDS.len()).map(share).collect())
}

/// Features (N, D) of images, from `cache/` if they are there.
fn cached(images: &LabelledImages, extractor: &dyn Extractor) -> Outcome<Array2<f32>> {
    let (digest, fingerprint) = (images.digest(), extractor.fingerprint());
    let key = [("images", &*digest), ("augmentation", "none"), ("extractor", &*fingerprint)];
    Ok(FeatureCache::new("cache").get_or_extract(&key, || extractor.extract(&images.images))?.0)
}

/// Copies of images drawn from `train` (N, height, width, 3); their rows are added to `sources`.
fn plant(
    train: &Array4<u8>,
    copy: Copier,
    random: &mut Random,
    sources: &mut Vec<usize>,
) -> Outcome<Array4<u8>> {
    let (n, height, width, _) = train.dim();
    let mut pixels = Vec::new();
    for _ in 0..PLANTED {
        let source = random.below(n as u32) as usize;
        let original = train.index_axis(Axis(0), source).iter().copied().collect();
        let original =
            RgbImage::from_raw(width as u32, height as u32, original).ok_or("an image of another size")?;
        pixels.extend(copy(&original, random)?.into_raw());
        sources.push(source);
    }
    Ok(Array4::from_shape_vec((PLANTED, height, width, 3), pixels)?)
}

/// A part of 7/8 of the height and width, scaled up again.
fn crop(image: &RgbImage, random: &mut Random) -> Outcome<RgbImage> {
    let (width, height) = image.dimensions();
    let (w, h) = (width * 7 / 8, height * 7 / 8);
    let (x, y) = (random.below(width - w + 1), random.below(height - h + 1));
    Ok(resize(&crop_imm(image, x, y, w, h).to_image(), width, height, FilterType::Triangle))
}

/// All values times 0.7 to 1.3.
fn brightness(image: &RgbImage, random: &mut Random) -> Outcome<RgbImage> {
    let factor = random.uniform(0.7, 1.3);
    let mut image = image.clone();
    image.iter_mut().for_each(|value| *value = (f64::from(*value) * factor).round().min(255.0) as u8);
    Ok(image)
}

/// Compressed and read again, at a quality of 50 to 95.
fn jpeg(image: &RgbImage, random: &mut Random) -> Outcome<RgbImage> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 50 + random.below(46) as u8).encode_image(image)?;
    Ok(image::load(Cursor::new(bytes), ImageFormat::Jpeg)?.into_rgb8())
}
