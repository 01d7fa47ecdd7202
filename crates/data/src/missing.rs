//! What stands for a missing value in a table.

/// The spellings that pandas reads as missing values unless told otherwise (`na_values` of `pandas.read_csv`).
const SPELLINGS: [&str; 19] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "None", "n/a", "nan", "null",
];

/// Whether `text`, without the blanks around it, stands for a missing value: one of the spellings that pandas reads as
/// such, in this case of letters.
///
/// ```
/// use mlprobe_data::missing::is_missing;
///
/// assert!(is_missing("NA") && is_missing(" nan ") && is_missing(""));
/// assert!(!is_missing("na") && !is_missing("none of these") && !is_missing("0"));
/// ```
pub fn is_missing(text: &str) -> bool {
    SPELLINGS.contains(&text.trim())
}
