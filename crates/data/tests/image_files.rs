//! Image files as users have them: found, decoded, turned, made square; and refused when they are not whole.
#![cfg(feature = "images")]
#![expect(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{DynamicImage, ImageEncoder, ImageFormat, RgbImage};
use mlprobe_data::{Error, image_files};
use ndarray::Array3;

/// A picture in which every row and column looks different, smooth enough for JPEG.
fn picture(height: u32, width: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| image::Rgb([(3 * y) as u8, (5 * x) as u8, (2 * (x + y)) as u8]))
}

fn array(image: &RgbImage) -> Array3<u8> {
    let shape = (image.height() as usize, image.width() as usize, 3);
    Array3::from_shape_vec(shape, image.as_raw().clone()).unwrap()
}

fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn decode(bytes: &[u8]) -> Result<Array3<u8>, Error> {
    image_files::decode(bytes, Path::new("folder/picture.png"))
}

#[test]
fn files_are_found_below_folders_in_order_and_others_left_out() {
    let dir = tempfile::tempdir().unwrap();
    for name in [
        "b.PNG",
        "a.jpeg",
        "notes.txt",
        "c/z.tif",
        "c/a.webp",
        ".hidden.png",
        "c/._a.webp",
        ".git/x.png",
        "png",
    ] {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    let named = dir.path().join("notes.txt");
    let found = image_files::find([&named, &dir.path().to_owned()]).unwrap();
    let names: Vec<PathBuf> =
        found.iter().map(|path| path.strip_prefix(dir.path()).unwrap().to_owned()).collect();
    let expected = ["notes.txt", "a.jpeg", "b.PNG", "c/a.webp", "c/z.tif"];
    assert_eq!(names, expected.map(PathBuf::from));
}

#[test]
fn a_path_that_is_not_there_is_named() {
    let error = image_files::find(["no/such/folder"]).unwrap_err();
    assert!(matches!(&error, Error::Missing { path } if path == Path::new("no/such/folder")), "{error}");
    let error = image_files::read("no/such/file.png").unwrap_err();
    assert!(matches!(&error, Error::Missing { path } if path.ends_with("file.png")), "{error}");
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_back_is_like_a_broken_image_and_not_endless() {
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(dir.path(), dir.path().join("again")).unwrap();
    let found = image_files::find([dir.path()]).unwrap();
    assert_eq!(found, [dir.path().join("again")]);
    let error = image_files::read(&found[0]).unwrap_err();
    assert!(matches!(&error, Error::Link { path, .. } if *path == found[0]), "{error}");
}

#[cfg(unix)]
#[test]
fn an_image_that_may_not_be_read_is_named_with_advice_for_reading() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.png");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    let error = image_files::read(&path).unwrap_err();
    // A superuser may read it, and finds it empty.
    if let Error::Io { .. } = error {
        assert!(error.to_string().contains("allow yourself to read it"), "{error}");
    }
    // The message is the same for an error that is made by hand.
    let reason = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    let error = Error::Io { operation: "read", path, reason }.to_string();
    assert!(error.contains("a.png") && error.contains("read it") && !error.contains("write"), "{error}");
}

#[test]
fn every_format_is_decoded_whatever_the_name() {
    let image = picture(20, 30);
    for (format, tolerance) in [
        (ImageFormat::Png, 0),
        (ImageFormat::Bmp, 0),
        (ImageFormat::Tiff, 0),
        (ImageFormat::WebP, 0), // the encoder is lossless
        (ImageFormat::Gif, 24), // 256 colours
        (ImageFormat::Jpeg, 24),
    ] {
        let decoded = decode(&encode(&image.clone().into(), format)).unwrap();
        assert_eq!(decoded.dim(), (20, 30, 3), "{format:?}");
        let off = decoded.iter().zip(&array(&image)).map(|(&a, &b)| a.abs_diff(b)).max().unwrap();
        assert!(off <= tolerance, "{format:?} is off by {off}");
    }
}

#[test]
fn grey_16_bits_and_transparency_become_rgb() {
    let grey = image::GrayImage::from_fn(4, 3, |x, y| image::Luma([(50 * x + y) as u8]));
    let decoded = decode(&encode(&grey.clone().into(), ImageFormat::Png)).unwrap();
    for ((y, x, _), &value) in decoded.indexed_iter() {
        assert_eq!(value, grey.get_pixel(x as u32, y as u32).0[0]);
    }
    let deep = image::ImageBuffer::from_pixel(1, 1, image::Rgb([65_535u16, 257, 0]));
    assert_eq!(
        decode(&encode(&deep.into(), ImageFormat::Png)).unwrap().into_raw_vec_and_offset().0,
        [255, 1, 0]
    );
    // Half of 100 and half of white: (128 * 100 + 127 * 255) / 255 = 177.2.
    let clear = image::RgbaImage::from_raw(3, 1, vec![9, 9, 9, 0, 100, 0, 255, 128, 7, 8, 9, 255]).unwrap();
    let decoded = decode(&encode(&clear.into(), ImageFormat::Png)).unwrap();
    assert_eq!(decoded.into_raw_vec_and_offset().0, [255, 255, 255, 177, 127, 255, 7, 8, 9]);
}

/// A TIFF of 3 x 2 grey pixels, 0 to 5, whose orientation is 6, of this integer type.
fn tiff(kind: u16) -> Vec<u8> {
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    // Width, height, bits, no compression, black is 0, where the pixels are, orientation, rows and bytes of the strip.
    let entries: [(u16, u16, u32); 9] = [
        (0x100, 3, 3),
        (0x101, 3, 2),
        (0x102, 3, 8),
        (0x103, 3, 1),
        (0x106, 3, 1),
        (0x111, 4, 122),
        (0x112, kind, 6),
        (0x116, 3, 2),
        (0x117, 4, 6),
    ];
    bytes.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, value) in entries {
        bytes.extend(
            [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &1u32.to_le_bytes(), &value.to_le_bytes()].concat(),
        );
    }
    bytes.extend([0; 4]);
    assert_eq!(bytes.len(), 122);
    bytes.extend(0..6);
    bytes
}

