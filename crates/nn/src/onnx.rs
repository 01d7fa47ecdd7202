//! Writes networks as ONNX files, which other programs run.
//!
//! Only the messages and fields that a perceptron needs are declared, after
//! [onnx.proto](https://github.com/onnx/onnx/blob/main/onnx/onnx.proto); the numbers are the format.

use crate::{Error, Linear, Mlp, Real, Result};
use prost::Message;
use safetensors::Dtype;
use std::path::Path;

impl<F: Real> Mlp<F> {
    /// Writes the network as an [ONNX](https://onnx.ai) model: `Gemm` for each layer and `Relu` between them, three nodes
    /// for 512-64-10. The input `features` is (N, D) and the output `logits` (N, K), for any N, in the number type F;
    /// softmax of the logits gives probabilities. Equal networks give equal bytes. The file appears under its name only
    /// when it is whole.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::NotFinite`] for a network that training has broken.
    ///
    /// ```
    /// # fn main() -> mlprobe_nn::Result<()> {
    /// # let path = std::env::temp_dir().join(format!("mlprobe-doc-{}.onnx", std::process::id()));
    /// let model = mlprobe_nn::Mlp::<f32>::new(&[512, 64, 10], 1)?;
    /// model.save_onnx(&path)?;
    /// # let _ = std::fs::remove_file(path);
    /// # Ok(())
    /// # }
    /// ```
    pub fn save_onnx(&self, path: impl AsRef<Path>) -> Result<()> {
        for (l, layer) in self.layers().iter().enumerate() {
            layer.check_finite("save", &format!("layers.{l}"))?;
        }
        let path = path.as_ref();
        mlprobe_files::write(path, &model(self).encode_to_vec()).map_err(|source| Error::Io {
            operation: "save",
            path: path.into(),
            source,
        })
    }
}

/// Operator set 13 has `Gemm` and `Relu` in their present form; runtimes since then read version 8 of the format.
const OPSET: i64 = 13;
const IR_VERSION: i64 = 8;
/// The format's codes for number types.
const FLOAT: i32 = 1;
const DOUBLE: i32 = 11;
/// The type of an attribute that is an integer.
const INT: i32 = 2;

fn model<F: Real>(mlp: &Mlp<F>) -> Model {
    let number = if F::DTYPE == Dtype::F64 { DOUBLE } else { FLOAT };
    let last = mlp.layers().len() - 1;
    let (mut nodes, mut initializers, mut x) = (Vec::new(), Vec::new(), "features".to_owned());
    for (l, layer) in mlp.layers().iter().enumerate() {
        let [weight, bias] = ["weight", "bias"].map(|part| format!("layers.{l}.{part}"));
        let z = if l == last { "logits".to_owned() } else { format!("z{l}") };
        initializers.extend(parameters(layer, number, &weight, &bias));
        // Z = X·Wᵀ + b
        let transposed = Attribute { name: "transB".into(), integer: 1, kind: INT };
        nodes.push(node("Gemm", vec![x, weight, bias], &z, vec![transposed]));
        if l < last {
            x = format!("a{l}");
            nodes.push(node("Relu", vec![z], &x, vec![]));
        } else {
            x = z;
        }
    }
    let matrix = |name: &str, columns: usize| ValueInfo {
        name: name.into(),
        kind: Some(Type {
            tensor: Some(TensorType {
                number,
                shape: Some(Shape {
                    dimensions: vec![
                        Extent { value: None, parameter: Some("N".into()) },
                        Extent { value: Some(columns as i64), parameter: None },
                    ],
                }),
            }),
        }),
    };
    Model {
        ir_version: IR_VERSION,
        producer: "mlprobe-nn".into(),
        graph: Some(Graph {
            nodes,
            name: "mlp".into(),
            initializers,
            inputs: vec![matrix("features", mlp.inputs())],
            outputs: vec![matrix("logits", mlp.classes())],
        }),
        opset: vec![OperatorSet { domain: String::new(), version: OPSET }],
    }
}

/// weight (out, in) and bias (out) of a layer.
fn parameters<F: Real>(layer: &Linear<F>, number: i32, weight: &str, bias: &str) -> [Tensor; 2] {
    let Linear { weight: w, bias: b } = layer;
    let tensor = |name: &str, shape: &[usize], data| Tensor {
        dimensions: shape.iter().map(|&extent| extent as i64).collect(),
        number,
        name: name.into(),
        data,
    };
    [
        tensor(weight, w.shape(), F::to_bytes(w.iter().copied())),
        tensor(bias, b.shape(), F::to_bytes(b.iter().copied())),
    ]
}

