//! The EIM conformance suite.
