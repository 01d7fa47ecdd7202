#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

/// The two safetensors files. A tensor is in one of them.
pub const PARTS: [&[u8]; 2] =
    [include_bytes!("../weights/part1.safetensors"), include_bytes!("../weights/part2.safetensors")];
