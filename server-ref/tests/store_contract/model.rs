//! Random acts against a naive model of the store.
