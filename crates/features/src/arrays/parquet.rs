//! Tables in Parquet files, read column by column.

use std::fs::File;
use std::panic::catch_unwind;
use std::path::Path;

use half::f16;
use ndarray::{Array2, Axis, concatenate};
use parquet::basic::{ConvertedType, LogicalType, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::metadata::FileMetaData;
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};

use super::labelled::{LabelledArrays, Labels, Options};
use super::labels::{Number, Texts, label, no_label, not_text};
use super::pages::Table;
use super::problem::{Problem, WRITE_AGAIN, wrong};
use super::table::{Column, Rows, choose};
use crate::Error;

/// Rows that are decoded at a time.
const BATCH: usize = 1024;

/// Reads features and labels from a Parquet file.
pub fn read(path: &Path, options: &Options) -> Result<LabelledArrays, Error> {
    // On some damaged files the crate panics, as where a page speaks of a dictionary that is missing.
    catch_unwind(|| read_columns(path, options)).unwrap_or_else(|_| {
        wrong("a whole Parquet file", "a damaged one", WRITE_AGAIN)
            .map_err(|problem| problem.at(path, "the table"))
    })
}

fn read_columns(path: &Path, options: &Options) -> Result<LabelledArrays, Error> {
    let io = Error::io("reading", path);
    let file = File::open(path).map_err(io)?;
    let in_table = |problem: Problem| problem.at(path, "the table");
    let file = Table::open(file).map_err(in_table)?;
    let metadata = file.metadata().file_metadata();
    let (names, kinds, leaves) = columns(metadata.schema_descr());
    let index = index(metadata);
    let chosen =
        choose(&names, &kinds, &index, options).map_err(|(place, problem)| problem.at(path, &place))?;
    let in_column = |i: usize| {
        let name = &names[i];
        move |problem: Problem| problem.at(path, &format!("column `{name}`"))
    };

    let labels = read_labels(&file, leaves[chosen.label], options).map_err(in_column(chosen.label))?;
    let read = |&i: &usize| read_features(&file, leaves[i]).map_err(in_column(i));
    let mut parts: Vec<Array2<f32>> = chosen.features.iter().map(read).collect::<Result<_, _>>()?;
    let is_list = kinds[chosen.features[0]] == Column::List;
    let columns = if is_list { vec![] } else { chosen.features.iter().map(|&i| names[i].clone()).collect() };
    let whole = |problem: Problem| problem.at(path, "features and labels");
    let features = if parts.len() == 1 {
        parts.remove(0)
    } else {
        let parts: Vec<_> = parts.iter().map(|part| part.view()).collect();
        let joined =
            concatenate(Axis(1), &parts).or_else(|error| wrong("a matrix", error.to_string(), WRITE_AGAIN));
        joined.map_err(whole)?.as_standard_layout().into_owned()
    };
    let set = LabelledArrays::new(path, features, labels, columns, options);
    let mut set = set.map_err(|(place, problem)| problem.at(path, &place))?;
    for (i, name) in names.iter().enumerate().filter(|(_, name)| index.contains(name)) {
        if i != chosen.label && !chosen.features.contains(&i) {
            set.note(format!("column `{name}` is left out: it is the index of the data frame"));
            set.left_out.push(name.clone());
        }
    }
    Ok(set)
}

/// The columns that are the index of a data frame, as pandas writes beside it.
fn index(metadata: &FileMetaData) -> Vec<String> {
    let entries = metadata.key_value_metadata().map_or(&[][..], Vec::as_slice);
    let pandas = entries.iter().find(|entry| entry.key == "pandas").and_then(|entry| entry.value.as_deref());
    let pandas: Option<serde_json::Value> = pandas.and_then(|json| serde_json::from_str(json).ok());
    let columns = pandas.as_ref().and_then(|pandas| pandas.get("index_columns")?.as_array());
    // An index that is not stored is an object with its range.
    columns.into_iter().flatten().filter_map(|name| Some(name.as_str()?.to_owned())).collect()
}

