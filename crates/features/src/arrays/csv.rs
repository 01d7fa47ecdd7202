//! Tables of text, `.csv` with commas and `.tsv` with tabs: a line of names, then one line per example.

use std::fs::File;
use std::path::Path;

use csv::{ReaderBuilder, StringRecord, Trim};

use super::labelled::{LabelledArrays, Options};
use super::labels::{Number, Texts};
use super::problem::{Problem, shortened, wrong};
use super::table::{Chosen, Column, Rows, choose};
use crate::Error;

/// Reads features and labels from a table of text whose columns are separated by `delimiter`.
pub fn read(path: &Path, delimiter: u8, options: &Options) -> Result<LabelledArrays, Error> {
    let file = File::open(path).map_err(Error::io("reading", path))?;
    let in_table = |error| unreadable(error).at(path, "the table");
    let mut reader = ReaderBuilder::new().delimiter(delimiter).trim(Trim::All).from_reader(file);
    let names: Vec<String> = reader.headers().map_err(in_table)?.iter().map(str::to_owned).collect();
    let chosen = choose(&names, &vec![Column::Plain; names.len()], options);
    let Chosen { label, features } = chosen.map_err(|(place, problem)| problem.at(path, &place))?;
    let in_column = |i: usize| {
        let name = &names[i];
        move |problem: Problem| problem.at(path, &format!("column `{name}`"))
    };

    let (mut rows, mut labels, mut record) = (Rows::default(), Texts::default(), StringRecord::new());
    while reader.read_record(&mut record).map_err(in_table)? {
        for &i in &features {
            let number = number(record.get(i).unwrap_or_default(), rows.row());
            number.and_then(|number| rows.push(number)).map_err(in_column(i))?;
        }
        labels.push(record.get(label).unwrap_or_default()).map_err(in_column(label))?;
        rows.end_row().map_err(|problem| problem.at(path, "features"))?;
    }
    let labels = labels.into_numbers_or_names().map_err(in_column(label))?;
    let columns = features.iter().map(|&i| names[i].clone()).collect();
    let features = rows.into_features();
    features
        .and_then(|features| LabelledArrays::new(path, features, labels, columns))
        .map_err(|problem| problem.at(path, "features and labels"))
}

/// Text becomes float64 first, as in pandas and NumPy, so that it gives the same float32 as it does there.
fn number(text: &str, row: usize) -> Result<Number, Problem> {
    let Ok(number) = text.parse() else {
        let actual = match text {
            "" => format!("nothing in row {row}"),
            text => format!("{:?} in row {row}", shortened(text)),
        };
        let next = "correct or drop that row; if the column is no feature, leave it out, or name the others with --features-key";
        return wrong("a number such as 0.5", actual, next);
    };
    Ok(Number::Float(number))
}

fn unreadable(error: csv::Error) -> Problem {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => Problem::Read(error),
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => Problem::Wrong {
            expected: format!("{expected_len} cells in every line, as in the first"),
            actual: format!("{len} in line {}", pos.map_or(0, |pos| pos.line())),
            next: "correct that line",
        },
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
