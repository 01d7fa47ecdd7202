//! One array of NumPy's `.npy` format, versions 1 to 3, read without trusting its header.
//!
//! Source: `numpy.lib.format` in NumPy's documentation. The header is a Python literal such as
//! `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 512), }`; what it claims is compared with the size of the
//! file before anything is allocated. Python objects, which would have to be unpickled, are refused by name.

use std::io::{self, Read};

use half::{bf16, f16};
use ndarray::{Array2, ShapeBuilder};
use py_literal::Value;

use super::labelled::{Labels, Options};
use super::labels::{Number, Texts, cell, label, not_text, one_hot};
use super::problem::{Problem, WRITE_AGAIN, shortened, wrong};

/// The first bytes of every `.npy` file.
pub const MAGIC: &[u8] = b"\x93NUMPY";
/// How ml_dtypes' bfloat16 is written.
pub const BFLOAT16: &str = "<V2";
/// The longest header that is read, as in NumPy; those of plain arrays have about a hundred bytes.
const LONGEST: usize = 10_000;
/// The deepest nesting of brackets that is parsed; the headers of plain arrays have two levels.
const DEEPEST: usize = 16;
/// About how many bytes are read and converted at a time.
const CHUNK: usize = 1 << 16;
/// Stands for the types of records.
const RECORDS: &str = "records";

/// An array whose header has been read; its elements follow in `reader`.
pub struct Array<R> {
    reader: R,
    header: Header,
    /// The bytes that are there, as many as the header claims.
    bytes: u64,
    /// The bytes to make room for at once: those of a small file, whatever it claims.
    room: usize,
}

/// Type, order and shape of an array.
#[derive(Debug, PartialEq)]
pub struct Header {
    /// Such as `<f4`: order of bytes, kind, bytes per element.
    pub descr: String,
    pub fortran: bool,
    pub shape: Vec<usize>,
}

impl<R: Read> Array<R> {
    /// Reads the header of an array of `size` bytes, header included. `stored` is how many bytes the array takes in its
    /// file, which is less than `size` if it is compressed.
    pub fn open(mut reader: R, size: u64, stored: u64) -> Result<Self, Problem> {
        let mut start = [0; 8];
        if size < 10 || read(&mut reader, &mut start)? < 8 || !start.starts_with(MAGIC) {
            return wrong("an array in NumPy's .npy format", "something else", WRITE_AGAIN);
        }
        let mut length = [0; 4];
        let wide = if start[6] == 1 { 2 } else { 4 };
        read(&mut reader, &mut length[..wide])?;
        let length = u32::from_le_bytes(length) as usize;
        if !(1..=3).contains(&start[6]) {
            let actual = format!("version {}.{}", start[6], start[7]);
            return wrong("version 1 to 3 of the .npy format", actual, "save it with numpy.save");
        }
        if length > LONGEST {
            let expected = format!("a header of at most {LONGEST} bytes");
            return wrong(expected, format!("{length} bytes"), "save a plain array of numbers");
        }
        let mut text = vec![0; length];
        if read(&mut reader, &mut text)? < length {
            return wrong(format!("a header of {length} bytes"), "the end of the file", WRITE_AGAIN);
        }
        let text = String::from_utf8_lossy(&text);
        let Some(header) = Header::parse(&text) else {
            let expected = "a header like {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }";
            return wrong(expected, format!("{:?}", shortened(&text)), WRITE_AGAIN);
        };
        Ok(Self::new(reader, header, size.saturating_sub((8 + wide + length) as u64), stored))
    }

    /// An array of `bytes` bytes, which take `stored` bytes in their file.
    pub fn new(reader: R, header: Header, bytes: u64, stored: u64) -> Self {
        Self { reader, header, bytes, room: usize::try_from(stored.min(bytes)).unwrap_or(0) }
    }

