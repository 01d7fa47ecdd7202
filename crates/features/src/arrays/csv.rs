//! Tables of text, `.csv` and `.tsv`: a line of names, then one line per example.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use csv::{ReaderBuilder, StringRecord, Trim};

use super::labelled::{LabelledArrays, Options};
use super::labels::{Number, Texts};
use super::problem::{Problem, shortened, wrong};
use super::table::{Chosen, Column, Rows, choose};
use crate::Error;

/// The longest first line that is looked at for the separator.
const LONGEST: u64 = 1 << 24;

/// Reads features and labels from a table of text, separated by tabs where it `is_tsv` and has some.
pub fn read(path: &Path, is_tsv: bool, options: &Options) -> Result<LabelledArrays, Error> {
    let io = |error| Error::io("reading", path)(error);
    let mut file = BufReader::new(File::open(path).map_err(io)?);
    let delimiter = delimiter(&mut file, is_tsv).map_err(io)?;
    let in_table = |error| unreadable(error).at(path, "the table");
    let mut reader =
        ReaderBuilder::new().delimiter(delimiter).flexible(true).trim(Trim::All).from_reader(file);
    let mut names: Vec<String> = reader.headers().map_err(in_table)?.iter().map(str::to_owned).collect();
    // What a separator at the end of the line makes.
    names.truncate(names.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1));
    let chosen = choose(&names, &vec![Column::Plain; names.len()], &[], options);
    let Chosen { label, features } = chosen.map_err(|(place, problem)| problem.at(path, &place))?;
    let in_column = |i: usize| {
        let name = &names[i];
        move |problem: Problem| problem.at(path, &format!("column `{name}`"))
    };

    let mut numbers = Numbers { may_have_commas: delimiter != b',', point: None, comma: None };
    let (mut rows, mut labels) = (Rows::default(), Texts::new(options.keep_na));
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(in_table)? {
        same_length(&names, &record).map_err(|problem| problem.at(path, "the table"))?;
        for &i in &features {
            let number = numbers.parse(record.get(i).unwrap_or_default(), rows.row());
            number.and_then(|number| rows.push(number)).map_err(in_column(i))?;
        }
        let text = numbers.with_point(record.get(label).unwrap_or_default());
        labels.push(&text).map_err(in_column(label))?;
        rows.end_row().map_err(|problem| problem.at(path, "features"))?;
    }
    let labels = labels.into_numbers_or_names().map_err(in_column(label))?;
    let columns = features.iter().map(|&i| names[i].clone()).collect();
    let features = rows.into_features().map_err(|problem| problem.at(path, "features"))?;
    let set = LabelledArrays::new(path, features, labels, columns, options);
    let mut set = set.map_err(|(place, problem)| problem.at(path, &place))?;
    if numbers.comma.is_some() {
        set.note("its numbers are read with a decimal comma".into());
    }
    Ok(set)
}

/// What separates the columns: of `,`, `;`, tabs and `|` the one that is there most often in the first line, outside of quotes; tabs in
/// a `.tsv` that has any. The file is then at its start again.
fn delimiter(file: &mut BufReader<File>, is_tsv: bool) -> std::io::Result<u8> {
    let mut line = Vec::new();
    file.by_ref().take(LONGEST).read_until(b'\n', &mut line)?;
    file.seek(SeekFrom::Start(0))?;
    let mut is_quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0), (b'|', 0)];
    for byte in line {
        is_quoted ^= byte == b'"';
        counts
            .iter_mut()
            .filter(|(known, _)| *known == byte && !is_quoted)
            .for_each(|(_, count)| *count += 1);
    }
    let tabs = counts[2].1;
    // The first of those that are there as often.
    let most = counts.into_iter().rev().max_by_key(|&(_, count)| count);
    Ok(if is_tsv && tabs > 0 { b'\t' } else { most.map_or(b',', |(delimiter, _)| delimiter) })
}

/// A line has a cell for every name; what follows, as after a separator at its end, is empty.
fn same_length(names: &[String], record: &StringRecord) -> Result<(), Problem> {
    let filled = record.iter().skip(names.len()).any(|cell| !cell.is_empty());
    if record.len() >= names.len() && !filled {
        return Ok(());
    }
    wrong(
        format!("{} cells in every line, as in the first", names.len()),
        format!("{} in line {}", record.len(), record.position().map_or(0, csv::Position::line)),
        "correct that line",
    )
}

/// Numbers of one table, with a decimal point or, where commas do not separate them, with a decimal comma.
struct Numbers {
    may_have_commas: bool,
    /// The first row with a decimal point.
    point: Option<usize>,
    /// The first row with a decimal comma.
    comma: Option<usize>,
}

impl Numbers {
    /// Text becomes float64 first, as in pandas and NumPy, so that it gives the same float32 as it does there.
    fn parse(&mut self, text: &str, row: usize) -> Result<Number, Problem> {
        let with_point = self.with_point(text);
        let Ok(number) = with_point.parse() else {
            let actual = match text {
                "" => format!("nothing in row {row}"),
                text => format!("{:?} in row {row}", shortened(text)),
            };
            let next = "correct or drop that row; if the column is no feature, leave it out, or name the others with --features-key";
            return wrong("a number such as 0.5", actual, next);
        };
        match () {
            () if matches!(with_point, Cow::Owned(_)) => _ = self.comma.get_or_insert(row),
            () if self.may_have_commas && text.contains('.') => _ = self.point.get_or_insert(row),
            () => {}
        }
        if let (Some(point), Some(comma)) = (self.point, self.comma) {
            let actual = format!("a point in row {point} and a comma in row {comma}");
            let next = "write all numbers of the file in the same way, without separators of thousands";
            return wrong("numbers with a decimal point or with a decimal comma", actual, next);
        }
        Ok(Number::Float(number))
    }

    /// A number with a decimal comma as one with a decimal point; any other text as it is.
    fn with_point<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.may_have_commas && !text.contains('.') && text.matches(',').count() == 1 {
            let with_point = text.replace(',', ".");
            if with_point.parse::<f64>().is_ok() {
                return with_point.into();
            }
        }
        text.into()
    }
}

fn unreadable(error: csv::Error) -> Problem {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => Problem::Read(error),
        csv::ErrorKind::Utf8 { pos, .. } => Problem::Wrong {
            expected: "text in UTF-8".into(),
            actual: format!("other bytes in line {}", pos.map_or(0, |pos| pos.line())),
            next: "save the table in UTF-8",
        },
        other => Problem::Wrong {
            expected: "a table of text".into(),
            actual: format!("{other:?}"),
            next: "write the file again",
        },
    }
}