/// Of every column its name, its kind, and the place of its values among the leaves of the schema.
fn columns(schema: &SchemaDescriptor) -> (Vec<String>, Vec<Column>, Vec<usize>) {
    let roots = schema.root_schema().get_fields();
    let (mut names, mut kinds, mut leaves) = (Vec::new(), Vec::new(), Vec::new());
    for (i, root) in roots.iter().enumerate() {
        let mut own = (0..schema.num_columns()).filter(|&leaf| schema.get_column_root_idx(leaf) == i);
        let (first, only) = (own.next().unwrap_or_default(), own.next().is_none());
        names.push(root.name().to_owned());
        leaves.push(first);
        kinds.push(match schema.columns().get(first) {
            Some(leaf) if only && is_number(leaf) => match leaf.max_rep_level() {
                0 => Column::Plain,
                1 => Column::List,
                _ => Column::Other,
            },
            _ => Column::Other,
        });
    }
    (names, kinds, leaves)
}

/// Whether a column holds numbers that stand for nothing else, such as dates.
fn is_number(column: &ColumnDescriptor) -> bool {
    use ConvertedType::{INT_8, INT_16, INT_32, INT_64, NONE, UINT_8, UINT_16, UINT_32, UINT_64};
    let logical = column.logical_type_ref();
    match column.physical_type() {
        Type::BOOLEAN | Type::FLOAT | Type::DOUBLE => true,
        Type::INT32 | Type::INT64 => {
            matches!(logical, None | Some(LogicalType::Integer(_)))
                && matches!(
                    column.converted_type(),
                    NONE | INT_8 | INT_16 | INT_32 | INT_64 | UINT_8 | UINT_16 | UINT_32 | UINT_64
                )
        }
        Type::FIXED_LEN_BYTE_ARRAY => logical == Some(&LogicalType::Float16) && column.type_length() == 2,
        _ => false,
    }
}

/// A column of numbers (N, 1) or of lists of D numbers (N, D).
fn read_features(file: &Table, leaf: usize) -> Result<Array2<f32>, Problem> {
    let mut rows = Rows::default();
    let mut is_first = true;
    each_cell(file, leaf, &mut |starts_row, cell| {
        if starts_row && !std::mem::take(&mut is_first) {
            rows.end_row()?;
        }
        match cell {
            Cell::Number(number) => rows.push(number),
            _ => wrong(
                "a number in every cell",
                format!("nothing in row {}", rows.row()),
                "fill or drop that row",
            ),
        }
    })?;
    if !is_first {
        rows.end_row()?;
    }
    rows.into_features()
}

/// A column of whole numbers or text.
fn read_labels(file: &Table, leaf: usize, options: &Options) -> Result<Labels, Problem> {
    let (mut indices, mut texts, mut row) = (Vec::new(), Texts::new(options.keep_na), 0);
    each_cell(file, leaf, &mut |starts_row, cell| {
        match cell {
            Cell::Number(number) if starts_row => indices.push(label(row, number)?),
            Cell::Text(bytes) if starts_row => match std::str::from_utf8(bytes) {
                Ok(text) => texts.push(text)?,
                Err(_) => return not_text(row, bytes),
            },
            Cell::Empty => return no_label(format!("none in row {row}")),
            _ => {
                return wrong(
                    "one label per row",
                    format!("several in row {}", row - 1),
                    "save one label per example",
                );
            }
        }
        row += 1;
        Ok(())
    })?;
    Ok(if indices.is_empty() { texts.into_names() } else { Labels { indices, names: None } })
}

/// What stands in a cell of a table, or in an element of a list.
enum Cell<'a> {
    Empty,
    Number(Number),
    Text(&'a [u8]),
}

/// Takes a cell, and whether it begins a row.
type Each<'a> = dyn FnMut(bool, Cell<'_>) -> Result<(), Problem> + 'a;

