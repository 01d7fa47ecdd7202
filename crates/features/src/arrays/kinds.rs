//! Kinds of files that people save features in and that are not read here, so that the message can say what a file is.

/// A kind of file.
#[derive(Clone, Copy)]
pub struct Kind {
    /// With its article.
    pub name: &'static str,
    /// How to make a file of it that is read.
    pub next: &'static str,
}

const SAVE: &str = "save it as numpy.savez(file, features=features, labels=labels)";
const OTHER: Kind = Kind { name: "another kind of file", next: SAVE };
/// Where an array is asked for.
pub const TEXT: Kind = Kind {
    name: "a table of text",
    next: "give a table as one file, with the labels in a column, or save both arrays with numpy.save",
};
const PYTORCH: Kind = Kind {
    name: "a file of PyTorch",
    next: "convert it in Python: saved = torch.load(file), then numpy.savez(\"new.npz\", features=saved[\"features\"].numpy(), labels=saved[\"labels\"].numpy()), with the names under which it holds them",
};
const PICKLE: Kind = Kind {
    name: "a pickle, as Python, joblib and pandas write it",
    next: "nothing is unpickled here, because a pickle may run any program; load it in Python if you trust it, then numpy.savez(\"new.npz\", features=features, labels=labels)",
};
const TABLE: &str = "save it as a table, with .to_csv(file, index=False) or .to_parquet(file)";

/// The first bytes of files of other kinds.
const STARTS: [(&[u8], Kind); 9] = [
    (
        b"\x89HDF\r\n",
        Kind {
            name: "an HDF5 file",
            next: "load it in Python with h5py, then numpy.savez(\"new.npz\", features=features, labels=labels)",
        },
    ),
    (b"ARROW1", Kind { name: "an Arrow or Feather file", next: TABLE }),
    (b"FEA1", Kind { name: "a Feather file", next: TABLE }),
    (
        b"MATLAB 5.0",
        Kind {
            name: "a file of MATLAB",
            next: "load it in Python with scipy.io.loadmat, then numpy.savez(\"new.npz\", features=features, labels=labels)",
        },
    ),
    (b"SQLite format", Kind { name: "a SQLite database", next: TABLE }),
    (b"\xd0\xcf\x11\xe0", Kind { name: "an Excel workbook", next: "save the sheet as CSV" }),
    (b"\x1f\x8b", Kind { name: "a file packed with gzip", next: "unpack it first, with gzip -d" }),
    (b"\x28\xb5\x2f\xfd", Kind { name: "a file packed with zstd", next: "unpack it first, with zstd -d" }),
    (b"PARE", Kind { name: "an encrypted Parquet file", next: "write it without encryption" }),
];

/// The kind of a file that begins with these bytes.
pub fn of_bytes(start: &[u8]) -> Kind {
    // Before version 1.6, PyTorch wrote a number of its own as the first pickle.
    if start.starts_with(b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8") {
        return PYTORCH;
    }
    if matches!(start, [0x80, 2..=5, ..]) {
        return PICKLE;
    }
    STARTS.iter().find(|(bytes, _)| start.starts_with(bytes)).map_or(OTHER, |(_, kind)| *kind)
}

/// The kind of a zip archive that holds files of these names.
pub fn of_zip<'a>(mut names: impl Iterator<Item = &'a str>) -> Kind {
    let known = names.find_map(|name| match name {
        _ if name.ends_with("data.pkl") => Some(PYTORCH),
        "xl/workbook.xml" => Some(Kind { name: "an Excel workbook", next: "save the sheet as CSV" }),
        _ => None,
    });
    known.unwrap_or(Kind { name: "a zip archive without arrays", next: SAVE })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_other_programs_are_called_by_their_names() {
        for (start, name) in [
            (&b"\x80\x04\x95"[..], "a pickle"),
            (b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8P\x19.", "PyTorch"),
            (b"\x89HDF\r\n\x1a\n", "HDF5"),
            (b"\x1f\x8b\x08", "gzip"),
            (b"", "another kind"),
        ] {
            assert!(of_bytes(start).name.contains(name), "{name}");
        }
        assert!(of_zip(["x/data.pkl", "x/data/0"].into_iter()).name.contains("PyTorch"));
        assert!(of_zip(["[Content_Types].xml", "xl/workbook.xml"].into_iter()).name.contains("Excel"));
        assert!(of_zip(["a.txt"].into_iter()).name.contains("zip"));
    }
}
