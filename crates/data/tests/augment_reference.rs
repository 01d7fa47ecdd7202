//! Each transform against a naive version written from the protocol, at odd and non-square sizes, and in known cases.
#![expect(clippy::unwrap_used, reason = "a step that fails fails the test")]

use mlprobe_data::augment::Draw;
use ndarray::{Array3, array, s};
use proptest::prelude::*;

/// A pixel of `image`, or 0 outside of it.
fn at(image: &Array3<u8>, y: i64, x: i64, c: usize) -> u8 {
    let (h, w, _) = image.dim();
    let inside = (0..h as i64).contains(&y) && (0..w as i64).contains(&x);
    if inside { image[[y as usize, x as usize, c]] } else { 0 }
}

/// The protocol's definitions, pixel by pixel, in floating point. `None` where a rotated position is so close to the
/// border between two pixels that rounding may go either way.
fn reference(draw: Draw, image: &Array3<u8>) -> Array3<Option<u8>> {
    let (h, w, _) = image.dim();
    let (min, max) = image.iter().fold((255, 0), |(min, max), &x| (x.min(min), x.max(max)));
    Array3::from_shape_fn(image.dim(), |(y, x, c)| {
        let value = f64::from(image[[y, x, c]]);
        Some(match draw {
            Draw::Rotation { degrees } => {
                let (sin, cos) = libm::sincos(degrees.to_radians());
                let (cy, cx) = ((h as f64 - 1.0) / 2.0, (w as f64 - 1.0) / 2.0);
                // From the output pixel back to its source: clockwise on the screen.
                let (dx, dy) = (x as f64 - cx, y as f64 - cy);
                let (sx, sy) = (cx + cos * dx - sin * dy, cy + sin * dx + cos * dy);
                let tie = |p: f64| ((p - p.floor()) - 0.5).abs() < 1e-6;
                if tie(sx) || tie(sy) {
                    return None;
                }
                at(image, sy.round() as i64, sx.round() as i64, c)
            }
            Draw::Cutout { top, left, height, width, value } => {
                let inside = (top..top + height).contains(&y) && (left..left + width).contains(&x);
                if inside { value } else { image[[y, x, c]] }
            }
            Draw::Crop { top, left } => {
                let border = |side: usize| (side as f64 / 16.0).round() as i64;
                at(image, y as i64 + top as i64 - border(h), x as i64 + left as i64 - border(w), c)
            }
            Draw::ContrastFlip { contrast, flip } => {
                let source = image[[y, if flip { w - 1 - x } else { x }, c]];
                (contrast * (f64::from(source) - 128.0) + 128.0).clamp(0.0, 255.0).round() as u8
            }
            Draw::Enhancement if min == max => image[[y, x, c]],
            Draw::Enhancement => (255.0 * (value - f64::from(min)) / f64::from(max - min)).round() as u8,
            // The quotient is exact where it is whole: x (max - min) is below 2^53.
            Draw::Posterize { min, max } => (value * f64::from(max - min) / 255.0).floor() as u8 + min,
        })
    })
}

fn image() -> impl Strategy<Value = Array3<u8>> {
    (1..24usize, 1..24usize).prop_flat_map(|(h, w)| {
        proptest::collection::vec(any::<u8>(), h * w * 3)
            .prop_map(move |pixels| Array3::from_shape_vec((h, w, 3), pixels).unwrap())
    })
}

