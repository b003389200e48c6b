//! Facts about the store itself: its epoch and its secret.

use bytes::Bytes;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::options::Environment;
use super::record::state::{self, MetaRow};
use crate::store::StoreError;
use crate::store::engine::{Batch, Engine, Space};

const META_KEY: &[u8] = b"meta";

/// What is made with a store and stays.
#[derive(Clone, Copy)]
pub(super) struct Meta {
    pub(super) log_epoch: u64,
    secret: [u8; 32],
}

/// Raises the epoch of all logs and timelines, of a store that is not open. To be called when
/// entries that were answered may be gone, such as after a restore; numbering goes on from what
/// survived, and clients learn that they must compare. Gives back the new epoch.
///
/// # Errors
/// [`StoreError`] when the engine cannot be read or written.
pub async fn raise_log_epoch(
    engine: &dyn Engine,
    environment: &Environment,
) -> Result<u64, StoreError> {
    let meta = Meta::open(engine, environment).await?;
    let meta = meta.raise(engine).await?;
    Ok(meta.log_epoch)
}

impl Meta {
    /// Reads the facts, or makes them when the store is new.
    // impl[EIM-MSG-021] one epoch, at least 1; random, so that a store made anew is told apart
    pub(super) async fn open(
        engine: &dyn Engine,
        environment: &Environment,
    ) -> Result<Self, StoreError> {
        if let Some(record) = engine.get(Space::Meta, META_KEY)? {
            let row: MetaRow = state::decode("meta", &record)?;
            let secret = state::array("secret", &row.secret)?;
            return Ok(Self {
                log_epoch: row.log_epoch,
                secret,
            });
        }
        let epoch = u32::from_be_bytes(environment.random.octets());
        let secret = environment.random.octets();
        let meta = Self {
            log_epoch: 1 + u64::from(epoch),
            secret,
        };
        meta.write(engine).await?;
        Ok(meta)
    }

    /// Raises the epoch; heads stay, so numbering goes on from what survived.
    // impl[EIM-MSG-021] impl[EIM-MSG-022]
    async fn raise(mut self, engine: &dyn Engine) -> Result<Self, StoreError> {
        self.log_epoch += 1;
        self.write(engine).await?;
        Ok(self)
    }

    async fn write(&self, engine: &dyn Engine) -> Result<(), StoreError> {
        let secret = Bytes::copy_from_slice(&self.secret);
        let row = MetaRow {
            log_epoch: self.log_epoch,
            secret,
        };
        let mut batch = Batch::default();
        batch.put(Space::Meta, META_KEY, &state::encode(&row));
        engine.commit(&batch).await
    }

    /// Key of the hashes of contents; kept apart from what others derive.
    pub(super) fn content_secret(&self) -> [u8; 32] {
        self.derive(b"content")
    }

    /// A secret for one purpose.
    pub(super) fn derive(&self, purpose: &[u8]) -> [u8; 32] {
        let Ok(mac) = Hmac::<Sha256>::new_from_slice(&self.secret) else {
            unreachable!("HMAC takes keys of any length");
        };
        mac.chain_update(purpose).finalize().into_bytes().into()
    }
}
