//! What is drawn: a function of seed and index alone, distributed as the protocol says, and replayed.
#![expect(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::collections::HashSet;

use mlprobe_data::augment::{Augmenter, Draw, Preset, Transform};
use mlprobe_data::mini;
use ndarray::{Array4, Axis, s};
use proptest::prelude::*;
use rayon::ThreadPoolBuilder;

fn augmenter(preset: Preset, seed: u64) -> Augmenter {
    Augmenter::new(preset.transforms(), seed).unwrap()
}

/// `count` draws of `transform` for images of 32x32.
fn draws(transform: Transform, count: u64) -> Vec<Draw> {
    let augmenter = Augmenter::new(&[transform], 0).unwrap();
    (0..count).map(|i| augmenter.draw(i, 32, 32)).collect()
}

/// Checks that `counts` are compatible with equal probabilities: five standard deviations for each.
fn assert_uniform(counts: &[u32]) {
    let total: u32 = counts.iter().sum();
    let p = 1.0 / counts.len() as f64;
    let bound = 5.0 * (f64::from(total) * p * (1.0 - p)).sqrt();
    for (value, &count) in counts.iter().enumerate() {
        assert!((f64::from(count) - f64::from(total) * p).abs() < bound, "{value}: {count} of {total}");
    }
}

#[test]
fn the_draws_of_a_seed_are_pinned() {
    // Printed by augment_reference.py.
    let expected = [
        (0, Preset::Y2022, Draw::ContrastFlip { contrast: 1.8930265281586356, flip: true }),
        (2, Preset::Y2022, Draw::Cutout { top: 24, left: 8, height: 4, width: 12, value: 213 }),
        (3, Preset::Y2022, Draw::Rotation { degrees: -129.60508425073857 }),
        (6, Preset::Y2022, Draw::Crop { top: 1, left: 1 }),
        (12, Preset::Y2022, Draw::Crop { top: 3, left: 0 }),
        (1 << 40, Preset::Y2022, Draw::ContrastFlip { contrast: 0.6921745209926347, flip: false }),
        (2, Preset::Y2023, Draw::Posterize { min: 71, max: 191 }),
        (3, Preset::Y2023, Draw::Enhancement),
        (6, Preset::Y2023, Draw::Rotation { degrees: -86.04732787055211 }),
    ];
    for (index, preset, draw) in expected {
        assert_eq!(augmenter(preset, 42).draw(index, 32, 32), draw, "image {index}");
    }
}

