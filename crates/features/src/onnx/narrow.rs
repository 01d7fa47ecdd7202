//! Numbers that the runtime would cut without a word: it computes int64 in 32 bits and float64 in float32.

use std::collections::{HashMap, HashSet};

use rten_onnx::onnx::{DataType, GraphProto, NodeProto, TensorProto};

use super::operators::Refusal;

/// The smallest and the largest number of a tensor.
type Range = (i128, i128);

/// Refuses a network with a constant, or with a sum or product of constants, that the runtime would cut.
pub fn check(graph: &GraphProto) -> Result<(), Refusal> {
    let mut ranges: HashMap<&str, Range> = HashMap::new();
    for tensor in &graph.initializer {
        let name = tensor.name.as_deref().unwrap_or_default();
        ranges.extend(range(tensor, name)?.map(|range| (name, range)));
    }
    for node in &graph.node {
        let operator = node.op_type.as_deref().unwrap_or_default();
        let output = node.output.first().map_or("", String::as_str);
        for attribute in &node.attribute {
            let name = attribute.name.as_deref().unwrap_or_default();
            let in_tensor = attribute.t.as_ref().map(|tensor| range(tensor, output)).transpose()?.flatten();
            let range =
                in_tensor.into_iter().chain(of_all(attribute.i.iter().chain(&attribute.ints))).reduce(union);
            match (operator, name) {
                ("Constant", _) => ranges.extend(range.map(|range| (output, range))),
                // Cut to the length of the axis anyway.
                ("Slice", "starts" | "ends") | ("Shape", "start" | "end") => {}
                _ => narrow(range, || format!("{name} of {operator}"))?,
            }
        }
        ranges.extend(computed(node, &ranges).map(|range| (output, range)));
    }
    let mut ranges: Vec<_> = ranges.into_iter().collect();
    ranges.sort_unstable();
    ranges.into_iter().try_for_each(|(name, range)| {
        narrow(Some(range), || format!("`{name}`")).or_else(|refusal| match only_ends(graph, name) {
            true => Ok(()),
            false => Err(refusal),
        })
    })
}

/// A whole number beyond 32 bits is refused.
fn narrow(range: Option<Range>, place: impl Fn() -> String) -> Result<(), Refusal> {
    let beyond = |&x: &i128| i32::try_from(x).is_err();
    match range.and_then(|(least, most)| [least, most].into_iter().find(beyond)) {
        Some(x) => Err((
            "whole numbers of 32 bits, in which the runtime computes".into(),
            format!("{x} in {}", place()),
        )),
        None => Ok(()),
    }
}

/// The range of a tensor of int64; `None` for other types, whose numbers have to be within what the runtime takes them for.
fn range(tensor: &TensorProto, name: &str) -> Result<Option<Range>, Refusal> {
    let raw = tensor.raw_data.as_ref().map(|data| data.borrow());
    let eights = || raw.iter().flat_map(|data| data.as_chunks::<8>().0);
    let bits = match tensor.data_type {
        Some(DataType::INT64) => {
            let numbers = tensor.int64_data.iter().copied().filter(|_| raw.is_none());
            let numbers = numbers.chain(eights().map(|bytes| i64::from_le_bytes(*bytes)));
            return Ok(of_all(&numbers.collect::<Vec<_>>()));
        }
        Some(DataType::DOUBLE) => {
            let numbers = tensor.double_data.iter().copied().filter(|_| raw.is_none());
            let mut numbers = numbers.chain(eights().map(|bytes| f64::from_le_bytes(*bytes)));
            return match numbers.find(|x| x.is_finite() && !(*x as f32).is_finite()) {
                Some(x) => Err(("numbers within the range of float32".into(), format!("{x:e} in `{name}`"))),
                None => Ok(None),
            };
        }
        Some(DataType::UINT8) => 0..=i128::from(u8::MAX),
        Some(DataType::INT8) => i128::from(i8::MIN)..=i128::from(i8::MAX),
        Some(DataType::FLOAT16) => 0..=i128::from(u16::MAX),
        _ => return Ok(None),
    };
    match tensor.int32_data.iter().find(|&&x| raw.is_none() && !bits.contains(&i128::from(x))) {
        Some(x) => {
            let kind = tensor.data_type.map(|kind| kind.to_string()).unwrap_or_default();
            Err((format!("numbers of {kind}"), format!("{x} in `{name}`")))
        }
        None => Ok(None),
    }
}

fn of_all<'a>(numbers: impl IntoIterator<Item = &'a i64>) -> Option<Range> {
    numbers.into_iter().map(|&x| (i128::from(x), i128::from(x))).reduce(union)
}

fn union(a: Range, b: Range) -> Range {
    (a.0.min(b.0), a.1.max(b.1))
}

/// The range of what an operator makes of numbers whose ranges are known.
fn computed(node: &NodeProto, ranges: &HashMap<&str, Range>) -> Option<Range> {
    let known = |input: &String| ranges.get(input.as_str()).copied();
    let first = node.input.first().and_then(known);
    let pair = || Some((first?, node.input.get(1).and_then(known)?));
    match node.op_type.as_deref()? {
        "Identity" | "Unsqueeze" | "Squeeze" | "Reshape" | "Gather" | "Expand" | "Tile" | "Transpose"
        | "Slice" | "Flatten" => first,
        "Cast" if target(node) == Some(i64::from(DataType::INT64.0)) => first,
        "Concat" => node.input.iter().map(known).collect::<Option<Vec<_>>>()?.into_iter().reduce(union),
        "Neg" => first.map(|(least, most)| (most.saturating_neg(), least.saturating_neg())),
        "Add" => pair().map(|(a, b)| (a.0.saturating_add(b.0), a.1.saturating_add(b.1))),
        "Sub" => pair().map(|(a, b)| (a.0.saturating_sub(b.1), a.1.saturating_sub(b.0))),
        "Mul" => {
            let (a, b) = pair()?;
            let ends = [a.0, a.1].into_iter().flat_map(|x| [b.0, b.1].map(|y| x.saturating_mul(y)));
            ends.map(|x| (x, x)).reduce(union)
        }
        _ => None,
    }
}

fn target(node: &NodeProto) -> Option<i64> {
    node.attribute.iter().find(|attribute| attribute.name.as_deref() == Some("to"))?.i
}

/// Whether a value is nothing but starts and ends of slices, as the largest int64 is by convention: they are cut to the length
/// of the axis anyway.
fn only_ends(graph: &GraphProto, name: &str) -> bool {
    let (mut seen, mut todo) = (HashSet::from([name]), vec![name]);
    while let Some(name) = todo.pop() {
        if graph.output.iter().any(|output| output.name.as_deref() == Some(name)) {
            return false;
        }
        for node in &graph.node {
            for (i, _) in node.input.iter().enumerate().filter(|(_, input)| *input == name) {
                match (node.op_type.as_deref().unwrap_or_default(), i) {
                    ("Slice", 1 | 2) => {}
                    ("Identity" | "Unsqueeze" | "Squeeze" | "Reshape", 0) | ("Concat", _) => {
                        todo.extend(
                            node.output.iter().map(String::as_str).filter(|output| seen.insert(output)),
                        );
                    }
                    ("Cast", 0) if target(node) == Some(i64::from(DataType::INT64.0)) => {
                        todo.extend(
                            node.output.iter().map(String::as_str).filter(|output| seen.insert(output)),
                        );
                    }
                    _ => return false,
                }
            }
        }
    }
    true
}
