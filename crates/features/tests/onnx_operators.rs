//! Each operator that is accepted, and each of its attributes and versions, against ONNX Runtime
//! (`golden/onnx/operators.py`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use std::fs::File;

use mlprobe_features::{Extractor, Onnx, OnnxOptions, onnx_operators};
use ndarray::{Array1, Array2, Array4};
use ndarray_npy::NpzReader;
use rten_onnx::onnx::{
    AttributeProto, AttributeType, DataType, ModelProto, NodeProto, TensorProto, TypeProtoTensor,
};

fn golden() -> NpzReader<File> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/onnx/operators.npz");
    NpzReader::new(File::open(path).unwrap()).unwrap()
}

#[test]
fn every_case_agrees_with_onnx_runtime() {
    let folder = tempfile::tempdir().unwrap();
    let mut golden = golden();
    let names = golden.names().unwrap();
    let (mut wrong, mut cases) = (Vec::new(), 0);
    for name in names.iter().filter_map(|name| name.strip_suffix(".onnx")) {
        let bytes: Array1<u8> = golden.by_name(&format!("{name}.onnx")).unwrap();
        let expected: Array2<f32> = golden.by_name(name).unwrap();
        let path = folder.path().join("case.onnx");
        std::fs::write(&path, bytes.as_slice().unwrap()).unwrap();
        let options = OnnxOptions {
            normalization: Some("0.5,0.5,0.5/0.25,0.25,0.25".parse().unwrap()),
            ..OnnxOptions::default()
        };
        cases += 1;
        let network = match Onnx::load(&path, options) {
            Ok(network) => network,
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        let images: Array4<u8> = golden.by_name(&format!("images_{}", network.input_size())).unwrap();
        match network.extract(&images) {
            Ok(actual) if actual.dim() == expected.dim() => {
                let scale = expected.iter().fold(1.0_f32, |largest, x| largest.max(x.abs()));
                // Some ten roundings on each side; of half precision where ONNX Runtime computes in it.
                let tolerance = if name.contains("float16") { 1e-3 } else { 4e-6 };
                let error = (&actual - &expected).iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
                if error > tolerance * scale {
                    wrong.push(format!("{name}: differs by {error}"));
                }
            }
            Ok(actual) => wrong.push(format!("{name}: {:?}, not {:?}", actual.dim(), expected.dim())),
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {cases}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Operator, opset, attribute and value of every attribute in the golden models.
fn proven() -> Vec<(String, i64, String, String)> {
    let mut golden = golden();
    let mut found = Vec::new();
    for name in golden.names().unwrap().iter().filter(|name| name.ends_with(".onnx")) {
        let bytes: Array1<u8> = golden.by_name(name).unwrap();
        let model = ModelProto::parse_buf(bytes.as_slice().unwrap()).unwrap();
        let opset = model.opset_import[0].version.unwrap();
        for node in model.graph.unwrap().node {
            let operator = node.op_type.unwrap();
            found.push((operator.clone(), opset, String::new(), String::new()));
            for attribute in node.attribute {
                let number = attribute.i.or(attribute.ints.first().copied()).map(|number| number.to_string());
                let value = attribute.s.or(number).unwrap_or_default();
                found.push((operator.clone(), opset, attribute.name.unwrap(), value));
            }
        }
    }
    found
}

#[test]
fn every_row_of_the_table_is_proven_from_its_first_opset_on_with_each_attribute_and_value() {
    let proven = proven();
    let mut missing = Vec::new();
    for row in onnx_operators().lines().skip(2) {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [operator, opsets, attributes] = cells[..] else { panic!("{row}") };
        let first: i64 = opsets.split(' ').next().unwrap().parse().unwrap();
        let of_operator: Vec<_> = proven.iter().filter(|(name, ..)| name == operator).collect();
        if of_operator.iter().map(|(_, opset, ..)| *opset).min() != Some(first) {
            missing.push(format!("{operator} of opset {first}"));
        }
        for attribute in attributes.split("; ").filter(|attribute| !attribute.is_empty()) {
            let (name, values) = attribute.split_once(" = ").unwrap_or((attribute, ""));
            let name = name.trim_matches('`');
            for value in values.split(", ") {
                let is_used =
                    of_operator.iter().any(|(_, _, n, v)| n == name && (value.is_empty() || v == value));
                if !is_used {
                    missing.push(format!("{operator} with {name} {value}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// The message that refuses the golden model `case`, after a change to it.
fn refusal(case: &str, change: impl Fn(&mut ModelProto)) -> String {
    let bytes: Array1<u8> = golden().by_name(&format!("{case}.onnx")).unwrap();
    let mut model = ModelProto::parse_buf(bytes.as_slice().unwrap()).unwrap();
    change(&mut model);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changed.onnx");
    std::fs::write(&path, model.write_buf().unwrap()).unwrap();
    let error = Onnx::load(path, OnnxOptions::default()).err();
    error.unwrap_or_else(|| panic!("{case} was taken")).to_string()
}

/// Changes the first operator.
fn first(change: impl Fn(&mut NodeProto)) -> impl Fn(&mut ModelProto) {
    move |model| change(&mut model.graph.as_mut().unwrap().node[0])
}

fn attribute(name: &str, word: Option<&str>, ints: &[i64]) -> AttributeProto {
    let kind = if word.is_some() { AttributeType::STRING } else { AttributeType::INTS };
    AttributeProto {
        name: Some(name.into()),
        s: word.map(str::to_owned),
        ints: ints.to_vec(),
        r#type: Some(kind),
        ..AttributeProto::default()
    }
}

#[test]
fn what_is_not_proven_is_refused_by_operator_attribute_and_version() {
    let set = |name: &'static str, word: Option<&'static str>, ints: &'static [i64]| {
        first(move |node| {
            node.attribute.retain(|attribute| attribute.name.as_deref() != Some(name));
            node.attribute.push(attribute(name, word, ints));
        })
    };
    let pool = "MaxPool-strides_8@12";
    let refusals = [
        (
            refusal(pool, set("auto_pad", Some("SAME_LOWER"), &[])),
            "MaxPool (opset 12) with auto_pad = SAME_LOWER",
        ),
        (refusal(pool, set("dilations", None, &[2, 2])), "MaxPool (opset 12) with dilations = [2, 2]"),
        (
            refusal("AveragePool-same_upper_8@22", set("strides", None, &[2, 4])),
            "SAME_UPPER and strides [2, 4]",
        ),
        (
            refusal(
                "Resize-nearest_asymmetric_floor_smaller_8@19",
                set("coordinate_transformation_mode", Some("half_pixel"), &[]),
            ),
            "Resize to sizes with mode = nearest and half_pixel coordinates",
        ),
        (refusal(pool, set("new", None, &[])), "MaxPool (opset 12) with new"),
        (refusal(pool, set("kernel_shape", None, &[3])), "MaxPool with [3]"),
        (refusal(pool, first(|node| node.output.push("indices".into()))), "MaxPool with indices"),
        (refusal(pool, first(|node| node.op_type = Some("LRN".into()))), "LRN (opset 12)"),
        (refusal(pool, first(|node| node.domain = Some("com.microsoft".into()))), "MaxPool of com.microsoft"),
        (refusal(pool, first(|node| node.input[0] = "missing".into())), "got missing"),
        (refusal(pool, |model| model.opset_import[0].version = Some(23)), "opset 7 to 22, got 23"),
        (refusal(pool, |model| model.opset_import[0].version = Some(6)), "opset 7 to 22, got 6"),
        (
            refusal("Resize-linear_half_pixel_whole_8@13", set("mode", Some("cubic"), &[])),
            "Resize (opset 13) with mode = cubic",
        ),
        (
            refusal("Resize-linear_half_pixel_whole_8@13", |model| model.opset_import[0].version = Some(10)),
            "Resize of opset 10, known from 11 on",
        ),
    ];
    for (message, part) in refusals {
        assert!(message.contains(part) && message.contains("docs/onnx.md"), "{part}: {message}");
    }
}

/// A tensor of one axis.
fn tensor(name: &str, kind: DataType, change: impl Fn(&mut TensorProto)) -> TensorProto {
    let mut tensor =
        TensorProto { name: Some(name.into()), data_type: Some(kind), dims: vec![1], ..Default::default() };
    change(&mut tensor);
    tensor
}

fn node(operator: &str, inputs: &[&str], output: &str, attributes: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        op_type: Some(operator.into()),
        input: inputs.iter().map(|&input| input.into()).collect(),
        output: vec![output.into()],
        attribute: attributes,
        ..NodeProto::default()
    }
}

/// Adds these weights and nodes to the model Relu, and makes the value `new` the output.
fn extended(model: &mut ModelProto, weights: Vec<TensorProto>, nodes: Vec<NodeProto>) {
    let graph = model.graph.as_mut().unwrap();
    graph.initializer.extend(weights);
    graph.node.extend(nodes);
    graph.output[0].name = Some("new".into());
}

#[test]
fn numbers_that_the_runtime_would_cut_are_refused_by_name() {
    let int = |x: i64| tensor("wide", DataType::INT64, |tensor| tensor.int64_data = vec![x]);
    let raw = |x: i64| {
        tensor("wide", DataType::INT64, |tensor| {
            tensor.raw_data = Some(std::cell::RefCell::new(x.to_le_bytes().to_vec()));
        })
    };
    let to_float = || {
        let to =
            AttributeProto { i: Some(1), r#type: Some(AttributeType::INT), ..attribute("to", None, &[]) };
        node("Cast", &["wide"], "new", vec![to])
    };
    let refuse = |weights: Vec<TensorProto>, nodes: Vec<NodeProto>| {
        refusal("Relu-@7", |model| extended(model, weights.clone(), nodes.clone()))
    };
    let constant = |name: &str, change: fn(&mut AttributeProto)| {
        let mut value = attribute(name, None, &[]);
        change(&mut value);
        vec![node("Constant", &[], "wide", vec![value]), to_float()]
    };
    let half = |name: &str| tensor(name, DataType::INT64, |tensor| tensor.int64_data = vec![1 << 17]);
    let double = tensor("wide", DataType::DOUBLE, |tensor| tensor.double_data = vec![-1e300]);
    let byte = tensor("wide", DataType::UINT8, |tensor| tensor.int32_data = vec![256]);
    for (message, part) in [
        (
            refuse(vec![int(1 << 33)], vec![to_float()]),
            "whole numbers of 32 bits, in which the runtime computes, got 8589934592 in `wide`",
        ),
        (refuse(vec![raw(-(1 << 40))], vec![to_float()]), "got -1099511627776 in `wide`"),
        (refuse(vec![raw(i64::MAX)], vec![to_float()]), "got 9223372036854775807 in `wide`"),
        (
            refuse(
                vec![],
                constant("value_int", |value| {
                    (value.i, value.r#type) = (Some(1 << 31), Some(AttributeType::INT))
                }),
            ),
            "got 2147483648 in `wide`",
        ),
        (
            refuse(vec![], constant("value_ints", |value| value.ints = vec![0, 1 << 31])),
            "got 2147483648 in `wide`",
        ),
        (
            refuse(vec![half("a"), half("b")], vec![node("Mul", &["a", "b"], "wide", vec![]), to_float()]),
            "got 17179869184 in `wide`",
        ),
        (refuse(vec![double], vec![to_float()]), "numbers within the range of float32, got -1e300 in `wide`"),
        (refuse(vec![byte], vec![to_float()]), "numbers of UINT8, got 256 in `wide`"),
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn the_end_of_a_slice_may_be_the_largest_number_and_is_that_of_the_axis() {
    let mut golden = golden();
    let bytes: Array1<u8> = golden.by_name("Relu-@7.onnx").unwrap();
    let images: Array4<u8> = golden.by_name("images_8").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let features = |change: &dyn Fn(&mut ModelProto)| {
        let mut model = ModelProto::parse_buf(bytes.as_slice().unwrap()).unwrap();
        // Slice has its ends as inputs from 10 on.
        model.opset_import[0].version = Some(13);
        change(&mut model);
        let path = folder.path().join("slice.onnx");
        std::fs::write(&path, model.write_buf().unwrap()).unwrap();
        Onnx::load(path, OnnxOptions::default()).unwrap().extract(&images).unwrap()
    };
    let whole = features(&|_| ());
    let sliced = features(&|model| {
        let output = model.graph.as_ref().unwrap().output[0].name.clone().unwrap();
        let number = |name: &str, x: i64| tensor(name, DataType::INT64, |tensor| tensor.int64_data = vec![x]);
        let weights = vec![number("start", i64::MIN), number("end", i64::MAX), number("axis", 1)];
        extended(model, weights, vec![node("Slice", &[&output, "start", "end", "axis"], "new", vec![])]);
    });
    assert_eq!(whole, sliced);
}

#[test]
fn inputs_that_are_not_one_batch_of_square_images_are_refused() {
    let tensor = |change: fn(&mut TypeProtoTensor)| {
        refusal("Relu-@7", move |model| {
            let input = &mut model.graph.as_mut().unwrap().input[0];
            change(input.r#type.as_mut().unwrap().tensor_type.as_mut().unwrap());
        })
    };
    let length = |axis: usize, length: i64| {
        refusal("Relu-@7", move |model| {
            let input = &mut model.graph.as_mut().unwrap().input[0];
            let tensor = input.r#type.as_mut().unwrap().tensor_type.as_mut().unwrap();
            tensor.shape.as_mut().unwrap().dim[axis].dim_value = Some(length);
        })
    };
    let twice = refusal("Relu-@7", |model| {
        let graph = model.graph.as_mut().unwrap();
        let mut second = graph.input[0].clone();
        second.name = Some("mask".into());
        graph.input.push(second);
    });
    for (message, part) in [
        (tensor(|tensor| tensor.elem_type = Some(DataType::DOUBLE)), "DOUBLE"),
        (tensor(|tensor| tensor.shape = None), "without a shape"),
        (length(0, 4), "(4, 3, 8, 8)"),
        (length(1, 1), "(1, 1, 8, 8)"),
        (length(2, 9), "square images, got 9 by 8 pixels"),
        (twice, "2 inputs (x, mask)"),
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn the_page_has_the_table() {
    let page = include_str!("../../../docs/onnx.md");
    assert!(page.contains(&onnx_operators()), "docs/onnx.md should have\n{}", onnx_operators());
}