fn node(operator: &str, inputs: Vec<String>, output: &str, attributes: Vec<Attribute>) -> Node {
    let name = format!("{}_{output}", operator.to_lowercase());
    Node { inputs, outputs: vec![output.into()], name, operator: operator.into(), attributes }
}

#[derive(Clone, PartialEq, Message)]
struct Model {
    #[prost(int64, tag = "1")]
    ir_version: i64,
    #[prost(string, tag = "2")]
    producer: String,
    #[prost(message, optional, tag = "7")]
    graph: Option<Graph>,
    #[prost(message, repeated, tag = "8")]
    opset: Vec<OperatorSet>,
}

#[derive(Clone, PartialEq, Message)]
struct OperatorSet {
    #[prost(string, tag = "1")]
    domain: String,
    #[prost(int64, tag = "2")]
    version: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Graph {
    #[prost(message, repeated, tag = "1")]
    nodes: Vec<Node>,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, repeated, tag = "5")]
    initializers: Vec<Tensor>,
    #[prost(message, repeated, tag = "11")]
    inputs: Vec<ValueInfo>,
    #[prost(message, repeated, tag = "12")]
    outputs: Vec<ValueInfo>,
}

#[derive(Clone, PartialEq, Message)]
struct Node {
    #[prost(string, repeated, tag = "1")]
    inputs: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    outputs: Vec<String>,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(string, tag = "4")]
    operator: String,
    #[prost(message, repeated, tag = "5")]
    attributes: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Message)]
struct Attribute {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int64, tag = "3")]
    integer: i64,
    #[prost(int32, tag = "20")]
    kind: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Tensor {
    #[prost(int64, repeated, packed = "false", tag = "1")]
    dimensions: Vec<i64>,
    #[prost(int32, tag = "2")]
    number: i32,
    #[prost(string, tag = "8")]
    name: String,
    /// Little-endian, row by row.
    #[prost(bytes = "vec", tag = "9")]
    data: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct ValueInfo {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    kind: Option<Type>,
}

#[derive(Clone, PartialEq, Message)]
struct Type {
    #[prost(message, optional, tag = "1")]
    tensor: Option<TensorType>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorType {
    #[prost(int32, tag = "1")]
    number: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<Shape>,
}

#[derive(Clone, PartialEq, Message)]
struct Shape {
    #[prost(message, repeated, tag = "1")]
    dimensions: Vec<Extent>,
}

#[derive(Clone, PartialEq, Message)]
struct Extent {
    #[prost(int64, optional, tag = "1")]
    value: Option<i64>,
    #[prost(string, optional, tag = "2")]
    parameter: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(mlp: &Mlp<f64>) -> Graph {
        Model::decode(model(mlp).encode_to_vec().as_slice()).unwrap().graph.unwrap()
    }

    #[test]
    fn a_network_with_one_hidden_layer_is_three_nodes_in_a_chain() {
        let graph = decoded(&Mlp::new(&[5, 4, 3], 1).unwrap());
        let operators: Vec<_> = graph.nodes.iter().map(|node| node.operator.as_str()).collect();
        assert_eq!(operators, ["Gemm", "Relu", "Gemm"]);
        assert_eq!(graph.nodes[0].inputs[0], graph.inputs[0].name);
        assert_eq!(graph.nodes[1].inputs, graph.nodes[0].outputs);
        assert_eq!(graph.nodes[2].inputs[0], graph.nodes[1].outputs[0]);
        assert_eq!(graph.nodes[2].outputs[0], graph.outputs[0].name);
    }

    #[test]
    fn weights_stand_row_by_row_whatever_their_order_in_memory() {
        let mlp = Mlp::<f64>::new(&[3, 2], 1).unwrap();
        let graph = decoded(&mlp);
        assert_eq!((graph.nodes.len(), &graph.initializers[0].dimensions[..]), (1, &[2, 3][..]));
        let second = f64::from_le_bytes(graph.initializers[0].data[8..16].try_into().unwrap());
        assert_eq!(second, mlp.layers()[0].weight[[0, 1]]);
        assert_eq!(graph.initializers[0].number, DOUBLE);
    }
}
