//! What is special about servers as testees.
