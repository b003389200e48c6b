//! One attempt, from what is owed to what became of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::compose::{Composed, Composer};
use super::gateway::{Gateway, Outcome};
use crate::clock::Clock;
use crate::hub::Hub;
use crate::store::{Owed, Service, Store, StoreError};

/// An attempt under way.
pub(super) type Flight = Pin<Box<dyn Future<Output = Landed> + Send>>;

/// What an attempt needs.
pub(super) struct Plan {
    pub(super) store: Arc<dyn Store>,
    pub(super) hub: Arc<Hub>,
    pub(super) composer: Arc<Composer>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) gateway: Arc<dyn Gateway>,
    pub(super) service: Service,
    pub(super) party: String,
    pub(super) owed: Owed,
}

/// An attempt that is over.
pub(super) struct Landed {
    pub(super) service: Service,
    pub(super) party: String,
    pub(super) owed: Owed,
    pub(super) result: Result,
}

/// What became of it.
pub(super) enum Result {
    /// There was no reason any more.
    Needless(&'static str),
    /// It is not time yet; Unix milliseconds.
    Wait(u64),
    /// The service was asked.
    Tried(Outcome),
    /// The store failed.
    Store(StoreError),
}

/// Makes an attempt.
pub(super) fn begin(plan: Plan) -> Flight {
    Box::pin(async move {
        let now_ms = plan.clock.now_ms();
        let (store, hub) = (&*plan.store, &*plan.hub);
        let composed = plan
            .composer
            .compose(store, hub, plan.service, &plan.owed, now_ms)
            .await;
        let result = match composed {
            Ok(Composed::Tell(notification)) => {
                Result::Tried(plan.gateway.deliver(&notification).await)
            }
            Ok(Composed::Wait(due_ms)) => Result::Wait(due_ms),
            Ok(Composed::Needless(reason)) => Result::Needless(reason),
            Err(error) => Result::Store(error),
        };
        Landed {
            service: plan.service,
            party: plan.party,
            owed: plan.owed,
            result,
        }
    })
}
