//! Whether a client has its turns: it answers a command.

use std::future::Future;
use std::pin::Pin;

use super::stage::stage;
use crate::live::context::Context;

/// Waits for the answer of every testee of the case.
pub fn probe(cx: &mut Context) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
    Box::pin(async {
        let Ok(stage) = stage(cx) else { return };
        for actor in stage.actors.values_mut() {
            if let Some(process) = &mut actor.process {
                // One that has ended, or breaks its protocol, is noticed by the step that waits.
                let _ = process.probe().await;
            }
        }
    })
}