#[test]
fn augmented_real_images_are_pinned() {
    // Printed by augment_reference.py: NumPy gives the same bytes.
    let mini = mini::load(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/cifar10-mini")).unwrap();
    let digest = |preset| {
        let images = augmenter(preset, 42).apply(&mini.train.images).unwrap();
        mlprobe_data::LabelledImages::new(images, mini.train.labels.clone()).unwrap().digest()
    };
    assert_eq!(digest(Preset::Y2022), "2f447309b0852733a4cf4915154f7803d8f6b2d54309cfe5dbc5f0be5e01440d");
    assert_eq!(digest(Preset::Y2023), "8cf61e23a2896523c81b4ca2cf16e860a10c295704a78f2a61ff7f648b0967f8");
}

#[test]
fn every_transform_of_a_preset_is_as_likely() {
    for preset in [Preset::Y2022, Preset::Y2023] {
        let augmenter = augmenter(preset, 5);
        let mut counts = [0; 4];
        for index in 0..20_000 {
            let transform = match augmenter.draw(index, 32, 32) {
                Draw::Rotation { .. } => Transform::Rotation,
                Draw::Cutout { .. } => Transform::Cutout,
                Draw::Crop { .. } => Transform::Crop,
                Draw::ContrastFlip { .. } => Transform::ContrastFlip,
                Draw::Enhancement => Transform::Enhancement,
                Draw::Posterize { .. } => Transform::Posterize,
            };
            counts[preset.transforms().iter().position(|&t| t == transform).unwrap()] += 1;
        }
        assert_uniform(&counts);
    }
}

#[test]
fn cutout_blocks_lie_inside_with_uniform_sides_values_and_places() {
    let (mut heights, mut widths, mut values, mut places) = ([0; 17], [0; 17], [0; 256], [0; 17]);
    for draw in draws(Transform::Cutout, 50_000) {
        let Draw::Cutout { top, left, height, width, value } = draw else { panic!("{draw:?}") };
        assert!(top + height <= 32 && left + width <= 32, "{draw:?}");
        heights[height] += 1;
        widths[width] += 1;
        values[usize::from(value)] += 1;
        if height == 16 {
            places[top] += 1; // 0..=16
        }
    }
    for counts in [&heights[..], &widths, &values, &places] {
        assert_uniform(counts);
    }
}

#[test]
fn blocks_and_borders_grow_with_the_image() {
    let largest = |height: usize, width: usize| {
        let [cutout, crop] =
            [Transform::Cutout, Transform::Crop].map(|transform| Augmenter::new(&[transform], 3).unwrap());
        let (mut block, mut window) = ([0; 2], [0; 2]);
        for index in 0..2000 {
            let Draw::Cutout { top, left, height: h, width: w, .. } = cutout.draw(index, height, width)
            else {
                panic!()
            };
            assert!(top + h <= height && left + w <= width);
            block = [block[0].max(h), block[1].max(w)];
            let Draw::Crop { top, left } = crop.draw(index, height, width) else { panic!() };
            window = [window[0].max(top), window[1].max(left)];
        }
        (block, window)
    };
    // With 2,000 draws of at most 65 values, one that never comes has a probability below 1e-11.
    assert_eq!(largest(128, 64), ([64, 32], [16, 8]));
    assert_eq!(largest(32, 28), ([16, 14], [4, 4]));
    assert_eq!(largest(1, 5), ([0, 2], [0, 0]));
}

#[test]
fn crop_windows_are_uniform() {
    let mut counts = [0; 25];
    for draw in draws(Transform::Crop, 20_000) {
        let Draw::Crop { top, left } = draw else { panic!("{draw:?}") };
        counts[5 * top + left] += 1;
    }
    assert_uniform(&counts);
}

#[test]
fn angles_factors_and_flips_are_uniform() {
    let (mut angles, mut factors, mut flips) = ([0; 36], [0; 15], [0; 2]);
    for draw in draws(Transform::Rotation, 20_000) {
        let Draw::Rotation { degrees } = draw else { panic!("{draw:?}") };
        angles[((degrees + 180.0) / 10.0) as usize] += 1;
    }
    for draw in draws(Transform::ContrastFlip, 20_000) {
        let Draw::ContrastFlip { contrast, flip } = draw else { panic!("{draw:?}") };
        factors[((contrast - 0.5) * 10.0) as usize] += 1;
        flips[usize::from(flip)] += 1;
    }
    for counts in [&angles[..], &factors, &flips] {
        assert_uniform(counts);
    }
}

#[test]
fn posterize_ranges_are_uniform_over_all_pairs() {
    // Pairs with max - min = d: 256 - d of 32,640. Ranges in eight groups of equal probability would need unequal
    // borders, so compare the counts of each d with their own expectation.
    let n = 100_000.0;
    let (mut differences, mut pairs) = ([0.0; 256], HashSet::new());
    for draw in draws(Transform::Posterize, 100_000) {
        let Draw::Posterize { min, max } = draw else { panic!("{draw:?}") };
        assert!(min < max);
        differences[usize::from(max - min)] += 1.0;
        pairs.insert((min, max));
    }
    for (d, count) in differences.iter().enumerate().skip(1) {
        let expected = n * (256.0 - d as f64) / 32_640.0;
        assert!((count - expected).abs() < 5.0 * expected.sqrt() + 5.0, "{d}: {count}, expected {expected}");
    }
    // A pair stays out with probability exp(-100000/32640) = 0.047: about 31,100 pairs are seen.
    assert!(pairs.len() > 30_800, "{}", pairs.len());
}

fn images(n: usize, h: usize, w: usize) -> Array4<u8> {
    Array4::from_shape_fn((n, h, w, 3), |(n, y, x, c)| (n * 31 + y * 7 + x * 13 + c * 101) as u8)
}

#[test]
fn the_result_is_the_same_for_any_number_of_threads() {
    let (images, augmenter) = (images(500, 9, 14), augmenter(Preset::Y2022, 1));
    let run = |threads| {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| augmenter.apply_with_draws(&images).unwrap())
    };
    let one = run(1);
    assert_eq!(run(2), one);
    assert_eq!(run(16), one);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_image_is_transformed_by_seed_and_index_alone(
        seed: u64,
        index in 0..60usize,
        (h, w) in (1..20usize, 1..20usize),
    ) {
        let images = images(60, h, w);
        let augmenter = augmenter(Preset::Y2023, seed);
        let (all, draws) = augmenter.apply_with_draws(&images).unwrap();
        let image = images.index_axis(Axis(0), index);
        prop_assert_eq!(augmenter.draw(index as u64, h, w), draws[index]);
        prop_assert_eq!(draws[index].apply(image).unwrap(), all.index_axis(Axis(0), index));
        let rest = augmenter.apply_from(index as u64, images.slice(s![index.., .., .., ..])).unwrap();
        prop_assert_eq!(rest, all.slice(s![index.., .., .., ..]));
    }
}

#[test]
fn copies_of_an_image_have_draws_of_their_own_from_the_stated_streams() {
    let copy = |copy: u32, image| augmenter(Preset::Y2022, 42).with_copy(copy).draw(image, 32, 32);
    // Image i of copy c has the stream c 2³² + i, which is that of another image of copy 0.
    let first = augmenter(Preset::Y2022, 42);
    for (number, image) in [(0, 5), (1, 0), (7, 123), (256, 0)] {
        assert_eq!(copy(number, image), first.draw((u64::from(number) << 32) + image, 32, 32));
    }
    let drawn: HashSet<String> =
        (0..8).flat_map(|number| (0..50).map(move |image| format!("{:?}", copy(number, image)))).collect();
    // Two crops are alike with probability 1/25 each; other transforms hardly ever are.
    assert!(drawn.len() > 250, "{} of 400 draws are different", drawn.len());
}
