//! One array in NumPy's `.npy` format, versions 1 to 3, read without trusting its header.
//!
//! Source: `numpy.lib.format` in NumPy's documentation. The header is a Python literal such as
//! `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 512), }`; what it claims is compared with the size of the
//! file before anything is allocated. Python objects, which would be unpickled, are refused by name.

use std::io::{self, Read};

use ndarray::{Array2, ShapeBuilder};

/// The first bytes of every `.npy` file.
pub(crate) const MAGIC: &[u8] = b"\x93NUMPY";
/// The longest header that is read, as in NumPy; those of plain arrays have about a hundred bytes.
const LONGEST: usize = 10_000;
/// Bytes that are read and converted at a time.
const CHUNK: usize = 1 << 16;

/// Why an array could not be read.
#[derive(Debug)]
pub(crate) enum Problem {
    /// What the system or the archive reported.
    Read(io::Error),
    /// The array is not what it should be.
    Wrong {
        /// What would have been right.
        expected: String,
        /// What is there.
        actual: String,
        /// What to do about it.
        next: &'static str,
    },
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

/// Stands for the types of records.
const RECORDS: &str = "records";
/// What to do about a file that is not whole.
const WRITE_AGAIN: &str = "write the file again";

fn wrong<T>(
    expected: impl Into<String>,
    actual: impl Into<String>,
    next: &'static str,
) -> Result<T, Problem> {
    Err(Problem::Wrong { expected: expected.into(), actual: actual.into(), next })
}

/// An array whose header has been read; its numbers follow in `reader`.
pub(crate) struct Npy<R> {
    reader: R,
    header: Header,
    /// The bytes that are there, as many as the header claims.
    bytes: u64,
    /// Numbers to make room for at once: those of a small file, whatever it claims.
    room: usize,
}

#[derive(Debug, PartialEq)]
struct Header {
    /// Such as `<f4`: order of bytes, kind, bytes a number.
    descr: String,
    fortran: bool,
    shape: Vec<usize>,
}

impl<R: Read> Npy<R> {
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
        let header = Header::parse(&text)?;

        let bytes = size.saturating_sub((8 + wide + length) as u64);
        Ok(Self { reader, header, bytes, room: usize::try_from(stored.min(bytes)).unwrap_or(0) })
    }

    /// The array as features (N, D): float32 as it is; float64, integers and booleans rounded to it.
    pub fn features(mut self) -> Result<Array2<f32>, Problem> {
        let [n, d] = self.header.shape[..] else {
            let described = self.header.described();
            return wrong("features of 2 axes, (N, D)", described, "reshape it to a row an example");
        };
        let values = match self.header.kind() {
            "f4" => self.each(|x| Ok(f32::from_le_bytes(x))),
            "f8" => self.each(|x| Ok(f64::from_le_bytes(x) as f32)),
            "i1" => self.each(|x| Ok(i8::from_le_bytes(x).into())),
            "i2" => self.each(|x| Ok(i16::from_le_bytes(x).into())),
            "i4" => self.each(|x| Ok(i32::from_le_bytes(x) as f32)),
            "i8" => self.each(|x| Ok(i64::from_le_bytes(x) as f32)),
            "u1" | "b1" => self.each(|x| Ok(u8::from_le_bytes(x).into())),
            "u2" => self.each(|x| Ok(u16::from_le_bytes(x).into())),
            "u4" => self.each(|x| Ok(u32::from_le_bytes(x) as f32)),
            "u8" => self.each(|x| Ok(u64::from_le_bytes(x) as f32)),
            _ => return self.header.refuse("float32 or float64", "save it with .astype(\"float32\")"),
        }?;
        let fortran = self.header.fortran;
        if let Some(i) = values.iter().position(|value| !value.is_finite()) {
            let (row, column) = if fortran { (i % n, i / n) } else { (i / d, i % d) };
            let actual = format!("{} in row {row}, column {column}", values[i]);
            return wrong("finite numbers within the range of float32", actual, "mend or drop that row");
        }
        match Array2::from_shape_vec((n, d).set_f(fortran), values) {
            Ok(features) if fortran => Ok(features.as_standard_layout().into_owned()),
            Ok(features) => Ok(features),
            Err(error) => wrong("a matrix", error.to_string(), WRITE_AGAIN),
        }
    }

    /// The array as labels (N): integers 0 to 255.
    pub fn labels(mut self) -> Result<Vec<u8>, Problem> {
        let [_] = self.header.shape[..] else {
            let described = self.header.described();
            return wrong("labels of 1 axis, (N)", described, "flatten it to a label an example");
        };
        match self.header.kind() {
            "i1" => self.each(|x| label(i8::from_le_bytes(x).into())),
            "i2" => self.each(|x| label(i16::from_le_bytes(x).into())),
            "i4" => self.each(|x| label(i32::from_le_bytes(x).into())),
            "i8" => self.each(|x| label(i64::from_le_bytes(x).into())),
            "u1" | "b1" => self.each(|x| label(u8::from_le_bytes(x).into())),
            "u2" => self.each(|x| label(u16::from_le_bytes(x).into())),
            "u4" => self.each(|x| label(u32::from_le_bytes(x).into())),
            "u8" => self.each(|x| label(u64::from_le_bytes(x).into())),
            _ => self.header.refuse(
                "integers",
                "number the classes from 0: numpy.unique(labels, return_inverse=True)[1]",
            ),
        }
    }