#[test]
fn a_tiff_is_turned_whichever_integer_type_its_orientation_has() {
    for kind in [1, 3, 4, 6, 8, 9] {
        let image = decode(&tiff(kind)).unwrap_or_else(|error| panic!("type {kind}: {error}"));
        let red: Vec<u8> = image.iter().copied().step_by(3).collect();
        assert_eq!((image.dim(), red), ((3, 2, 3), vec![3, 0, 4, 1, 5, 2]), "type {kind}");
    }
}

/// TIFF with one entry: tag 0x112 (orientation), of this integer type, one value of 6: turn by 90 degrees clockwise.
fn exif(kind: u16, size: usize, is_little: bool) -> Vec<u8> {
    let number = |value: u32, size: usize| {
        let mut bytes = value.to_le_bytes()[..size].to_vec();
        if !is_little {
            bytes.reverse();
        }
        bytes
    };
    let mut bytes = if is_little { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
    let fields = [(8, 4), (1, 2), (0x112, 2), (kind.into(), 2), (1, 4), (6, size), (0, 4 - size), (0, 4)];
    fields.into_iter().for_each(|(value, size)| bytes.extend(number(value, size)));
    bytes
}

#[test]
fn the_exif_orientation_is_applied_in_every_integer_type() {
    let image = picture(2, 3);
    let turned = array(&image::imageops::rotate90(&image));
    for (kind, size) in [(1, 1), (3, 2), (4, 4), (6, 1), (8, 2), (9, 4)] {
        for is_little in [true, false] {
            let exif = exif(kind, size, is_little);
            let mut bytes = Vec::new();
            let mut encoder = PngEncoder::new(&mut bytes);
            encoder.set_exif_metadata(exif.clone()).unwrap();
            encoder.write_image(&image, 3, 2, image::ExtendedColorType::Rgb8).unwrap();
            assert_eq!(decode(&bytes).unwrap(), turned, "PNG, type {kind}");

            let mut bytes = Vec::new();
            let mut encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut bytes);
            encoder.set_exif_metadata([b"Exif\0\0".to_vec(), exif.clone()].concat()).unwrap();
            encoder.write_image(&image, 3, 2, image::ExtendedColorType::Rgb8).unwrap();
            assert_eq!(decode(&bytes).unwrap(), turned, "WebP, type {kind}");

            let mut bytes = Vec::new();
            let mut encoder = JpegEncoder::new(&mut bytes);
            encoder.set_exif_metadata(exif).unwrap();
            encoder.encode_image(&image).unwrap();
            assert_eq!(decode(&bytes).unwrap().dim(), (3, 2, 3), "JPEG, type {kind}");
        }
    }
}

