//! What the runtime takes for granted, said in full.

use rten_onnx::onnx::{AttributeProto, AttributeType, GraphProto, NodeProto};

use super::operators::Refusal;

/// Gives each operator the attributes that the format lets a file leave out and the runtime does not, and says in newer
/// operators what older ones meant.
pub fn rewrite(graph: &mut GraphProto, opset: i64) -> Result<(), Refusal> {
    let kernel_of = |name: Option<&String>| {
        let weight = graph.initializer.iter().find(|tensor| tensor.name.as_ref() == name)?;
        Some(weight.dims.get(2..)?.to_vec())
    };
    let mut nodes = Vec::with_capacity(graph.node.len());
    for mut node in std::mem::take(&mut graph.node) {
        match node.op_type.as_deref() {
            Some("Conv" | "ConvTranspose" | "MaxPool" | "AveragePool") => {
                let kernel = ints(&node, "kernel_shape").or_else(|| kernel_of(node.input.get(1)));
                let Some(kernel) = kernel else {
                    let name = node.op_type.unwrap_or_default();
                    return Err(("a kernel_shape, or a weight of known shape".into(), name));
                };
                if kernel.len() != 2 {
                    let name = node.op_type.unwrap_or_default();
                    return Err(("kernels (height, width)".into(), format!("{name} with {kernel:?}")));
                }
                let strides = ints(&node, "strides").unwrap_or_default();
                if is_same(&node) && strides.iter().zip(&kernel).any(|(stride, side)| stride > side) {
                    let name = node.op_type.unwrap_or_default();
                    let actual = format!("{name} with auto_pad = SAME_UPPER and strides {strides:?}");
                    return Err((format!("strides no larger than the kernel {kernel:?}"), actual));
                }
                let ones = vec![1; kernel.len()];
                set_default(&mut node, "strides", ones.clone());
                if !node.op_type.as_deref().is_some_and(|name| name.ends_with("Pool")) {
                    set_default(&mut node, "dilations", ones);
                }
                if ints(&node, "auto_pad").is_none() {
                    set_default(&mut node, "pads", vec![0; 2 * kernel.len()]);
                }
                set_default(&mut node, "kernel_shape", kernel);
                nodes.push(node);
            }
            // Outside of training.
            Some("Dropout") => {
                node.input.truncate(1);
                nodes.push(NodeProto { op_type: Some("Identity".into()), attribute: Vec::new(), ..node });
            }
            Some("Softmax" | "LogSoftmax") if opset < 13 => nodes.extend(of_a_matrix(node)),
            _ => nodes.push(node),
        }
    }
    graph.node = nodes;
    Ok(())
}

/// Before opset 13, Softmax made a matrix of its input, of the axes before `axis` and those from there on, and took a row
/// as one distribution: Shape, Flatten, Softmax along the last axis, Reshape.
fn of_a_matrix(mut softmax: NodeProto) -> [NodeProto; 4] {
    let axis = softmax.attribute.iter().find_map(|attribute| attribute.i).unwrap_or(1);
    let (input, output) = (softmax.input.clone(), softmax.output.clone());
    let inner = |part: &str| vec![format!("{}:{part}", output.first().map_or("", String::as_str))];
    let node = |name: &str, input: Vec<String>, output: Vec<String>| NodeProto {
        op_type: Some(name.into()),
        input,
        output,
        ..NodeProto::default()
    };
    let shape = node("Shape", input.clone(), inner("shape"));
    let mut flatten = node("Flatten", input, inner("matrix"));
    flatten.attribute = vec![int("axis", axis)];
    (softmax.input, softmax.output) = (inner("matrix"), inner("rows"));
    softmax.attribute = vec![int("axis", -1)];
    let reshape = node("Reshape", [inner("rows"), inner("shape")].concat(), output);
    [shape, flatten, softmax, reshape]
}

fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        i: Some(value),
        r#type: Some(AttributeType::INT),
        ..AttributeProto::default()
    }
}

fn is_same(node: &NodeProto) -> bool {
    node.attribute.iter().any(|attribute| attribute.s.as_deref() == Some("SAME_UPPER"))
}

fn ints(node: &NodeProto, name: &str) -> Option<Vec<i64>> {
    let attribute = node.attribute.iter().find(|attribute| attribute.name.as_deref() == Some(name));
    attribute.map(|attribute| attribute.ints.clone())
}

fn set_default(node: &mut NodeProto, name: &str, value: Vec<i64>) {
    if ints(node, name).is_none() {
        node.attribute.push(AttributeProto {
            name: Some(name.into()),
            ints: value,
            r#type: Some(AttributeType::INTS),
            ..AttributeProto::default()
        });
    }
}
