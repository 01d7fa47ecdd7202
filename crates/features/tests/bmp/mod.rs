//! Image files for tests.

/// An image (height, width) of these RGB colours as a BMP file: rows from the bottom up, blue first, padded to 4 bytes.
pub fn bmp(height: usize, width: usize, colour: impl Fn(usize, usize) -> [u8; 3]) -> Vec<u8> {
    let row = (3 * width).next_multiple_of(4);
    let number = |n: usize| (n as u32).to_le_bytes();
    let mut file = b"BM".to_vec();
    // Size of the file, two reserved numbers of 16 bits, place of the pixels; size of the rest of the header.
    [54 + row * height, 0, 54, 40, width, height].iter().for_each(|&n| file.extend(number(n)));
    // One plane, 24 bits a pixel; no compression, and five numbers that may be 0.
    file.extend([1, 0, 24, 0]);
    file.extend([0; 24]);
    for y in (0..height).rev() {
        let pixels = (0..width).flat_map(|x| colour(y, x).into_iter().rev());
        file.extend(
            pixels
                .chain(std::iter::repeat(0))
                .take(row)
                .enumerate()
                .map(|(i, byte)| if i < 3 * width { byte } else { 0 }),
        );
    }
    file
}
