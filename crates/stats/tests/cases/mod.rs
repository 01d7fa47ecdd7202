//! Reference values from `golden/`, and how far a value is from one.

use serde_json::Value;

/// The cases under `part` in a file of reference values.
pub fn cases(file: &str, part: &str) -> Vec<Value> {
    let golden: Value = serde_json::from_str(file).unwrap();
    golden[part].as_array().unwrap().clone()
}

pub fn number(case: &Value, key: &str) -> f64 {
    case[key].as_f64().unwrap()
}

pub fn numbers(case: &Value, key: &str) -> Vec<f64> {
    case[key].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

pub fn assert_close(actual: f64, expected: f64, relative: f64, what: &str) {
    let error = (actual - expected).abs() / expected.abs();
    assert!(error <= relative, "{what}: {actual} but the reference has {expected}, relative error {error:e}");
}
