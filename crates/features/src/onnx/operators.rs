//! The operators and attributes of ONNX that are proven to give ONNX Runtime's numbers: all others are refused.
//!
//! The proof is `tests/onnx_operators.rs`: for each row, and for each version of an operator from its first opset to
//! [`OPSETS`]'s last, models made and run by ONNX Runtime.

use std::ops::RangeInclusive;

use rten_onnx::onnx::{AttributeProto, NodeProto};

/// The versions of the format's operators that are read.
pub const OPSETS: RangeInclusive<i64> = 7..=22;

/// What was expected, and what was there.
pub type Refusal = (String, String);

/// A row of the table.
pub struct Operator {
    pub name: &'static str,
    /// The first opset.
    pub since: i64,
    /// An attribute that is not here is refused.
    pub attributes: &'static [(&'static str, Values)],
}

/// The values of an attribute that are proven.
pub enum Values {
    /// All that the format allows.
    Any,
    /// These numbers, in any place of a list.
    Ints(&'static [i64]),
    /// These words.
    Words(&'static [&'static str]),
}

use Values::{Any, Ints, Words};

const fn op(name: &'static str, since: i64, attributes: &'static [(&'static str, Values)]) -> Operator {
    Operator { name, since, attributes }
}

const PADDING: Values = Words(&["NOTSET", "VALID", "SAME_UPPER"]);
const NONE: &[(&str, Values)] = &[];
const REDUCE: &[(&str, Values)] = &[("axes", Any), ("keepdims", Any), ("noop_with_empty_axes", Ints(&[0]))];

/// In alphabetical order.
pub const OPERATORS: &[Operator] = &[
    op("Abs", 7, NONE),
    op("Add", 7, NONE),
    op("And", 9, NONE),
    op(
        "AveragePool",
        7,
        &[
            ("auto_pad", PADDING),
            ("ceil_mode", Any),
            ("count_include_pad", Any),
            ("dilations", Ints(&[1])),
            ("kernel_shape", Any),
            ("pads", Any),
            ("strides", Any),
        ],
    ),
    op("BatchNormalization", 7, &[("epsilon", Any), ("momentum", Any), ("training_mode", Ints(&[0]))]),
    op("Cast", 7, &[("to", Ints(&[1, 6, 7, 10]))]),
    op("Ceil", 7, NONE),
    op("Clip", 7, &[("max", Any), ("min", Any)]),
    op("Concat", 7, &[("axis", Any)]),
    op(
        "Constant",
        7,
        &[
            ("value", Any),
            ("value_float", Any),
            ("value_floats", Any),
            ("value_int", Any),
            ("value_ints", Any),
        ],
    ),
    op("ConstantOfShape", 9, &[("value", Any)]),
    op(
        "Conv",
        7,
        &[
            ("auto_pad", PADDING),
            ("dilations", Any),
            ("group", Any),
            ("kernel_shape", Any),
            ("pads", Any),
            ("strides", Any),
        ],
    ),
    op("ConvTranspose", 7, &[("kernel_shape", Any), ("pads", Any), ("strides", Any)]),
    op("Cos", 7, NONE),
    op("DepthToSpace", 7, &[("blocksize", Any), ("mode", Words(&["DCR", "CRD"]))]),
    op("Div", 7, NONE),
    op("Dropout", 7, &[("ratio", Any), ("seed", Any)]),
    op("Einsum", 12, &[("equation", Any)]),
    op("Elu", 7, &[("alpha", Any)]),
    op("Equal", 7, NONE),
    op("Erf", 9, NONE),
    op("Exp", 7, NONE),
    op("Expand", 8, NONE),
    op("Flatten", 7, &[("axis", Any)]),
    op("Floor", 7, NONE),
    op("Gather", 7, &[("axis", Any)]),
    op("Gelu", 20, &[("approximate", Words(&["none", "tanh"]))]),
    op("Gemm", 7, &[("alpha", Any), ("beta", Any), ("transA", Any), ("transB", Any)]),
    op("GlobalAveragePool", 7, NONE),
    op("GlobalMaxPool", 7, NONE),
    op("Greater", 9, NONE),
    op("GreaterOrEqual", 12, NONE),
    op("HardSigmoid", 7, &[("alpha", Any), ("beta", Any)]),
    op("HardSwish", 14, NONE),
    op("Identity", 7, NONE),
    op("InstanceNormalization", 7, &[("epsilon", Any)]),
    op("LayerNormalization", 17, &[("axis", Any), ("epsilon", Any), ("stash_type", Ints(&[1]))]),
    op("LeakyRelu", 7, &[("alpha", Any)]),
    op("Less", 9, NONE),
    op("LessOrEqual", 12, NONE),
    op("Log", 7, NONE),
    op("LogSoftmax", 7, &[("axis", Any)]),
    op("LpNormalization", 7, &[("axis", Any), ("p", Ints(&[2]))]),
    op("MatMul", 7, NONE),
    op("Max", 8, NONE),
    op(
        "MaxPool",
        7,
        &[
            ("auto_pad", PADDING),
            ("ceil_mode", Any),
            ("dilations", Ints(&[1])),
            ("kernel_shape", Any),
            ("pads", Any),
            ("storage_order", Ints(&[0])),
            ("strides", Any),
        ],
    ),
    op("Mean", 8, NONE),
    op("Min", 8, NONE),
    op("Mod", 10, NONE),
    op("Mul", 7, NONE),
    op("Neg", 7, NONE),
    op("Not", 9, NONE),
    op("Or", 9, NONE),
    op("PRelu", 7, NONE),
    op("Pad", 7, &[("mode", Words(&["constant", "reflect", "edge"])), ("pads", Any), ("value", Any)]),
    op("Pow", 7, NONE),
    op("Range", 11, NONE),
    op("Reciprocal", 7, NONE),
    op("ReduceL2", 7, REDUCE),
    op("ReduceMax", 7, REDUCE),
    op("ReduceMean", 7, REDUCE),
    op("ReduceMin", 7, REDUCE),
    op("ReduceProd", 7, REDUCE),
    op("ReduceSum", 7, REDUCE),
    op("Relu", 7, NONE),
    op("Reshape", 7, &[("allowzero", Ints(&[0, 1]))]),
    op(
        "Resize",
        11,
        &[
            ("antialias", Ints(&[0])),
            (
                "coordinate_transformation_mode",
                Words(&["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"]),
            ),
            ("cubic_coeff_a", Any),
            ("exclude_outside", Ints(&[0])),
            ("extrapolation_value", Any),
            ("keep_aspect_ratio_policy", Words(&["stretch"])),
            ("mode", Words(&["nearest", "linear"])),
            ("nearest_mode", Words(&["floor", "round_prefer_floor", "round_prefer_ceil", "ceil"])),
        ],
    ),
    op("Round", 11, NONE),
    op("Shape", 7, &[("end", Any), ("start", Any)]),
    op("Sigmoid", 7, NONE),
    op("Sign", 9, NONE),
    op("Sin", 7, NONE),
    op("Size", 7, NONE),
    op("Slice", 7, &[("axes", Any), ("ends", Any), ("starts", Any)]),
    op("Softmax", 7, &[("axis", Any)]),
    op("Softplus", 7, NONE),
    op("Softsign", 7, NONE),
    op("Split", 7, &[("axis", Any), ("num_outputs", Any), ("split", Any)]),
    op("Sqrt", 7, NONE),
    op("Squeeze", 7, &[("axes", Any)]),
    op("Sub", 7, NONE),
    op("Sum", 8, NONE),
    op("Tanh", 7, NONE),
    op("Tile", 7, NONE),
    op("Transpose", 7, &[("perm", Any)]),
    op("Unsqueeze", 7, &[("axes", Any)]),
    op("Where", 9, NONE),
];

/// What in `node`, of a model with this opset, is not proven, if anything.
pub fn refusal(node: &NodeProto, opset: i64) -> Option<String> {
    let name = node.op_type.as_deref().unwrap_or_default();
    let domain = node.domain.as_deref().unwrap_or_default();
    if !matches!(domain, "" | "ai.onnx") {
        return Some(format!("{name} of {domain}"));
    }
    let Some(operator) = OPERATORS.iter().find(|operator| operator.name == name) else {
        return Some(format!("{name} (opset {opset})"));
    };
    if opset < operator.since {
        return Some(format!("{name} of opset {opset}, known from {} on", operator.since));
    }
    let unknown = node.attribute.iter().find(|attribute| !operator.proves(attribute));
    if let Some(attribute) = unknown {
        return Some(format!("{name} (opset {opset}) with {}", in_words(attribute)));
    }
    special(name, node)
}

/// What the attributes do not say.
fn special(name: &str, node: &NodeProto) -> Option<String> {
    let used = |names: &[String], index: usize| names.get(index).is_some_and(|name| !name.is_empty());
    match name {
        "Resize" if used(&node.input, 3) => {
            let word = |name: &str| {
                let found = node.attribute.iter().find(|attribute| attribute.name.as_deref() == Some(name));
                found.and_then(|attribute| attribute.s.as_deref())
            };
            let way = word("coordinate_transformation_mode").unwrap_or("half_pixel");
            // Both round coordinates, and not alike where one is a whole number but for its last bit.
            let rounds = way.ends_with("half_pixel") && word("mode").unwrap_or("nearest") == "nearest";
            rounds.then(|| format!("Resize to sizes with mode = nearest and {way} coordinates"))
        }
        "MaxPool" if used(&node.output, 1) => Some("MaxPool with indices".into()),
        "Dropout" if used(&node.output, 1) => Some("Dropout with a mask".into()),
        "Dropout" if used(&node.input, 2) => Some("Dropout that may be training".into()),
        "BatchNormalization" if used(&node.output, 1) => Some("BatchNormalization that trains".into()),
        "LayerNormalization" if used(&node.output, 1) => Some("LayerNormalization with its mean".into()),
        _ => None,
    }
}

impl Operator {
    fn proves(&self, attribute: &AttributeProto) -> bool {
        let name = attribute.name.as_deref().unwrap_or_default();
        let values = self.attributes.iter().find(|(known, _)| *known == name).map(|(_, values)| values);
        match values {
            None => false,
            Some(Any) => true,
            Some(Ints(known)) => attribute.i.iter().chain(&attribute.ints).all(|value| known.contains(value)),
            Some(Words(known)) => attribute.s.iter().all(|value| known.contains(&value.as_str())),
        }
    }
}

fn in_words(attribute: &AttributeProto) -> String {
    let name = attribute.name.as_deref().unwrap_or_default();
    match (&attribute.s, attribute.i, attribute.f, attribute.ints.as_slice()) {
        (Some(word), ..) => format!("{name} = {word}"),
        (_, Some(number), ..) => format!("{name} = {number}"),
        (_, _, Some(number), _) => format!("{name} = {number}"),
        (_, _, _, []) => name.to_owned(),
        (_, _, _, numbers) => format!("{name} = {numbers:?}"),
    }
}

/// The table in Markdown, as it stands in `docs/onnx.md`.
pub fn table() -> String {
    let mut table = String::from("| operator | opsets | attributes |\n|---|---|---|\n");
    for Operator { name, since, attributes } in OPERATORS {
        let attributes: Vec<String> = attributes
            .iter()
            .map(|(name, values)| match values {
                Any => format!("`{name}`"),
                Ints(numbers) => {
                    let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
                    format!("`{name}` = {}", numbers.join(", "))
                }
                Words(words) => format!("`{name}` = {}", words.join(", ")),
            })
            .collect();
        table += &format!("| {name} | {since} to {} | {} |\n", OPSETS.end(), attributes.join("; "));
    }
    table
}
