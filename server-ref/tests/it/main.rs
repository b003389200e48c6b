//! The server as its clients see it: in one process, over pipes, with the store in memory and
//! paused time. No test sleeps.

mod blobs;
mod bot_webhooks;
mod bots;
mod bounds;
mod doubles;
mod kept;
mod kit;
mod limits;
mod login;
mod messages;
mod notify;
mod notify_kit;
mod operate;
mod requests;
mod resume;
mod scram;
mod secure;