#[test]
fn what_is_no_image_is_refused_with_its_name() {
    for (bytes, actual) in [
        (&b""[..], "empty file"),
        (b"hello, world", "another kind of file"),
        (b"\0\0\x01\0\x01\0 an icon", "Ico"),
    ] {
        let error = decode(bytes).unwrap_err();
        assert!(matches!(error, Error::Format { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("folder/picture.png") && text.contains(actual), "{text}");
    }
}

#[test]
fn a_truncated_file_is_refused() {
    for format in
        [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Tiff]
    {
        let bytes = encode(&picture(40, 30).into(), format);
        decode(&bytes).unwrap();
        for length in [bytes.len() / 2, bytes.len() * 9 / 10] {
            let error = decode(&bytes[..length]).unwrap_err();
            assert!(matches!(error, Error::Format { .. }), "{format:?}: {error}");
        }
    }
}

#[test]
fn half_a_jpeg_with_an_end_marker_is_damaged() {
    let mut grey = Vec::new();
    let image = DynamicImage::from(picture(60, 50));
    JpegEncoder::new_with_quality(&mut grey, 90).encode_image(&image.to_luma8()).unwrap();
    let flat = DynamicImage::from(RgbImage::from_pixel(64, 64, image::Rgb([255; 3])));
    let progressive = include_bytes!("progressive.jpg").to_vec();
    for (name, jpeg) in [
        ("colour", encode(&image, ImageFormat::Jpeg)),
        ("grey", grey),
        ("flat", encode(&flat, ImageFormat::Jpeg)),
        ("progressive", progressive),
        ("subsampled, with restart markers", include_bytes!("restart.jpg").to_vec()),
    ] {
        decode(&jpeg).unwrap_or_else(|error| panic!("{name}: {error}"));
        let data = jpeg.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap() + 14;
        for tenths in [1, 5, 9] {
            let cut = data + (jpeg.len() - 4 - data) * tenths / 10;
            let error = decode(&[&jpeg[..cut], &[0xff, 0xd9]].concat()).unwrap_err();
            assert!(matches!(error, Error::Format { .. }), "{name}, {tenths}: {error}");
        }
    }
}

#[test]
fn a_jpeg_with_a_thumbnail_and_with_bytes_behind_its_end_is_whole() {
    let mut jpeg = Vec::new();
    let mut encoder = JpegEncoder::new(&mut jpeg);
    // Metadata that hold the end marker, as those with a small JPEG inside do.
    encoder.set_exif_metadata(b"II*\0\xff\xd8\xff\xd9\0\0".to_vec()).unwrap();
    encoder.encode_image(&picture(40, 30)).unwrap();
    let whole = decode(&jpeg).unwrap();
    assert_eq!(decode(&[&jpeg[..], b"more"].concat()).unwrap(), whole);
    decode(&jpeg[..jpeg.len() - 2]).unwrap_err();
}

#[test]
fn a_header_that_claims_too_much_is_refused_before_memory_is_taken() {
    // The largest BMP there can be says it has 65,535 x 65,535 pixels of 3 bytes: 12 GiB.
    let mut bmp = encode(&picture(1, 1).into(), ImageFormat::Bmp);
    bmp[18..22].copy_from_slice(&65_535u32.to_le_bytes());
    bmp[22..26].copy_from_slice(&65_535u32.to_le_bytes());
    let error = decode(&bmp).unwrap_err().to_string();
    assert!(error.contains("256 MiB") && error.contains("4295 million pixels"), "{error}");
}

#[test]
fn a_jpeg_of_108_megapixels_is_said_to_be_too_large_and_not_damaged() {
    let mut jpeg = encode(&picture(8, 8).into(), ImageFormat::Jpeg);
    // Height and width stand in the frame's header, FF C0, after its length and its depth.
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[9000u16.to_be_bytes(), 12_000u16.to_be_bytes()].concat());
    let error = decode(&jpeg).unwrap_err();
    assert!(matches!(&error, Error::TooLarge { path, .. } if path.ends_with("picture.png")), "{error}");
    let text = error.to_string();
    for part in ["12000 x 9000 = 108 million pixels", "89 million", "Make it smaller"] {
        assert!(text.contains(part) && !text.contains("damaged"), "{part} not in {text}");
    }
}

#[test]
fn a_bmp_or_tiff_that_is_transparent_everywhere_shows_its_colours() {
    for format in [ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::Png] {
        for alpha in [[0, 0], [0, 255]] {
            let image = image::RgbaImage::from_fn(2, 1, |x, _| image::Rgba([10, 20, 30, alpha[x as usize]]));
            let first = match (alpha, format) {
                ([0, 0], ImageFormat::Bmp | ImageFormat::Tiff) => [10, 20, 30],
                _ => [255; 3],
            };
            let decoded = decode(&encode(&image.into(), format)).unwrap();
            assert_eq!([0, 1, 2].map(|c| decoded[[0, 0, c]]), first, "{format:?} {alpha:?}");
        }
    }
}

#[test]
fn a_square_of_the_right_side_stays_as_it_is() {
    let image = array(&picture(7, 7));
    assert_eq!(image_files::to_square(image.view(), 7).unwrap(), image);
}

#[test]
fn an_empty_image_and_a_side_of_zero_are_refused() {
    for (shape, side) in [((0, 4, 3), 4), ((4, 0, 3), 4), ((4, 4, 1), 4), ((4, 4, 3), 0), ((4, 4, 3), 65_536)]
    {
        let error = image_files::to_square(Array3::zeros(shape).view(), side).unwrap_err();
        assert!(matches!(error, Error::Argument { .. }), "{error}");
    }
}

#[test]
fn squares_are_those_of_pillow() {
    for (height, width, side, expected) in PILLOW {
        let image =
            Array3::from_shape_fn((height, width, 3), |(y, x, c)| (37 * y + 11 * x * x + 90 * c) as u8);
        let square = image_files::to_square(image.view(), side).unwrap();
        // Rows and columns are resized one after the other and rounded each time, in another order here than there:
        // both are within 1 of the exact value.
        let off = square.iter().zip(expected).map(|(&a, &b)| a.abs_diff(b)).max();
        assert!(off <= Some(2) && square.len() == expected.len(), "{height}x{width} to {side}: {square}");
    }
}

/// Height, width, side and pixels, printed by tests/image_files_reference.py (Pillow 13.0.0).
const PILLOW: [(usize, usize, usize, &[u8]); 4] = [
    (
        9,
        16,
        4,
        &[
            142, 103, 123, 113, 117, 146, 139, 143, 105, 94, 180, 80, 141, 111, 143, 142, 125, 120, 129, 111,
            137, 162, 152, 93, 127, 129, 135, 144, 114, 139, 102, 144, 122, 125, 91, 166, 134, 118, 128, 124,
            127, 150, 141, 158, 99, 72, 162, 116,
        ],
    ),
    (
        12,
        5,
        3,
        &[
            149, 193, 73, 183, 115, 117, 121, 121, 185, 193, 59, 133, 125, 90, 173, 98, 172, 127, 58, 102,
            192, 66, 146, 148, 150, 120, 94,
        ],
    ),
    (
        3,
        4,
        5,
        &[
            3, 93, 183, 10, 100, 190, 28, 118, 208, 49, 139, 204, 83, 173, 83, 18, 108, 198, 25, 115, 205,
            43, 133, 172, 64, 154, 126, 98, 188, 67, 40, 130, 220, 47, 137, 227, 65, 155, 117, 86, 176, 10,
            120, 210, 44, 62, 152, 197, 69, 159, 111, 87, 177, 62, 108, 183, 32, 142, 124, 66, 77, 167, 181,
            84, 174, 33, 102, 192, 26, 123, 188, 47, 157, 67, 81,
        ],
    ),
    (
        40,
        40,
        4,
        &[
            129, 128, 128, 127, 129, 128, 124, 128, 128, 129, 124, 132, 127, 129, 130, 127, 129, 125, 126,
            128, 126, 130, 123, 130, 126, 126, 127, 128, 126, 127, 128, 127, 126, 127, 127, 129, 126, 126,
            124, 127, 130, 127, 126, 128, 127, 127, 128, 125,
        ],
    ),
];
