//! Which network makes the features, as a value that records keep and programs build from.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use mlprobe_data::normalize::Normalization;
use mlprobe_kernels::Precision;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A network with everything that its features depend on, except the bytes of files of weights.
///
/// ```
/// use mlprobe_features::{ExtractorSettings, Precision};
///
/// let settings = ExtractorSettings::SqueezeNet { input_size: 128, precision: Precision::F32 };
/// let json = serde_json::to_string(&settings)?;
/// assert_eq!(json, r#"{"network":"squeezenet","input_size":128}"#);
/// assert_eq!(serde_json::from_str::<ExtractorSettings>(&json)?, settings);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "network", rename_all = "lowercase")]
pub enum ExtractorSettings {
    /// The embedded SqueezeNet 1.1.
    SqueezeNet {
        /// Side in pixels that images are resized to.
        input_size: usize,
        /// How exactly products are taken; not written if it is `f32`.
        #[serde(default, skip_serializing_if = "is_f32")]
        precision: Precision,
    },
    /// The embedded EfficientNet-Lite0.
    #[serde(rename = "efficientnet-lite0")]
    EfficientNetLite0 {
        /// Side in pixels that images are resized to.
        input_size: usize,
        /// How exactly products are taken; not written if it is `f32`.
        #[serde(default, skip_serializing_if = "is_f32")]
        precision: Precision,
    },
    /// torchvision's ResNet-18.
    ResNet18 {
        /// Side in pixels that images are resized to.
        input_size: usize,
        /// How pixels become numbers.
        #[serde(with = "as_text")]
        normalization: Normalization,
        /// A safetensors file with torchvision's tensor names; `None` for the published weights.
        weights: Option<PathBuf>,
        /// How exactly products are taken; not written if it is `f32`.
        #[serde(default, skip_serializing_if = "is_f32")]
        precision: Precision,
    },
    /// A network from an ONNX file.
    Onnx {
        /// The file.
        path: PathBuf,
        /// Side in pixels that images are resized to.
        input_size: usize,
        /// How pixels become numbers, ImageNet's way if `None`; a network that takes bytes has none.
        #[serde(default, with = "as_text::optional")]
        normalization: Option<Normalization>,
        /// The name of the output; `None` for the first.
        #[serde(default)]
        output: Option<String>,
        /// What is made of an output of tokens.
        #[serde(default)]
        pool: Option<Pool>,
    },
}

/// One vector (D) from the tokens (T, D) of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pool {
    /// The first token, the class token of vision transformers.
    Cls,
    /// The mean of all tokens.
    Mean,
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cls => "cls",
            Self::Mean => "mean",
        })
    }
}

impl FromStr for Pool {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "cls" => Ok(Self::Cls),
            "mean" => Ok(Self::Mean),
            _ => Err(format!("expected cls or mean, got {text}")),
        }
    }
}

impl ExtractorSettings {
    /// Side in pixels that images are resized to.
    pub fn input_size(&self) -> usize {
        match self {
            Self::SqueezeNet { input_size, .. }
            | Self::EfficientNetLite0 { input_size, .. }
            | Self::ResNet18 { input_size, .. }
            | Self::Onnx { input_size, .. } => *input_size,
        }
    }

    /// How exactly products are taken; always [`Precision::F32`] in ONNX networks.
    pub fn precision(&self) -> Precision {
        match self {
            Self::SqueezeNet { precision, .. }
            | Self::EfficientNetLite0 { precision, .. }
            | Self::ResNet18 { precision, .. } => *precision,
            Self::Onnx { .. } => Precision::F32,
        }
    }
}

/// Records of `f32` are those of versions without a precision.
fn is_f32(precision: &Precision) -> bool {
    *precision == Precision::F32
}

/// A normalization in the words that [`Normalization`] reads back exactly.
mod as_text {
    use serde::de::Error;

    use super::*;

    pub fn serialize<S: Serializer>(value: &Normalization, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Normalization, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }

    /// The same for one that may not be there.
    pub mod optional {
        use super::*;

        pub fn serialize<S: Serializer>(
            value: &Option<Normalization>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            value.map(|value| value.to_string()).serialize(serializer)
        }

        pub fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<Normalization>, D::Error> {
            let text = Option::<String>::deserialize(deserializer)?;
            text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
        }
    }
}
