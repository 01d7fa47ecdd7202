//! Texts that stand for a missing value.

/// What pandas reads as a missing value unless it is told otherwise (`na_values` of `pandas.read_csv`).
const MISSING: [&str; 19] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A",
    "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
];

/// Whether `text` stands for a missing value in a table, as `NA` and the empty text do.
pub fn is_missing(text: &str) -> bool {
    MISSING.contains(&text.trim())
}
