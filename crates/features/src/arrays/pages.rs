//! The columns of a Parquet file, page by page. What zstd and brotli packed is unpacked here, in Rust: the reader of the format
//! would bring a library in C for the first, and a compressor with the second.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::column::reader::{ColumnReader, get_column_reader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::serialized_reader::SerializedPageReader;
use ruzstd::decoding::StreamingDecoder;

use super::problem::{Problem, wrong};

/// An open Parquet file.
pub struct Table {
    file: Arc<File>,
    reader: SerializedFileReader<File>,
}

/// What is unpacked here.
#[derive(Clone, Copy)]
enum Codec {
    Zstd,
    Brotli,
}

/// Pages whose bytes are unpacked when they are read.
struct Unpacked {
    packed: SerializedPageReader<File>,
    codec: Codec,
    /// How many bytes the pages that follow may have: what the file says of all, so that little that is damaged does not become
    /// much.
    left: u64,
}

impl Table {
    pub fn open(file: File) -> Result<Self, Problem> {
        let reader = SerializedFileReader::new(file.try_clone()?)?;
        Ok(Self { file: Arc::new(file), reader })
    }

    pub fn metadata(&self) -> &ParquetMetaData {
        self.reader.metadata()
    }

    /// The values of a column in one group of rows.
    pub fn column(&self, group: usize, leaf: usize) -> Result<ColumnReader, Problem> {
        let group_reader = self.reader.get_row_group(group)?;
        let column = group_reader.metadata().column(leaf);
        let codec = match column.compression() {
            Compression::ZSTD(_) => Codec::Zstd,
            Compression::BROTLI(_) => Codec::Brotli,
            Compression::LZO => {
                let next = "write the file with compression=\"zstd\"";
                return wrong("zstd, Snappy, gzip, brotli, LZ4 or no compression", "LZO", next);
            }
            _ => return Ok(group_reader.get_column_reader(leaf)?),
        };
        let left = u64::try_from(column.uncompressed_size()).unwrap_or(0);
        let rows = usize::try_from(group_reader.metadata().num_rows()).unwrap_or(0);
        let packed = column.clone().into_builder().set_compression(Compression::UNCOMPRESSED).build()?;
        let packed = SerializedPageReader::new(Arc::clone(&self.file), &packed, rows, None)?;
        let descriptor = self.metadata().file_metadata().schema_descr().column(leaf);
        Ok(get_column_reader(descriptor, Box::new(Unpacked { packed, codec, left })))
    }
}

impl Unpacked {
    /// The bytes of `packed` from `start` on unpacked, after those before it.
    fn unpack(&mut self, packed: &[u8], start: usize) -> Result<Vec<u8>> {
        let damaged = |error: &dyn std::error::Error| ParquetError::General(error.to_string());
        let short = || ParquetError::General("a page that ends within its levels".into());
        let mut bytes = packed.get(..start).ok_or_else(short)?.to_vec();
        let mut packed = packed.get(start..).ok_or_else(short)?;
        // One byte more than there may be tells that there are too many.
        let most = self.left + 1;
        match self.codec {
            // A page of no values may be nothing at all.
            _ if packed.is_empty() => {}
            Codec::Zstd => {
                while !packed.is_empty() && bytes.len() as u64 <= most {
                    let frame = StreamingDecoder::new(&mut packed).map_err(|error| damaged(&error))?;
                    frame.take(most).read_to_end(&mut bytes)?;
                }
            }
            Codec::Brotli => {
                brotli_decompressor::Decompressor::new(packed, 0).take(most).read_to_end(&mut bytes)?;
            }
        }
        self.left = self
            .left
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| ParquetError::General("more bytes in a column than the file says".into()))?;
        Ok(bytes)
    }
}

impl Iterator for Unpacked {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Unpacked {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let Some(mut page) = self.packed.get_next_page()? else { return Ok(None) };
        match &mut page {
            Page::DataPage { buf, .. } | Page::DictionaryPage { buf, .. } => {
                *buf = self.unpack(buf, 0)?.into();
            }
            // Levels are not packed, and values need not be.
            Page::DataPageV2 {
                buf,
                is_compressed: is_packed @ true,
                def_levels_byte_len,
                rep_levels_byte_len,
                ..
            } => {
                let start = u64::from(*def_levels_byte_len) + u64::from(*rep_levels_byte_len);
                *buf = self.unpack(buf, usize::try_from(start).unwrap_or(usize::MAX))?.into();
                *is_packed = false;
            }
            Page::DataPageV2 { .. } => {}
        }
        Ok(Some(page))
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.packed.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.packed.skip_next_page()
    }
}
