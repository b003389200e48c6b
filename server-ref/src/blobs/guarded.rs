//! What keeps the octets, behind a circuit breaker: while it does not work, nobody waits for it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::{BlobError, BlobStore, Content};
use crate::limits::Guard;

/// Octets behind a breaker.
#[derive(Debug)]
pub struct GuardedBlobs {
    octets: Arc<dyn BlobStore>,
    guard: Guard,
}

impl GuardedBlobs {
    /// Guards `octets`.
    #[must_use]
    pub fn new(octets: Arc<dyn BlobStore>, guard: Guard) -> Self {
        Self { octets, guard }
    }

    // impl[EIM-LIM-021]
    async fn guarded<T>(
        &self,
        act: impl Future<Output = Result<T, BlobError>> + Send,
    ) -> Result<T, BlobError> {
        let attempt = self.guard.attempt().map_err(BlobError::LeftAlone)?;
        let outcome = act.await;
        match &outcome {
            Err(BlobError::Failed(_)) => attempt.failed(),
            _ => attempt.succeeded(),
        }
        outcome
    }
}

#[async_trait]
impl BlobStore for GuardedBlobs {
    async fn put(&self, content: Content, part: u32, octets: Bytes) -> Result<(), BlobError> {
        self.guarded(self.octets.put(content, part, octets)).await
    }

    async fn get(
        &self,
        content: Content,
        part: u32,
        range: Range<u64>,
    ) -> Result<Bytes, BlobError> {
        self.guarded(self.octets.get(content, part, range)).await
    }

    async fn parts(&self, content: Content) -> Result<BTreeMap<u32, u64>, BlobError> {
        self.guarded(self.octets.parts(content)).await
    }

    async fn remove(&self, content: Content) -> Result<(), BlobError> {
        self.guarded(self.octets.remove(content)).await
    }

    async fn url(
        &self,
        content: Content,
        part: u32,
        life: Duration,
    ) -> Result<Option<String>, BlobError> {
        self.guarded(self.octets.url(content, part, life)).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use eim_codec::id::BlobId;

    use super::*;
    use crate::limits::test_guard;
    use crate::store::TenantId;

    /// Fails when it is told to, and counts who asks.
    #[derive(Debug, Default)]
    struct Failing {
        broken: AtomicBool,
        asked: AtomicU32,
    }

    #[async_trait]
    impl BlobStore for Failing {
        async fn put(&self, _: Content, _: u32, _: Bytes) -> Result<(), BlobError> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            match self.broken.load(Ordering::Relaxed) {
                true => Err(BlobError::Failed("no route".to_owned())),
                false => Ok(()),
            }
        }

        async fn get(&self, _: Content, _: u32, _: Range<u64>) -> Result<Bytes, BlobError> {
            Err(BlobError::Missing)
        }

        async fn parts(&self, _: Content) -> Result<BTreeMap<u32, u64>, BlobError> {
            Ok(BTreeMap::new())
        }

        async fn remove(&self, _: Content) -> Result<(), BlobError> {
            Ok(())
        }
    }

    // test[EIM-LIM-021]
    #[tokio::test]
    async fn while_it_does_not_work_nobody_waits_for_it() {
        let failing = Arc::new(Failing::default());
        let (clock, guard) = test_guard();
        let octets = GuardedBlobs::new(Arc::clone(&failing) as _, guard);
        let content = Content {
            tenant: TenantId(0),
            id: BlobId::from([1; 16]),
        };
        for _ in 0..5 {
            // That something is missing is an answer.
            let missing = octets.get(content, 0, 0..1).await;
            assert!(matches!(missing, Err(BlobError::Missing)));
        }
        failing.broken.store(true, Ordering::Relaxed);
        for _ in 0..2 {
            let failed = octets.put(content, 0, Bytes::new()).await;
            assert!(matches!(failed, Err(BlobError::Failed(_))));
        }
        for _ in 0..10 {
            let refused = octets.put(content, 0, Bytes::new()).await;
            assert!(matches!(refused, Err(BlobError::LeftAlone(_))));
        }
        assert_eq!(failing.asked.load(Ordering::Relaxed), 2);
        failing.broken.store(false, Ordering::Relaxed);
        clock.0.store(2000, Ordering::Relaxed);
        for _ in 0..3 {
            octets.put(content, 0, Bytes::new()).await.unwrap();
        }
    }
}