/// Hands over every cell of a column.
fn each_cell(file: &Table, leaf: usize, each: &mut Each<'_>) -> Result<(), Problem> {
    use Number::{Float, Integer};
    let schema = file.metadata().file_metadata().schema_descr();
    let column = schema.column(leaf);
    let is_known = is_number(&column) || column.physical_type() == Type::BYTE_ARRAY;
    if !is_known {
        return wrong("whole numbers or text", "something else", "save numbers or text");
    }
    let is_unsigned = matches!(
        column.converted_type(),
        ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64
    );
    for group in 0..file.metadata().num_row_groups() {
        match file.column(group, leaf)? {
            ColumnReader::BoolColumnReader(reader) => {
                cells(reader, &column, each, |&x| Cell::Number(Integer(x.into())))
            }
            ColumnReader::Int32ColumnReader(reader) => cells(reader, &column, each, |&x| {
                Cell::Number(Integer(if is_unsigned { (x as u32).into() } else { x.into() }))
            }),
            ColumnReader::Int64ColumnReader(reader) => cells(reader, &column, each, |&x| {
                Cell::Number(Integer(if is_unsigned { (x as u64).into() } else { x.into() }))
            }),
            ColumnReader::FloatColumnReader(reader) => {
                cells(reader, &column, each, |&x| Cell::Number(Float(x.into())))
            }
            ColumnReader::DoubleColumnReader(reader) => {
                cells(reader, &column, each, |&x| Cell::Number(Float(x)))
            }
            ColumnReader::FixedLenByteArrayColumnReader(reader) => cells(reader, &column, each, |x| {
                // Of no other length: `is_number` has seen the column.
                let bytes = x.data().first_chunk().copied().unwrap_or_default();
                Cell::Number(Float(f16::from_le_bytes(bytes).into()))
            }),
            ColumnReader::ByteArrayColumnReader(reader) => {
                cells(reader, &column, each, |x| Cell::Text(x.data()))
            }
            ColumnReader::Int96ColumnReader(_) => wrong("numbers or text", "times", "save numbers or text"),
        }?;
    }
    Ok(())
}

/// Hands over the cells of one group of rows.
///
/// A value is there where its definition level is the highest; a row begins where the repetition level is 0.
fn cells<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    column: &ColumnDescriptor,
    each: &mut Each<'_>,
    convert: impl Fn(&T::T) -> Cell<'_>,
) -> Result<(), Problem> {
    let (highest, is_list) = (column.max_def_level(), column.max_rep_level() > 0);
    loop {
        let (mut values, mut defined, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
        let (_, _, levels) =
            reader.read_records(BATCH, Some(&mut defined), Some(&mut repeated), &mut values)?;
        if levels == 0 {
            return Ok(());
        }
        let mut values = values.iter();
        for i in 0..levels {
            let is_defined = highest == 0 || defined.get(i) == Some(&highest);
            let starts_row = !is_list || repeated.get(i) == Some(&0);
            let cell = match is_defined.then(|| values.next()) {
                None => Cell::Empty,
                Some(Some(value)) => convert(value),
                Some(None) => return wrong("as many values as levels", "fewer", WRITE_AGAIN),
            };
            each(starts_row, cell)?;
        }
    }
}

impl From<ParquetError> for Problem {
    fn from(error: ParquetError) -> Self {
        match error {
            ParquetError::External(source) => {
                Self::Read(source.downcast().map_or_else(std::io::Error::other, |e| *e))
            }
            // What its reader does not know is not damaged.
            ParquetError::NYI(what) => Self::Wrong {
                expected: "a Parquet file of a kind that is read here".into(),
                actual: what,
                next: "write it again with the defaults of pandas, pyarrow or polars",
            },
            error => Self::Wrong {
                expected: "a whole Parquet file".into(),
                actual: error.to_string(),
                next: WRITE_AGAIN,
            },
        }
    }
}
