//! What a caller is told while something is fetched.

/// How far one step has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// What is being done, for example `downloading cifar-10-binary.tar.gz`.
    pub label: &'a str,
    /// Bytes done.
    pub done: u64,
    /// Bytes in all, if known.
    pub total: Option<u64>,
}

/// Is told about progress, often: many times a second.
pub type OnProgress<'a> = dyn FnMut(Progress<'_>) + 'a;
