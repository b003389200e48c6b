//! What the reference model expects.
