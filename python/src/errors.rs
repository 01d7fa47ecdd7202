//! Errors of the crates as Python's own, with the same texts.

use std::error::Error;
use std::io;

use pyo3::PyErr;
use pyo3::exceptions::{
    PyBlockingIOError, PyFileExistsError, PyFileNotFoundError, PyKeyboardInterrupt, PyOSError,
    PyPermissionError, PyRuntimeError, PyValueError,
};

/// An error of one of the crates, as the exception that says the same.
pub trait IntoPyErr {
    fn into_py(self) -> PyErr;
}

/// An error of the system that is the cause decides which exception it is; without one, it is a `ValueError`.
fn by_cause(error: &(dyn Error + 'static)) -> PyErr {
    let text = error.to_string();
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return match error.kind() {
                io::ErrorKind::NotFound => PyFileNotFoundError::new_err(text),
                io::ErrorKind::PermissionDenied => PyPermissionError::new_err(text),
                _ => PyOSError::new_err(text),
            };
        }
        cause = error.source();
    }
    PyValueError::new_err(text)
}

impl IntoPyErr for mlprobe_nn::Error {
    fn into_py(self) -> PyErr {
        by_cause(&self)
    }
}

impl IntoPyErr for mlprobe_kernels::Error {
    fn into_py(self) -> PyErr {
        by_cause(&self)
    }
}

impl IntoPyErr for rayon::ThreadPoolBuildError {
    fn into_py(self) -> PyErr {
        PyRuntimeError::new_err(format!("starting worker threads: {self}; ask for fewer threads"))
    }
}

impl IntoPyErr for mlprobe_data::Error {
    fn into_py(self) -> PyErr {
        match self {
            Self::Missing { .. } | Self::Link { .. } => PyFileNotFoundError::new_err(self.to_string()),
            Self::Stopped => PyKeyboardInterrupt::new_err(self.to_string()),
            _ => by_cause(&self),
        }
    }
}

impl IntoPyErr for mlprobe_features::Error {
    fn into_py(self) -> PyErr {
        match self {
            Self::Data(error) => error.into_py(),
            Self::Stopped { .. } => PyKeyboardInterrupt::new_err(self.to_string()),
            _ => by_cause(&self),
        }
    }
}

impl IntoPyErr for mlprobe_experiments::Error {
    fn into_py(self) -> PyErr {
        match self {
            Self::Data(error) => error.into_py(),
            Self::Features(error) => error.into_py(),
            Self::InUse(_) => PyBlockingIOError::new_err(self.to_string()),
            Self::Occupied { .. } => PyFileExistsError::new_err(self.to_string()),
            Self::Rendering { .. } => PyRuntimeError::new_err(self.to_string()),
            Self::Stopped { .. } => PyKeyboardInterrupt::new_err(self.to_string()),
            _ => by_cause(&self),
        }
    }
}