    /// Every number, from its S bytes in little-endian order.
    fn each<const S: usize, T>(
        &mut self,
        convert: impl Fn([u8; S]) -> Result<T, Problem>,
    ) -> Result<Vec<T>, Problem> {
        let claimed =
            self.header.shape.iter().try_fold(S as u64, |product, &n| product.checked_mul(n as u64));
        if claimed != Some(self.bytes) {
            let claimed = claimed.map_or_else(|| "more".into(), |claimed| claimed.to_string());
            let expected = format!("{claimed} bytes of {}", self.header.described());
            return wrong(expected, self.bytes.to_string(), WRITE_AGAIN);
        }
        let big_endian = self.header.descr.starts_with('>');
        let mut values = Vec::with_capacity(self.room.div_ceil(S));
        let mut left = self.bytes;
        let mut buffer = vec![0; CHUNK];
        while left > 0 {
            let buffer = &mut buffer[..left.min(CHUNK as u64) as usize];
            self.reader.read_exact(buffer)?;
            left -= buffer.len() as u64;
            let (numbers, _) = buffer.as_chunks_mut::<S>();
            for number in numbers {
                if big_endian {
                    number.reverse();
                }
                values.push(convert(*number)?);
            }
        }
        // An archive compares checksums when it comes to an array's end.
        self.reader.read_exact(&mut [0]).map_or_else(
            |error| if error.kind() == io::ErrorKind::UnexpectedEof { Ok(values) } else { Err(error.into()) },
            |()| wrong("the end of the array", "more bytes", WRITE_AGAIN),
        )
    }
}

impl Header {
    fn parse(text: &str) -> Result<Self, Problem> {
        Literal(text).header().map_or_else(
            || {
                wrong(
                    "a header like {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }",
                    format!("{:?}", shortened(text)),
                    WRITE_AGAIN,
                )
            },
            Ok,
        )
    }

    /// Without the order of bytes: `f4`.
    fn kind(&self) -> &str {
        self.descr.get(1..).unwrap_or_default()
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
            ('U' | 'S' | 'a', _) => "text".into(),
            _ => format!("type {:?}", shortened(&self.descr)),
        }
    }

    fn refuse<T>(&self, expected: &str, next: &'static str) -> Result<T, Problem> {
        wrong(expected, self.type_name(), next)
    }
}

fn label(value: i128) -> Result<u8, Problem> {
    let expected = "labels 0 to 255";
    u8::try_from(value)
        .or_else(|_| wrong(expected, value.to_string(), "number the classes from 0, at most 256 of them"))
}

/// As much of a text as fits in a message.
fn shortened(text: &str) -> String {
    const LETTERS: usize = 80;
    let text = text.trim();
    if text.chars().count() <= LETTERS {
        return text.into();
    }
    text.chars().take(LETTERS).chain("...".chars()).collect()
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

/// What is left to read of a Python literal. Every function takes one thing off its front, or gives `None`.
struct Literal<'a>(&'a str);

impl<'a> Literal<'a> {
    fn header(mut self) -> Option<Header> {
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        self.symbol('{')?;
        while self.symbol('}').is_none() {
            let key = self.text()?;
            self.symbol(':')?;
            match key {
                "descr" => descr = Some(self.descr()?),
                "fortran_order" => fortran = Some(self.boolean()?),
                "shape" => shape = Some(self.shape()?),
                _ => return None,
            }
            if self.symbol(',').is_none() {
                self.symbol('}')?;
                break;
            }
        }
        let end = self.0.trim().is_empty();
        end.then_some(())?;
        Some(Header { descr: descr?, fortran: fortran?, shape: shape? })
    }

    fn symbol(&mut self, symbol: char) -> Option<()> {
        self.0 = self.0.trim_start().strip_prefix(symbol)?;
        Some(())
    }

    fn text(&mut self) -> Option<&'a str> {
        let quote = self.0.trim_start().chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        self.symbol(quote)?;
        let (text, rest) = self.0.split_once(quote)?;
        self.0 = rest;
        Some(text)
    }

    /// A type. Those of records are lists, of which nothing but their being there is kept.
    fn descr(&mut self) -> Option<String> {
        if self.symbol('[').is_none() {
            return self.text().map(str::to_owned);
        }
        let end = self.0.rfind(']')?;
        self.0 = &self.0[end + 1..];
        Some(RECORDS.into())
    }

    fn boolean(&mut self) -> Option<bool> {
        let text = self.0.trim_start();
        let (value, rest) = match text.strip_prefix("True") {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix("False")?),
        };
        self.0 = rest;
        Some(value)
    }

    fn shape(&mut self) -> Option<Vec<usize>> {
        let mut shape = Vec::new();
        self.symbol('(')?;
        while self.symbol(')').is_none() {
            let text = self.0.trim_start();
            let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            shape.push(text[..end].parse().ok()?);
            self.0 = text[end..].strip_prefix('L').unwrap_or(&text[end..]); // Python 2 wrote 3L
            if self.symbol(',').is_none() {
                self.symbol(')')?;
                break;
            }
        }
        Some(shape)
    }
}
