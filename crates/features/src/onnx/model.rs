//! Reads an ONNX file: checks what is in it, and hands it to the runtime in a form that the runtime computes right.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::{Component, Path};

use rten_onnx::onnx::{DataLocation, DataType, ModelProto, TensorProto, ValueInfoProto};
use sha2::{Digest, Sha256};

use super::narrow;
use super::operators::{OPSETS, Refusal, refusal};
use super::rewrite::rewrite;
use crate::Error;

/// A network that has been checked.
pub struct Network {
    /// The file for the runtime: one input, one output, all weights inside.
    pub bytes: Vec<u8>,
    /// SHA-256 of the file and of the files with its weights, hexadecimal.
    pub digest: String,
    pub input: Input,
}

/// What the network takes.
pub struct Input {
    pub numbers: Numbers,
    pub layout: Layout,
    /// The side in pixels, where the file says.
    pub size: Option<usize>,
}

/// The numbers of an image.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// Normalized.
    F32,
    /// Normalized, and rounded to half precision.
    F16,
    /// 0 to 255.
    U8,
}

/// The order of an image's axes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// (N, 3, height, width)
    Planes,
    /// (N, height, width, 3)
    Pixels,
}

fn refused<T>(expected: &str, actual: impl Into<String>) -> Result<T, Refusal> {
    Err((expected.into(), actual.into()))
}

/// Reads the network at `path` that leads to the value `output`, by default the file's first output.
pub fn read(path: &Path, output: Option<&str>) -> Result<Network, Error> {
    let wrong = |(expected, actual): Refusal| Error::Onnx { path: path.into(), expected, actual };
    let bytes = std::fs::read(path).map_err(Error::io("reading the network", path))?;
    let mut digest = Sha256::new_with_prefix(&bytes);
    let model = ModelProto::parse_buf(&bytes);
    let mut model = model.map_err(|error| wrong(("an ONNX model".into(), error.to_string())))?;
    let opset = opset(&model).map_err(wrong)?;
    let (Some(graph), folder) = (&mut model.graph, path.parent().unwrap_or(Path::new(""))) else {
        return Err(wrong(("an ONNX model".into(), "a file without a graph".into())));
    };
    // Versions of the format before 4 list weights among the inputs.
    let weights: HashSet<_> = graph.initializer.iter().filter_map(|tensor| tensor.name.clone()).collect();
    graph.input.retain(|input| !input.name.as_ref().is_some_and(|name| weights.contains(name)));
    graph.value_info.clear();
    let input = input(&graph.input).map_err(wrong)?;
    keep_only(graph, output).map_err(wrong)?;
    if let Some(what) = graph.node.iter().find_map(|node| refusal(node, opset)) {
        return Err(wrong(("operators that docs/onnx.md lists".into(), what)));
    }
    let mut files = HashMap::new();
    let in_nodes = graph.node.iter_mut().flat_map(|node| &mut node.attribute);
    for tensor in graph.initializer.iter_mut().chain(in_nodes.filter_map(|attribute| attribute.t.as_mut())) {
        if tensor.data_location.is_some_and(|location| location != DataLocation::DEFAULT) {
            embed(tensor, folder, &mut files).map_err(wrong)??;
            if let Some(data) = &tensor.raw_data {
                digest.update(&*data.borrow());
            }
        }
    }
    narrow::check(graph).map_err(wrong)?;
    rewrite(graph, opset).map_err(wrong)?;
    let bytes = model.write_buf().map_err(|error| wrong(("an ONNX model".into(), error.to_string())))?;
    Ok(Network { bytes, digest: mlprobe_files::hex(&digest.finalize()), input })
}

/// The version of the format's operators.
fn opset(model: &ModelProto) -> Result<i64, Refusal> {
    let own =
        model.opset_import.iter().find(|set| matches!(set.domain.as_deref(), None | Some("" | "ai.onnx")));
    match own.and_then(|set| set.version) {
        Some(version) if OPSETS.contains(&version) => Ok(version),
        Some(version) => {
            refused(&format!("opset {} to {}", OPSETS.start(), OPSETS.end()), version.to_string())
        }
        None => refused("an ONNX model", "a file that does not say its opset"),
    }
}

const INPUT: &str = "one input of images (N, 3, height, width) or (N, height, width, 3), any N or 1, as float, float16 \
                     or uint8";

