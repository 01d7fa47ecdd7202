//! Image files of any size: found below folders, decoded to RGB, and made square (feature `images`).
//!
//! PNG, JPEG, WebP, BMP, GIF (the first frame) and TIFF are read. The content says which it is, not the name.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, Rgba};
use ndarray::{Array3, ArrayView3};
use walkdir::{DirEntry, WalkDir};

use crate::{Error, Result};

/// The endings of names, in any case, by which [`find`] takes a file for an image.
pub const EXTENSIONS: [&str; 8] = ["png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff"];

/// The most bytes that a decoded image, and that a file, may have: 256 MiB, which is 89 million RGB pixels.
pub const MAX_BYTES: u64 = 256 << 20;

/// Image files in the order of `paths`: a file stands for itself, whatever its name; a folder for all files below it
/// that are named as images ([`is_image`]), sorted by name, folder by folder.
///
/// Links are followed. Files and folders whose names begin with a dot are left out below a folder.
///
/// # Errors
/// [`Error::Missing`] for a path that is not there; [`Error::Io`] for a folder that cannot be read, or a link that leads
/// back to a folder above it.
///
/// ```
/// use mlprobe_data::image_files;
///
/// # let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/cifar10-mini");
/// let found = image_files::find([dir])?;
/// assert_eq!(found.len(), 3);
/// assert!(found[0].ends_with("test.png"));
/// # Ok::<(), mlprobe_data::Error>(())
/// ```
pub fn find<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        found.extend(walk(path.as_ref())?.0);
    }
    Ok(found)
}

/// The files that [`find`] finds at `path`, and those below it that are not named as images.
pub(crate) fn walk(path: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let visible =
        |entry: &DirEntry| entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".");
    let (mut images, mut others) = (Vec::new(), Vec::new());
    for entry in WalkDir::new(path).follow_links(true).sort_by_file_name().into_iter().filter_entry(visible) {
        let entry = entry.map_err(|e| {
            let at = e.path().unwrap_or(path).to_owned();
            Error::io("read", &at)(e.into())
        })?;
        if entry.file_type().is_file() {
            let image = entry.depth() == 0 || is_image(entry.path());
            if image { &mut images } else { &mut others }.push(entry.into_path());
        }
    }
    Ok((images, others))
}

