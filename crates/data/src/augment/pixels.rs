//! The transforms on pixels: images are slices of height * width * 3 values, row by row, RGB together.

use std::f64::consts::PI;
use std::ops::Range;

/// Rotates `image` by `degrees` counter-clockwise about its centre c = ((W-1)/2, (H-1)/2); gaps become 0.
///
/// The output pixel at p takes the source pixel nearest to c + R (p - c) (halves to the right and down), where, with y
/// pointing down,
///
/// ```text
/// R = [ cos  -sin ]
///     [ sin   cos ]
/// ```
///
/// The position is computed in whole numbers, twice its value to keep the centre whole, with sine and cosine in units
/// of 2^-30. So each step to the right is two exact additions, and a multiple of 90 degrees moves a square image
/// exactly. For a side of S pixels a position is off by less than S * 2^-30 pixels.
pub(super) fn rotate(degrees: f64, height: usize, width: usize, image: &[u8], out: &mut [u8]) {
    const BITS: u32 = 30;
    const ONE: i64 = 1 << BITS;
    let (sin, cos) = sin_cos_degrees(degrees);
    let (sin, cos) = (libm::round(sin * ONE as f64) as i64, libm::round(cos * ONE as f64) as i64);
    let (h, w) = (height as i64, width as i64);
    for (y, row) in out.chunks_exact_mut(3 * width).enumerate() {
        // Twice the offset from the centre of the row's first pixel.
        let (dx, dy) = (1 - w, 2 * y as i64 + 1 - h);
        // Twice the source position plus one half, to round by rounding down.
        let mut u = (w - 1) * ONE + cos * dx - sin * dy + ONE;
        let mut v = (h - 1) * ONE + sin * dx + cos * dy + ONE;
        for pixel in row.chunks_exact_mut(3) {
            let (x, y) = (u >> (BITS + 1), v >> (BITS + 1));
            if (0..w).contains(&x) && (0..h).contains(&y) {
                let from = 3 * (y * w + x) as usize;
                pixel.copy_from_slice(&image[from..from + 3]);
            } else {
                pixel.fill(0);
            }
            u += 2 * cos;
            v += 2 * sin;
        }
    }
}

/// Sine and cosine, exact at multiples of 90 degrees and the same bits on every machine.
fn sin_cos_degrees(degrees: f64) -> (f64, f64) {
    let quarters = libm::round(degrees / 90.0);
    let rest = (degrees - 90.0 * quarters) * (PI / 180.0);
    let (sin, cos) = (libm::sin(rest), libm::cos(rest));
    match (quarters as i64).rem_euclid(4) {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

/// Fills the block `rows` x `columns` of an image of `width` columns with `value`.
pub(super) fn erase(rows: Range<usize>, columns: Range<usize>, value: u8, width: usize, image: &mut [u8]) {
    for y in rows {
        image[3 * (y * width + columns.start)..3 * (y * width + columns.end)].fill(value);
    }
}

/// What [`crop`] adds on either end of a side: a 16th of it, rounded to the nearest pixel.
pub(super) fn border(side: usize) -> usize {
    side.saturating_add(8) / 16
}

/// The window at (`top`, `left`) of `image` with a border of zeros, in the image's size:
/// out(y, x) = image(y + top - border(H), x + left - border(W)).
pub(super) fn crop(top: usize, left: usize, height: usize, width: usize, image: &[u8], out: &mut [u8]) {
    let (above, before) = (border(height), border(width));
    // Of each row, the first `gap` pixels lie in the border, then come pixels of the image, from column `from` on.
    let (gap, from) = (before.saturating_sub(left).min(width), left.saturating_sub(before).min(width));
    let copied = 3 * (width - gap.max(from));
    for (y, row) in out.chunks_exact_mut(3 * width).enumerate() {
        row.fill(0);
        if let Some(source) = y.saturating_add(top).checked_sub(above).filter(|&source| source < height) {
            let source = &image[3 * (source * width + from)..][..copied];
            row[3 * gap..][..copied].copy_from_slice(source);
        }
    }
}

/// x' = clip(a (x - 128) + 128, 0, 255), to the nearest integer, for every x.
pub(super) fn contrast_table(a: f64) -> [u8; 256] {
    // The conversion to u8 clips.
    std::array::from_fn(|x| libm::round(a * (x as f64 - 128.0) + 128.0) as u8)
}

/// x' = 255 (x - min) / (max - min), to the nearest integer, for the smallest and largest value of `image`.
pub(super) fn enhancement_table(image: &[u8]) -> [u8; 256] {
    let min = usize::from(image.iter().copied().min().unwrap_or(0));
    let max = usize::from(image.iter().copied().max().unwrap_or(0));
    std::array::from_fn(|x| match max - min {
        0 => x as u8,
        // floor(q + 1/2) in whole numbers; values outside of min..=max do not occur.
        range => ((510 * x.saturating_sub(min).min(range) + range) / (2 * range)) as u8,
    })
}

/// x' = floor(x / divider) + min with divider = 255 / (max - min), that is floor(x (max - min) / 255) + min.
pub(super) fn posterize_table(min: u8, max: u8) -> [u8; 256] {
    let range = usize::from(max.saturating_sub(min));
    std::array::from_fn(|x| (x * range / 255) as u8 + min)
}

/// out = table[image].
pub(super) fn look_up(table: &[u8; 256], image: &[u8], out: &mut [u8]) {
    for (out, &value) in out.iter_mut().zip(image) {
        *out = table[usize::from(value)];
    }
}

/// out(y, x) = table[image(y, W - 1 - x)].
pub(super) fn look_up_mirrored(table: &[u8; 256], width: usize, image: &[u8], out: &mut [u8]) {
    for (out, image) in out.chunks_exact_mut(3 * width).zip(image.chunks_exact(3 * width)) {
        for (out, pixel) in out.chunks_exact_mut(3).zip(image.chunks_exact(3).rev()) {
            look_up(table, pixel, out);
        }
    }
}