fn input(inputs: &[ValueInfoProto]) -> Result<Input, Refusal> {
    let [input] = inputs else {
        let names: Vec<_> = inputs.iter().filter_map(|input| input.name.as_deref()).collect();
        return refused(INPUT, format!("{} inputs ({})", inputs.len(), names.join(", ")));
    };
    let Some(tensor) = input.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref()) else {
        return refused(INPUT, "an input that is not a tensor");
    };
    let numbers = match tensor.elem_type {
        Some(DataType::FLOAT) => Numbers::F32,
        Some(DataType::FLOAT16) => Numbers::F16,
        Some(DataType::UINT8) => Numbers::U8,
        Some(other) => return refused(INPUT, other.to_string()),
        None => return refused(INPUT, "an input without a type"),
    };
    let shape: Option<Vec<Option<usize>>> = tensor.shape.as_ref().map(|shape| {
        let length = |length: Option<i64>| length.and_then(|length| length.try_into().ok());
        shape.dim.iter().map(|dimension| length(dimension.dim_value)).collect()
    });
    let (layout, height, width) = match shape.as_deref() {
        Some(&[None | Some(1), None | Some(3), height, width]) => (Layout::Planes, height, width),
        Some(&[None | Some(1), height, width, Some(3)]) => (Layout::Pixels, height, width),
        Some(shape) => {
            let lengths: Vec<_> =
                shape.iter().map(|length| length.map_or("?".into(), |length| length.to_string())).collect();
            return refused(INPUT, format!("({})", lengths.join(", ")));
        }
        None => return refused(INPUT, "an input without a shape"),
    };
    match (height, width) {
        (Some(height), Some(width)) if height != width => {
            refused("square images", format!("{height} by {width} pixels"))
        }
        _ => Ok(Input { numbers, layout, size: height.or(width) }),
    }
}

/// Keeps what leads to one value, which becomes the only output.
fn keep_only(graph: &mut rten_onnx::onnx::GraphProto, output: Option<&str>) -> Result<(), Refusal> {
    let names: Vec<_> = graph.output.iter().filter_map(|output| output.name.clone()).collect();
    let Some(wanted) = output.map(str::to_owned).or_else(|| names.first().cloned()) else {
        return refused("an output", "a file without one");
    };
    let made_by: HashMap<String, usize> = (0..)
        .zip(&graph.node)
        .flat_map(|(i, node)| node.output.iter().map(move |name| (name.clone(), i)))
        .collect();
    if !made_by.contains_key(&wanted) {
        return refused(&format!("one of the outputs {}", names.join(", ")), wanted);
    }
    let given: HashSet<_> = graph.initializer.iter().filter_map(|tensor| tensor.name.as_deref()).collect();
    let given: HashSet<_> =
        given.into_iter().chain(graph.input.iter().filter_map(|input| input.name.as_deref())).collect();
    let (mut needed, mut todo) = (HashSet::new(), vec![wanted.as_str()]);
    while let Some(name) = todo.pop() {
        match made_by.get(name) {
            Some(&i) if needed.insert(i) => {
                todo.extend(graph.node[i].input.iter().map(String::as_str).filter(|name| !name.is_empty()));
            }
            None if !given.contains(name) => {
                return refused("values that an operator, a weight or the input gives", name);
            }
            _ => {}
        }
    }
    let output = graph.output.iter().find(|output| output.name.as_deref() == Some(wanted.as_str())).cloned();
    graph.output = vec![output.unwrap_or(ValueInfoProto { name: Some(wanted), r#type: None })];
    let mut i = 0;
    graph.node.retain(|_| {
        i += 1;
        needed.contains(&(i - 1))
    });
    let used: HashSet<_> = graph.node.iter().flat_map(|node| node.input.clone()).collect();
    graph.initializer.retain(|tensor| tensor.name.as_ref().is_some_and(|name| used.contains(name)));
    Ok(())
}

/// Reads the numbers of a tensor from another file in `folder`, if that is where they are. `files` holds the files read so far.
fn embed(
    tensor: &mut TensorProto,
    folder: &Path,
    files: &mut HashMap<String, Vec<u8>>,
) -> Result<Result<(), Error>, Refusal> {
    let entry = |key: &str| {
        let entry = tensor.external_data.iter().find(|entry| entry.key.as_deref() == Some(key));
        entry.and_then(|entry| entry.value.clone())
    };
    let location = entry("location").unwrap_or_default();
    let mut parts = Path::new(&location).components().filter(|part| *part != Component::CurDir).peekable();
    let is_named = parts.peek().is_some();
    if !is_named || !parts.all(|part| matches!(part, Component::Normal(_))) {
        return refused("weights in the file or in files beside it", location);
    }
    if !files.contains_key(&location) {
        let path = folder.join(&location);
        match std::fs::read(&path) {
            Ok(bytes) => files.insert(location.clone(), bytes),
            Err(error) => return Ok(Err(Error::io("reading the network's weights", &path)(error))),
        };
    }
    let all = &files[&location];
    let number = |key: &str| entry(key).map(|text| text.parse::<usize>());
    let (offset, length) = (number("offset").unwrap_or(Ok(0)), number("length"));
    let range = match (offset, length) {
        (Ok(offset), Some(Ok(length))) => offset.checked_add(length).map(|end| offset..end),
        (Ok(offset), None) => Some(offset..all.len()),
        _ => None,
    };
    let Some(data) = range.and_then(|range| all.get(range)) else {
        return refused(
            &format!("the weights of {} in {location}", tensor.name.as_deref().unwrap_or("a tensor")),
            format!("a file of {} bytes, which ends before them", all.len()),
        );
    };
    tensor.raw_data = Some(RefCell::new(data.to_vec()));
    tensor.external_data.clear();
    tensor.data_location = None;
    Ok(Ok(()))
}
