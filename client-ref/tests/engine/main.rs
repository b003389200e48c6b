//! The engine against a scripted server: codec's own server side over a pipe, in paused time.

mod blobs;
mod calls;
mod contacts;
mod durable;
mod large;
mod limits;
mod login;
mod marks;
mod peer;
mod policy;
mod presence;
mod sending;
mod sharing;
mod sync;
mod telling;
mod waiting;