    /// The array as features (N, D): every type of number, rounded to float32 where it is wider. With `bfloat16`, elements of
    /// two bytes of unnamed or integer type are that.
    pub fn features(mut self, bfloat16: bool) -> Result<Array2<f32>, Problem> {
        if bfloat16 && ["V2", "u2", "i2"].contains(&self.header.kind()) {
            let order = if self.header.is_big_endian() { ">" } else { "<" };
            self.header.descr = format!("{order}V2");
        }
        if self.header.kind() == "O" {
            return wrong("numbers", self.header.type_name(), self.header.advice_for_features());
        }
        let [n, d] = self.header.shape[..] else {
            let next = match self.header.shape.len() {
                1 => "reshape it to one row per example; one feature per example is features.reshape(-1, 1)",
                _ => "reshape it to one row per example: features.reshape(len(features), -1)",
            };
            return wrong("features of 2 axes, (N, D)", self.header.described(), next);
        };
        let Some(values) = self.numbers(|_, x| Ok(x.to_f32())) else {
            return wrong("numbers", self.header.type_name(), self.header.advice_for_features());
        };
        let (values, fortran) = (values?, self.header.fortran);
        if let Some(i) = values.iter().position(|value| !value.is_finite()) {
            let (row, column) = if fortran { (i % n, i / n) } else { (i / d, i % d) };
            let actual = format!("{} in row {row}, column {column}", values[i]);
            return wrong("finite numbers within the range of float32", actual, "correct or drop that row");
        }
        match Array2::from_shape_vec((n, d).set_f(fortran), values) {
            Ok(features) if fortran => Ok(features.as_standard_layout().into_owned()),
            Ok(features) => Ok(features),
            Err(error) => wrong("a matrix", error.to_string(), WRITE_AGAIN),
        }
    }

    /// The array as labels of `rows` examples: one per row, (N), (N, 1) or (1, N), as whole numbers or text; or one-hot, (N, K).
    pub fn labels(mut self, rows: usize, options: &Options) -> Result<Labels, Problem> {
        let (n, k) = match self.header.shape[..] {
            [n] => (n, 1),
            [1, n] if n == rows => (n, 1),
            [n, k] if k > 0 => (n, k),
            _ => {
                let expected = "labels of shape (N), (N, 1) or (1, N), or one-hot (N, K)";
                return wrong(expected, self.header.described(), "save one label per example");
            }
        };
        if k == 1 && matches!(self.header.kind().chars().next(), Some('U' | 'S' | 'a')) {
            return self.texts(options.keep_na);
        }
        let fortran = self.header.fortran;
        let row = |i: usize| if fortran { i % n } else { i / k };
        let Some(indices) = self.numbers(|i, x| if k == 1 { label(i, x) } else { cell(row(i), x) }) else {
            let expected = if k == 1 { "whole numbers or text" } else { "one-hot rows of numbers" };
            return wrong(expected, self.header.type_name(), self.header.advice_for_labels());
        };
        let mut indices = indices?;
        if k > 1 {
            let cells = indices;
            indices =
                one_hot(n, k, |row, class| cells[if fortran { row + n * class } else { row * k + class }])?;
        }
        Ok(Labels { indices, names: None })
    }