fn draw() -> impl Strategy<Value = Draw> {
    let range = (0..255u8).prop_flat_map(|min| (Just(min), min + 1..=255));
    prop_oneof![
        (-180.0..180.0).prop_map(|degrees| Draw::Rotation { degrees }),
        (0..24usize, 0..24usize, 0..17usize, 0..17usize, any::<u8>())
            .prop_map(|(top, left, height, width, value)| Draw::Cutout { top, left, height, width, value }),
        (0..5usize, 0..5usize).prop_map(|(top, left)| Draw::Crop { top, left }),
        (0.5..2.0, any::<bool>()).prop_map(|(contrast, flip)| Draw::ContrastFlip { contrast, flip }),
        Just(Draw::Enhancement),
        range.prop_map(|(min, max)| Draw::Posterize { min, max }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_transform_equals_its_definition(image in image(), draw in draw()) {
        let out = draw.apply(image.view()).unwrap();
        for ((place, &actual), expected) in out.indexed_iter().zip(reference(draw, &image)) {
            prop_assert!(expected.is_none_or(|expected| expected == actual), "{draw:?} at {place:?}");
        }
    }

    #[test]
    fn memory_order_does_not_matter(image in image(), draw in draw()) {
        let transposed = image.t().as_standard_layout().into_owned();
        prop_assert_eq!(draw.apply(transposed.t()).unwrap(), draw.apply(image.view()).unwrap());
    }

    #[test]
    fn any_parameters_are_applied_without_a_panic(
        image in image(),
        big in prop_oneof![any::<usize>(), Just(usize::MAX)],
        number in any::<f64>(),
        byte in any::<u8>(),
    ) {
        let draws = [
            Draw::Rotation { degrees: number },
            Draw::Cutout { top: big, left: 0, height: big, width: big, value: byte },
            Draw::Cutout { top: 0, left: big, height: big, width: big, value: byte },
            Draw::Crop { top: big, left: 0 },
            Draw::Crop { top: 0, left: big },
            Draw::ContrastFlip { contrast: number, flip: true },
            Draw::Posterize { min: 255, max: byte },
        ];
        for draw in draws {
            prop_assert_eq!(draw.apply(image.view()).unwrap().dim(), image.dim());
        }
    }
}

#[test]
fn the_reference_leaves_few_rotated_pixels_open() {
    let image = Array3::from_elem((31, 32, 3), 200);
    for degrees in [-179.3, -64.1, -12.7, 0.4, 33.3, 88.8, 161.2] {
        let open = reference(Draw::Rotation { degrees }, &image).iter().filter(|p| p.is_none()).count();
        assert!(open < 30, "{open} of 2976 at {degrees}");
    }
}

/// Numbers its pixels, the channels apart.
fn numbered(h: usize, w: usize) -> Array3<u8> {
    Array3::from_shape_fn((h, w, 3), |(y, x, c)| (y * w + x + 80 * c) as u8)
}

#[test]
fn a_quarter_turn_is_counter_clockwise_and_exact() {
    for side in [1, 2, 5, 8] {
        let image = numbered(side, side);
        let turned = Draw::Rotation { degrees: 90.0 }.apply(image.view()).unwrap();
        // The right column becomes the top row.
        for (y, x) in (0..side).flat_map(|y| (0..side).map(move |x| (y, x))) {
            assert_eq!(turned.slice(s![y, x, ..]), image.slice(s![x, side - 1 - y, ..]));
        }
    }
}

#[test]
fn quarter_turns_add_up() {
    let image = numbered(8, 8);
    let turn = |image: &Array3<u8>, degrees| Draw::Rotation { degrees }.apply(image.view()).unwrap();
    let quarter = turn(&image, 90.0);
    let half = turn(&quarter, 90.0);
    assert_eq!(half, turn(&image, 180.0));
    assert_eq!(half, turn(&image, -180.0));
    assert_eq!(turn(&half, 90.0), turn(&image, -90.0));
    assert_eq!(turn(&quarter, -90.0), image);
    assert_eq!(turn(&image, 0.0), image);
}

#[test]
fn a_half_turn_of_a_rectangle_is_exact() {
    let image = numbered(5, 8);
    let turned = Draw::Rotation { degrees: 180.0 }.apply(image.view()).unwrap();
    assert_eq!(turned, image.slice(s![..;-1, ..;-1, ..]));
}

#[test]
fn the_corners_of_a_square_turned_by_45_degrees_are_black() {
    let out = Draw::Rotation { degrees: 45.0 }.apply(Array3::from_elem((32, 32, 3), 255).view()).unwrap();
    for (y, x) in [(0, 0), (0, 31), (31, 0), (31, 31)] {
        assert_eq!(out.slice(s![y, x, ..]).to_vec(), [0; 3]);
    }
    assert_eq!(out.slice(s![16, 16, ..]).to_vec(), [255; 3]);
}

#[test]
fn mirroring_twice_gives_the_image_back() {
    let image = numbered(5, 8);
    let mirror = Draw::ContrastFlip { contrast: 1.0, flip: true };
    let once = mirror.apply(image.view()).unwrap();
    assert_eq!(once, image.slice(s![.., ..;-1, ..]));
    assert_eq!(mirror.apply(once.view()).unwrap(), image);
}

#[test]
fn cropping_is_padding_and_a_window() {
    for (h, w, above, before) in [(1, 1, 0, 0), (5, 9, 0, 1), (32, 32, 2, 2), (28, 40, 2, 3), (64, 24, 4, 2)]
    {
        let image = numbered(h, w);
        let mut padded = Array3::zeros((h + 2 * above, w + 2 * before, 3));
        padded.slice_mut(s![above..h + above, before..w + before, ..]).assign(&image);
        for (top, left) in (0..=2 * above).flat_map(|top| (0..=2 * before).map(move |left| (top, left))) {
            let out = Draw::Crop { top, left }.apply(image.view()).unwrap();
            assert_eq!(out, padded.slice(s![top..top + h, left..left + w, ..]));
        }
    }
}

#[test]
fn contrast_rounds_halves_away_from_zero_and_clips() {
    let image = array![[[0, 1, 127], [128, 129, 255]]];
    let apply = |contrast| Draw::ContrastFlip { contrast, flip: false }.apply(image.view()).unwrap();
    // 0.5 * -127 + 128 = 64.5, 0.5 * -1 + 128 = 127.5, 0.5 * 1 + 128 = 128.5, 0.5 * 127 + 128 = 191.5
    assert_eq!(apply(0.5), array![[[64, 65, 128], [128, 129, 192]]]);
    assert_eq!(apply(2.0), array![[[0, 0, 126], [128, 130, 255]]]);
    assert_eq!(apply(1.0), image);
}

#[test]
fn enhancement_stretches_over_all_channels_together_and_rounds_halves_up() {
    let out = Draw::Enhancement.apply(array![[[10, 11, 12], [10, 10, 12]]].view()).unwrap();
    assert_eq!(out, array![[[0, 128, 255], [0, 0, 255]]]); // 255 * 1 / 2 = 127.5
}

#[test]
fn enhancement_leaves_an_image_of_one_value() {
    for value in [0, 77, 255] {
        let image = Array3::from_elem((3, 4, 3), value);
        assert_eq!(Draw::Enhancement.apply(image.view()).unwrap(), image);
    }
}

#[test]
fn posterizing_maps_0_to_min_and_255_to_max() {
    let apply = |min, max| Draw::Posterize { min, max }.apply(array![[[0, 254, 255]]].view()).unwrap();
    assert_eq!(apply(0, 255), array![[[0, 254, 255]]]);
    assert_eq!(apply(10, 11), array![[[10, 10, 11]]]);
    assert_eq!(apply(100, 202), array![[[100, 201, 202]]]); // floor(254 * 0.4) = 101
}

#[test]
fn an_image_without_three_channels_is_refused() {
    let error = Draw::Enhancement.apply(Array3::zeros((4, 5, 1)).view()).unwrap_err().to_string();
    assert!(error.contains("(height, width, 3)") && error.contains("[4, 5, 1]"), "{error}");
}
