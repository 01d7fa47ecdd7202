//! The files of the mini set, for programs that are installed without this repository.
#![forbid(unsafe_code)]

/// The files, by name, that a folder of the mini set holds.
pub const FILES: [(&str, &[u8]); 5] = [
    ("SHA256SUMS", include_bytes!("SHA256SUMS")),
    ("index.csv", include_bytes!("index.csv")),
    ("test.png", include_bytes!("test.png")),
    ("train_1.png", include_bytes!("train_1.png")),
    ("train_2.png", include_bytes!("train_2.png")),
];
