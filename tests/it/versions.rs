//! Dumps of every version.
