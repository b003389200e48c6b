//! The stores of the devices.