/// Whether the name ends as that of an image file: one of [`EXTENSIONS`].
pub fn is_image(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// Reads an image file: RGB pixels 0..=255 of shape (height, width, 3).
///
/// The image is turned as its EXIF orientation says. Transparent pixels are laid over white. Grey becomes RGB by
/// repeating the channel, 16 bits are rounded to 8, and of an animation the first frame is taken. Colour profiles are
/// not applied.
///
/// # Errors
/// [`Error::Missing`] or [`Error::Io`] for a file that cannot be read; [`Error::Format`] for one that is no image,
/// damaged, truncated, or larger than [`MAX_BYTES`], decoded or not.
///
/// ```
/// # let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/cifar10-mini");
/// # let path = format!("{dir}/test.png");
/// let image = mlprobe_data::image_files::read(path)?;
/// assert_eq!(image.dim(), (800, 1280, 3));
/// # Ok::<(), mlprobe_data::Error>(())
/// ```
pub fn read(path: impl AsRef<Path>) -> Result<Array3<u8>> {
    let path = path.as_ref();
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(Error::io("read", path))?;
    decode(&bytes, path)
}

/// Decodes `bytes`, the content of the file `path`, as [`read`] does.
///
/// # Errors
/// As [`read`], but for those of reading.
pub fn decode(bytes: &[u8], path: &Path) -> Result<Array3<u8>> {
    let broken = |at: &str, actual: String| Err(Error::format(path, at, EXPECTED, actual));
    if bytes.len() as u64 > MAX_BYTES {
        return broken("length", format!("more than {MAX_BYTES} bytes"));
    }
    let format = match image::guess_format(bytes) {
        Ok(format) if FORMATS.contains(&format) => format,
        Ok(format) => return broken("first bytes", format!("{format:?}")),
        Err(_) if bytes.is_empty() => return broken("length", "an empty file".into()),
        Err(_) => return broken("first bytes", "another kind of file".into()),
    };
    let image = match decode_as(format, bytes) {
        Ok(image) => image,
        Err(error) => return broken("image data", error.to_string()),
    };
    if format == ImageFormat::Jpeg && !jpeg_ends(bytes) {
        return broken("image data", format!("a JPEG that breaks off after {} bytes", bytes.len()));
    }
    if image.height() == 0 || image.width() == 0 {
        return broken("size", format!("{} x {} pixels", image.width(), image.height()));
    }
    let shape = (image.height() as usize, image.width() as usize, 3);
    let pixels = if image.color().has_alpha() { over_white(image) } else { image.into_rgb8().into_raw() };
    Array3::from_shape_vec(shape, pixels).or_else(|e| broken("image data", e.to_string()))
}

/// The centre of `image` (height, width, 3) in `side` x `side` pixels: the largest centred square, resized.
///
/// So the shorter side becomes `side` and what the longer side has beyond it is cut off, half at either end, as
/// torchvision's `Resize(side)` and `CenterCrop(side)` do: nothing is stretched. Bilinear, with a support that grows
/// when shrinking (antialiasing), as Pillow does. A square image of that side is copied.
///
/// # Errors
/// [`Error::Argument`] if the image is empty or not RGB, or `side` is 0 or above 65,535.
///
/// ```
/// use ndarray::Array3;
///
/// let wide = Array3::from_shape_fn((10, 30, 3), |(_, x, _)| if (10..20).contains(&x) { 200 } else { 0 });
/// let square = mlprobe_data::image_files::to_square(wide.view(), 5)?;
/// assert_eq!(square.dim(), (5, 5, 3));
/// assert_eq!(square[[2, 2, 0]], 200);
/// # Ok::<(), mlprobe_data::Error>(())
/// ```
pub fn to_square(image: ArrayView3<u8>, side: usize) -> Result<Array3<u8>> {
    let refused = |actual: String| {
        Error::argument(
            "to_square",
            "an image of shape (height, width, 3), not empty, and a side in 1..=65535",
            actual,
        )
    };
    let (height, width, channels) = image.dim();
    if channels != 3 || image.is_empty() || !(1..=65_535).contains(&side) {
        return Err(refused(format!("{:?} and side {side}", image.shape())));
    }
    if (height, width) == (side, side) {
        return Ok(image.to_owned());
    }
    let failed = |e: &dyn std::fmt::Display| refused(format!("{:?}: {e}", image.shape()));
    let layout = image.as_standard_layout();
    let pixels = layout.as_slice().unwrap_or_default();
    let source =
        ImageRef::new(width as u32, height as u32, pixels, PixelType::U8x3).map_err(|e| failed(&e))?;
    let mut square = Image::new(side as u32, side as u32, PixelType::U8x3);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
        .fit_into_destination(Some((0.5, 0.5)));
    Resizer::new().resize(&source, &mut square, &options).map_err(|e| failed(&e))?;
    Array3::from_shape_vec((side, side, 3), square.into_vec()).map_err(|e| failed(&e))
}

const EXPECTED: &str = "an image (PNG, JPEG, WebP, BMP, GIF or TIFF) of at most 256 MiB";
const FORMATS: [ImageFormat; 6] = [
    ImageFormat::Png,
    ImageFormat::Jpeg,
    ImageFormat::WebP,
    ImageFormat::Bmp,
    ImageFormat::Gif,
    ImageFormat::Tiff,
];

/// Decodes within [`MAX_BYTES`], and turns the image upright.
fn decode_as(format: ImageFormat, bytes: &[u8]) -> image::ImageResult<DynamicImage> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder()?;
    // The size that the header claims, before memory is taken for it.
    limits.reserve(decoder.total_bytes())?;
    decoder.set_limits(limits)?;
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// Whether a JPEG's last scan is closed by its end marker: the decoder fills what is missing with grey, without a word.
///
/// A file is segments: FF, a marker, and for most a length (two bytes, big endian, itself included) with as much data.
/// A scan's coded data follow its segment; in them FF is followed by 0 or a restart marker (D0 to D7).
fn jpeg_ends(bytes: &[u8]) -> bool {
    let mut at = 2;
    loop {
        // Coded data, or bytes that belong to nothing, up to the next marker.
        let Some(found) = bytes.get(at..).and_then(|rest| {
            rest.windows(2).position(|pair| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff | 0xd0..=0xd7))
        }) else {
            return false;
        };
        at += found + 2;
        match (bytes[at - 1], bytes.get(at..at + 2)) {
            (0xd9, _) => return true,
            (_, Some(length)) => at += usize::from(u16::from_be_bytes([length[0], length[1]])),
            (_, None) => return false,
        }
    }
}

/// The pixels over white: c' = (a c + (255 - a) 255) / 255, to the nearest integer, for every channel.
fn over_white(image: DynamicImage) -> Vec<u8> {
    let mix = |c: u8, a: u8| {
        let (c, a) = (u32::from(c), u32::from(a));
        ((a * c + (255 - a) * 255 + 127) / 255) as u8
    };
    image.into_rgba8().pixels().flat_map(|&Rgba([r, g, b, a])| [mix(r, a), mix(g, a), mix(b, a)]).collect()
}