    /// Every number with its index, through `take`; `None` if the elements are not numbers.
    fn numbers<T>(
        &mut self,
        take: impl Fn(usize, Number) -> Result<T, Problem>,
    ) -> Option<Result<Vec<T>, Problem>> {
        use Number::{Float, Integer};
        let descr = self.header.descr.clone();
        Some(match self.header.kind() {
            "f2" => self.each(|i, x| take(i, Float(f16::from_le_bytes(x).into()))),
            "f4" => self.each(|i, x| take(i, Float(f32::from_le_bytes(x).into()))),
            "f8" => self.each(|i, x| take(i, Float(f64::from_le_bytes(x)))),
            "V2" if !descr.starts_with('|') => {
                self.each(|i, x| take(i, Float(bf16::from_le_bytes(x).into())))
            }
            "i1" => self.each(|i, x| take(i, Integer(i8::from_le_bytes(x).into()))),
            "i2" => self.each(|i, x| take(i, Integer(i16::from_le_bytes(x).into()))),
            "i4" => self.each(|i, x| take(i, Integer(i32::from_le_bytes(x).into()))),
            "i8" => self.each(|i, x| take(i, Integer(i64::from_le_bytes(x).into()))),
            "u1" | "b1" => self.each(|i, x| take(i, Integer(u8::from_le_bytes(x).into()))),
            "u2" => self.each(|i, x| take(i, Integer(u16::from_le_bytes(x).into()))),
            "u4" => self.each(|i, x| take(i, Integer(u32::from_le_bytes(x).into()))),
            "u8" => self.each(|i, x| take(i, Integer(u64::from_le_bytes(x).into()))),
            _ => return None,
        })
    }

    /// Every number of S bytes, in little-endian order and with its index, through `convert`.
    fn each<const S: usize, T>(
        &mut self,
        convert: impl Fn(usize, [u8; S]) -> Result<T, Problem>,
    ) -> Result<Vec<T>, Problem> {
        let big_endian = self.header.is_big_endian();
        let mut values = Vec::with_capacity(self.room.div_ceil(S));
        self.elements(S, |element| {
            let mut number = [0; S];
            number.copy_from_slice(element);
            if big_endian {
                number.reverse();
            }
            values.push(convert(values.len(), number)?);
            Ok(())
        })?;
        Ok(values)
    }

    /// Text of fixed length, padded with NUL: `S7` is 7 bytes, `U7` is 7 code points of 4 bytes.
    fn texts(mut self, keep_na: bool) -> Result<Labels, Problem> {
        let (kind, length) = self.header.kind().split_at(1);
        let width = if kind == "U" { 4 } else { 1 };
        let size = length.parse::<usize>().ok().and_then(|length| length.checked_mul(width));
        let Some(size @ 1..) = size else {
            return wrong("text of at least one letter", self.header.described(), WRITE_AGAIN);
        };
        if size as u64 > self.bytes {
            return wrong(self.header.described(), format!("{} bytes", self.bytes), WRITE_AGAIN);
        }
        let big_endian = self.header.is_big_endian();
        let (mut texts, mut row) = (Texts::new(keep_na), 0..);
        self.elements(size, |element| {
            let row = row.next().unwrap_or_default();
            let text = match width {
                1 => String::from_utf8(element.to_vec()).ok(),
                _ => element.as_chunks().0.iter().map(|&letter| code_point(letter, big_endian)).collect(),
            };
            let Some(text) = text else { return not_text(row, element) };
            texts.push(text.trim_end_matches('\0'))
        })?;
        Ok(texts.into_names())
    }

    /// Hands over every element of `size` bytes, at least 1.
    fn elements(
        &mut self,
        size: usize,
        mut each: impl FnMut(&[u8]) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let claimed =
            self.header.shape.iter().try_fold(size as u64, |product, &n| product.checked_mul(n as u64));
        if claimed != Some(self.bytes) {
            let claimed = claimed.map_or_else(|| "more".into(), |claimed| claimed.to_string());
            let expected = format!("{claimed} bytes of {}", self.header.described());
            return wrong(expected, self.bytes.to_string(), WRITE_AGAIN);
        }
        let mut left = self.bytes;
        let mut buffer = vec![0; CHUNK.next_multiple_of(size).min(self.room.next_multiple_of(size))];
        while left > 0 {
            let chunk = left.min(buffer.len() as u64) as usize;
            let buffer = &mut buffer[..chunk];
            self.reader.read_exact(buffer)?;
            left -= buffer.len() as u64;
            buffer.chunks_exact(size).try_for_each(&mut each)?;
        }
        // An archive compares checksums when it comes to an array's end.
        self.reader.read_exact(&mut [0]).map_or_else(
            |error| if error.kind() == io::ErrorKind::UnexpectedEof { Ok(()) } else { Err(error.into()) },
            |()| wrong("the end of the array", "more bytes", WRITE_AGAIN),
        )
    }
}

