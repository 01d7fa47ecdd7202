//! Files of arrays under names: `.npz`, safetensors, and `.npy`, which holds one without a name.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use zip::ZipArchive;
use zip::result::ZipError;

use super::kinds::{self, Kind};
use super::npy::{Array, BFLOAT16, Header, MAGIC};
use super::problem::{Problem, WRITE_AGAIN, wrong};

/// Deflate makes at most so many bytes of one.
const DEFLATE_RATIO: u64 = 1032;

/// An open file of arrays.
pub enum Archive {
    Npy(BufReader<File>, u64),
    Npz(Box<ZipArchive<BufReader<File>>>, u64),
    Safetensors(Vec<u8>),
}

impl Archive {
    /// The file as what its first bytes say it is.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        let mut start = Vec::new();
        (&mut file).take(16).read_to_end(&mut start)?;
        file.seek(SeekFrom::Start(0))?;
        if start.starts_with(b"PK") {
            let archive = ZipArchive::new(BufReader::new(file)).map_err(damaged)?;
            // A file without any array is another program's, and none without any entry is.
            if archive.is_empty() || archive.file_names().any(|name| name.ends_with(".npy")) {
                return Ok(Self::Npz(Box::new(archive), size));
            }
            return other_kind(kinds::of_zip(archive.file_names()));
        }
        if start.starts_with(MAGIC) {
            return Ok(Self::Npy(BufReader::new(file), size));
        }
        if start.get(8) == Some(&b'{') {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            return Ok(Self::Safetensors(bytes));
        }
        // Tables with features and labels have been read before.
        let is_table =
            |known: &str| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(known));
        if is_table("csv") || is_table("tsv") {
            return other_kind(kinds::TEXT);
        }
        other_kind(kinds::of_bytes(&start))
    }

    /// The names of all arrays, sorted.
    pub fn names(&self) -> Result<Vec<String>, Problem> {
        let mut names: Vec<String> = match self {
            Self::Npy(..) => vec!["the only array".into()],
            Self::Npz(archive, _) => {
                archive.file_names().filter_map(|name| Some(name.strip_suffix(".npy")?.into())).collect()
            }
            Self::Safetensors(bytes) => tensors(bytes)?.names().into_iter().map(str::to_owned).collect(),
        };
        names.sort_unstable();
        Ok(names)
    }

    /// Takes what is wanted of the array `name`, which is one of [`names`](Self::names).
    pub fn array<T>(
        &mut self,
        name: &str,
        take: impl FnOnce(Array<&mut dyn Read>) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        match self {
            Self::Npy(file, size) => {
                file.seek(SeekFrom::Start(0))?;
                Array::open(file as &mut dyn Read, *size, *size).and_then(take)
            }
            Self::Npz(archive, size) => {
                let mut member = archive.by_name(&format!("{name}.npy")).map_err(damaged)?;
                let (whole, stored) = (member.size(), member.compressed_size());
                if stored > *size || whole > stored.saturating_mul(DEFLATE_RATIO) {
                    let expected = format!("at most {size} bytes, the whole file's, before it is unpacked");
                    return wrong(expected, format!("{stored} bytes that make {whole}"), WRITE_AGAIN);
                }
                Array::open(&mut member as &mut dyn Read, whole, stored).and_then(take)
            }
            Self::Safetensors(bytes) => {
                let tensors = tensors(bytes)?;
                let tensor = tensors.tensor(name).map_err(|error| not_safetensors(&error))?;
                let header =
                    Header { descr: descr(tensor.dtype()), fortran: false, shape: tensor.shape().to_vec() };
                let (mut data, length) = (tensor.data(), tensor.data().len() as u64);
                take(Array::new(&mut data as &mut dyn Read, header, length, length))
            }
        }
    }
}

fn other_kind<T>(kind: Kind) -> Result<T, Problem> {
    wrong(".npz, .npy, .safetensors, .parquet, .csv or .tsv", kind.name, kind.next)
}

/// NumPy's name of a tensor's type.
fn descr(dtype: Dtype) -> String {
    match dtype {
        Dtype::BOOL => "|b1",
        Dtype::U8 => "|u1",
        Dtype::I8 => "|i1",
        Dtype::U16 => "<u2",
        Dtype::I16 => "<i2",
        Dtype::U32 => "<u4",
        Dtype::I32 => "<i4",
        Dtype::U64 => "<u8",
        Dtype::I64 => "<i8",
        Dtype::F16 => "<f2",
        Dtype::BF16 => BFLOAT16,
        Dtype::F32 => "<f4",
        Dtype::F64 => "<f8",
        other => return format!("{other:?}"),
    }
    .into()
}

fn tensors(bytes: &[u8]) -> Result<SafeTensors<'_>, Problem> {
    SafeTensors::deserialize(bytes).map_err(|error| not_safetensors(&error))
}

fn not_safetensors(error: &safetensors::SafeTensorError) -> Problem {
    Problem::Wrong {
        expected: "a whole safetensors file".into(),
        actual: error.to_string(),
        next: WRITE_AGAIN,
    }
}

fn damaged(error: ZipError) -> Problem {
    match error {
        ZipError::Io(error) => Problem::Read(error),
        error => Problem::Wrong {
            expected: "a whole .npz file".into(),
            actual: error.to_string(),
            next: WRITE_AGAIN,
        },
    }
}
