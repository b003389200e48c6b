//! Devices with the real client.
