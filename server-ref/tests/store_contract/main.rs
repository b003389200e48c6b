//! The contract of the store, run against every engine.

mod accounts;
mod blobs;
mod bots;
mod contacts;
mod counted;
mod department_groups;
mod devices;
mod directory;
mod embedded_only;
mod failures;
mod full;
mod groups;
mod harness;
mod idempotency;
mod large;
mod marks;
mod mentions;
mod messages;
mod model;
mod notify;
mod operations;
mod played;
mod policy;
mod roles;
#[macro_use]
mod stories;
mod sweeping;
mod timelines;
mod torn;

on_engine!(on_memory, tokio::test, crate::harness::Disk::memory());
on_engine!(on_fjall, tokio::test, crate::harness::Disk::embedded());