impl Header {
    fn parse(text: &str) -> Option<Self> {
        let mut depth = 0_usize;
        let deepest = text.chars().map(|c| {
            match c {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth
        });
        if deepest.max()? > DEEPEST {
            return None;
        }
        // Python 2 wrote 3L.
        let Value::Dict(entries) = text.trim().replace("L,", ",").replace("L)", ")").parse().ok()? else {
            return None;
        };
        let get = |key| {
            let mut entries = entries.iter();
            entries.find_map(|(name, value)| (name.as_string()? == key).then_some(value))
        };
        let descr = match get("descr")? {
            // Some writers name what NumPy cannot.
            Value::String(descr) if descr == "bfloat16" => BFLOAT16,
            Value::String(descr) => descr,
            _ => RECORDS,
        };
        let shape = get("shape")?.as_tuple()?.iter().map(|n| usize::try_from(n.as_integer()?).ok());
        let (fortran, known) = (get("fortran_order")?.as_boolean()?, entries.len() == 3);
        known.then_some(Self { descr: descr.into(), fortran, shape: shape.collect::<Option<_>>()? })
    }

    /// Without the order of bytes: `f4`.
    fn kind(&self) -> &str {
        self.descr.get(1..).unwrap_or_default()
    }

    fn is_big_endian(&self) -> bool {
        self.descr.starts_with('>')
    }

    fn described(&self) -> String {
        let shape: Vec<String> = self.shape.iter().map(usize::to_string).collect();
        format!("{}, shape ({})", self.type_name(), shape.join(", "))
    }

    /// The type as NumPy's users know it.
    fn type_name(&self) -> String {
        let Some(kind) = self.descr.chars().nth(1) else { return self.descr.clone() };
        let bits = self
            .descr
            .get(2..)
            .and_then(|bytes| bytes.parse::<u64>().ok())
            .map(|bytes| bytes.saturating_mul(8));
        match (kind, bits) {
            _ if self.descr == RECORDS => RECORDS.into(),
            ('O', _) => "Python objects, which only a pickle can hold".into(),
            ('b', _) => "bool".into(),
            ('f', Some(bits)) => format!("float{bits}"),
            ('i', Some(bits)) => format!("int{bits}"),
            ('u', Some(bits)) => format!("uint{bits}"),
            ('c', Some(bits)) => format!("complex{bits}"),
            ('V', Some(16)) if !self.descr.starts_with('|') => "bfloat16".into(),
            ('V', Some(bits)) => format!("a type of {bits} bits without a name"),
            ('U' | 'S' | 'a', _) => "text".into(),
            _ => format!("type {:?}", shortened(&self.descr)),
        }
    }

    fn advice_for_features(&self) -> &'static str {
        match self.descr.as_str() {
            "|V2" => "if it is bfloat16, say so with --dtype bfloat16, or save it with .astype(\"float32\")",
            "|O" => "save rows of equal length as numbers: numpy.stack(features).astype(\"float32\")",
            _ => "save it with .astype(\"float32\")",
        }
    }

    fn advice_for_labels(&self) -> &'static str {
        match self.descr.as_str() {
            "|O" => "save text as text, with labels.astype(str), and numbers with labels.astype(int)",
            _ => "save one label per example, as a whole number or as text",
        }
    }
}

/// A code point of 4 bytes.
fn code_point(bytes: [u8; 4], big_endian: bool) -> Option<char> {
    char::from_u32(if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
}

/// Fills `buffer` as far as there are bytes; returns how many there were.
fn read(reader: &mut impl Read, buffer: &mut [u8]) -> Result<usize, Problem> {
    let mut done = 0;
    while done < buffer.len() {
        match reader.read(&mut buffer[done..]) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(done)
}
