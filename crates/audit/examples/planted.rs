//! Plants duplicates of training images in the test set and reports how many the audit finds, kind by kind.
//!
//! `cargo run --release -p mlprobe-audit --example planted [CIFAR10_FOLDER]`; without a folder, the mini set is used. The
//! output is recorded in `docs/audit.md`.

use std::io::Cursor;
use std::path::Path;
use std::time::Instant;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, crop_imm, flip_horizontal, resize};
use image::{ImageFormat, RgbImage};
use mlprobe_audit::{DEFAULT_THRESHOLD, Pair, SHRINKAGE, Whitening, nearest_rows};
use mlprobe_data::random::Random;
use mlprobe_data::{LabelledImages, cifar10, mini};
use mlprobe_features::{Error, Extractor, FeatureCache, SqueezeNet};
use ndarray::{Array2, Array4, Axis, concatenate};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;
type Copier = fn(&RgbImage, &mut Random) -> Outcome<RgbImage>;

/// Of each kind of copy, so many are planted.
const PLANTED: usize = 200;
const SEED: u64 = 1;
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
    let train = &dataset.train.images;
    let mut random = Random::new(SEED, b"planted", 0);
    let mut sources = Vec::new();
    let planted: Vec<Array4<u8>> = KINDS
        .iter()
        .map(|(_, copy)| plant(train, *copy, &mut random, &mut sources))
        .collect::<Outcome<_>>()?;
    let planted: Vec<_> = planted.iter().map(|images| images.view()).collect();
    let extractor = SqueezeNet::default();
    let started = Instant::now();
    let train = cached(&dataset.train, &extractor)?;
    let given = cached(&dataset.test, &extractor)?;
    let copies = extractor.extract(&concatenate(Axis(0), &planted)?)?;
    let test = concatenate(Axis(0), &[given.view(), copies.view()])?;
    println!(
        "{}: {} training rows, {} test rows and {} planted copies of each kind; features by {} in {:.0} s.\n",
        dataset.name,
        train.nrows(),
        dataset.test.len(),
        PLANTED,
        extractor.name(),
        started.elapsed().as_secs_f64()
    );

    for share in [0.05] {
        println!(
            "Threshold at which {share} of given of the given test rows is reported, and the share found at it:\n"
        );
        print!("| shrinkage | threshold |");
        KINDS.iter().for_each(|(kind, _)| print!(" {kind} |"));
        println!("\n|--:|--:|{}", "--:|".repeat(KINDS.len()));
        for shrinkage in [0.01, 0.1, 1.0, 1e6] {
            let nearest = nearest(&train, &test, shrinkage)?;
            let (given, planted) = nearest.split_at(dataset.test.len());
            let mut similarities: Vec<f64> = given.iter().map(|pair| pair.similarity).collect();
            similarities.sort_by(f64::total_cmp);
            let threshold = similarities[given.len() - 1 - (given.len() as f64 * share) as usize];
            println!("| {shrinkage} | {threshold:.3} |{}", row(planted, &sources, threshold));
        }
    }

    let started = Instant::now();
    let nearest = nearest(&train, &test, SHRINKAGE)?;
    println!(
        "\nShrinkage {SHRINKAGE}, {:.1} s. Share found, of the right training row:\n",
        started.elapsed().as_secs_f64()
    );
    let (given, planted) = nearest.split_at(dataset.test.len());
    print!("| threshold |");
    KINDS.iter().for_each(|(kind, _)| print!(" {kind} |"));
    println!(" given rows reported | precision |\n|--:|{}--:|--:|", "--:|".repeat(KINDS.len()));
    for threshold in [0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 0.9, DEFAULT_THRESHOLD] {
        let reported = given.iter().filter(|pair| pair.similarity >= threshold).count();
        let right =
            planted.iter().zip(&sources).filter(|(pair, source)| found(pair, **source, threshold)).count();
        let wrong = planted
            .iter()
            .zip(&sources)
            .filter(|(pair, source)| pair.similarity >= threshold && pair.train != **source)
            .count();
        let precision = 100.0 * right as f64 / (right + wrong + reported) as f64;
        println!("| {threshold} |{} {reported} | {precision:.1} |", row(planted, &sources, threshold));
    }
    if let Some(path) = std::env::args().nth(2) {
        sheet(&dataset, given, Path::new(&path))?;
    }
    Ok(())
}

fn sheet(dataset: &mlprobe_data::Dataset, given: &[Pair], path: &Path) -> Outcome<()> {
    let mut best = given.to_vec();
    best.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
    let mut out = RgbImage::new(68 * 16, 34 * 25);
    let step = std::env::args().nth(3).map_or(1, |s| s.parse().unwrap_or(1));
    for (i, pair) in best.iter().step_by(step).take(400).enumerate() {
        if i % 16 == 0 {
            println!("row {}: {:.3}", i / 16, pair.similarity);
        }
        for (k, (images, row)) in
            [(&dataset.test.images, pair.test), (&dataset.train.images, pair.train)].into_iter().enumerate()
        {
            let image = RgbImage::from_raw(32, 32, images.index_axis(Axis(0), row).iter().copied().collect())
                .ok_or("size")?;
            image::imageops::replace(&mut out, &image, (i % 16 * 68 + k * 33) as i64, (i / 16 * 34) as i64);
        }
    }
    out.save(path)?;
    Ok(())
}

/// Features (N, D) of images, from `cache/` if they are there.
fn cached(images: &LabelledImages, extractor: &dyn Extractor) -> Outcome<Array2<f32>> {
    let (digest, fingerprint) = (images.digest(), extractor.fingerprint());
    let key = [("images", &*digest), ("augmentation", "none"), ("extractor", &*fingerprint)];
    let extract = || Ok::<_, Error>(extractor.extract(&images.images)?);
    Ok(FeatureCache::new("cache").get_or_extract(&key, extract)?.0)
}

/// The nearest training row of each test row.
fn nearest(train: &Array2<f32>, test: &Array2<f32>, shrinkage: f64) -> Outcome<Vec<Pair>> {
    let whitening = Whitening::fit(train.view(), shrinkage)?;
    Ok(nearest_rows(&whitening, train.view(), test.view(), 1)?)
}

fn found(pair: &Pair, source: usize, threshold: f64) -> bool {
    pair.similarity >= threshold && pair.train == source
}

/// The share found of each kind, in per cent, as cells of a table.
fn row(planted: &[Pair], sources: &[usize], threshold: f64) -> String {
    let share = |(pairs, sources): (&[Pair], &[usize])| {
        let found =
            pairs.iter().zip(sources).filter(|(pair, source)| found(pair, **source, threshold)).count();
        format!(" {:.1} |", 100.0 * found as f64 / pairs.len() as f64)
    };
    planted.chunks(PLANTED).zip(sources.chunks(PLANTED)).map(share).collect()
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
