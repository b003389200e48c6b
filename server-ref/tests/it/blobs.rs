//! Files up and down: over lost connections, by two at once, and what becomes of what nobody wants.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use eim_codec::connection::{BlobEvent, ClientEvent};
use eim_codec::payload::request::Body as Ask;
use eim_codec::payload::{
    BlobCreateRequest, BlobCreateResponse, BlobReadRequest, BlobReadResponse, BlobUrlRequest,
    BlobUrlResponse, ErrorInfo, response,
};
use eim_codec::registry::{ErrorCode, Operation};
use eim_server::blobs::{BlobError, BlobStore, Content, MemoryBlobs};
use eim_server::sweeper::{sweep_octets, sweep_store};
use sha2::{Digest as _, Sha256};
use tokio::io::DuplexStream;
use tokio::sync::Semaphore;

use crate::kit::{Client, Kit, code};

const SETTINGS: &str = "[blobs]\npart_octets = 65536\nwindow_octets = 65536\norphan_ms = 60000";
const SIZE: usize = 300_000;

fn octets() -> Bytes {
    (0..SIZE).map(|at| (at % 253) as u8).collect()
}

impl Client<DuplexStream> {
    async fn create(&mut self) -> BlobCreateResponse {
        let ask = BlobCreateRequest {
            sha256: Sha256::digest(octets()).to_vec().into(),
            size: SIZE as u64,
            ..BlobCreateRequest::default()
        };
        let answer = self.ask(Operation::BLOB_CREATE, Ask::BlobCreate(ask)).await;
        let Some(response::Body::BlobCreate(answer)) = answer.body else {
            panic!("{answer:?}");
        };
        if !answer.complete {
            let connection = self.driver.endpoint_mut();
            connection.blob_send(answer.transfer, answer.offset, SIZE as u64);
        }
        answer
    }

    async fn blob(&mut self) -> BlobEvent {
        self.until(|event| match event {
            ClientEvent::Blob(event) => Ok(event),
            other => Err(other),
        })
        .await
    }

    /// Sends octets from `at` to `through`, or to the end of the transfer.
    async fn upload(&mut self, mut at: usize, through: usize) -> Option<Option<ErrorInfo>> {
        while at < through || through == SIZE {
            match self.blob().await {
                BlobEvent::Room {
                    transfer,
                    octets: room,
                } => {
                    let some = octets().slice(at..SIZE.min(at + room));
                    at += some.len();
                    self.driver
                        .endpoint_mut()
                        .blob_push(transfer, some)
                        .unwrap();
                }
                BlobEvent::Ended { error, .. } => return Some(error),
                _ => {}
            }
        }
        None
    }

    async fn read(&mut self, blob: Bytes, offset: u64, length: u64) -> Vec<u8> {
        let ask = BlobReadRequest {
            blob,
            offset,
            length,
            ..BlobReadRequest::default()
        };
        let answer = self.ask(Operation::BLOB_READ, Ask::BlobRead(ask)).await;
        let Some(response::Body::BlobRead(BlobReadResponse {
            transfer, length, ..
        })) = answer.body
        else {
            panic!("{answer:?}");
        };
        let connection = self.driver.endpoint_mut();
        connection.blob_receive(transfer, offset, offset + length, 50_000);
        let mut got = Vec::new();
        while got.len() < length as usize {
            if let BlobEvent::Octets { octets, .. } = self.blob().await {
                got.extend_from_slice(&octets);
                let connection = self.driver.endpoint_mut();
                connection.blob_consumed(transfer, octets.len());
            }
        }
        got
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_goes_on_after_its_connection_and_comes_down_whole() {
    let kit = Kit::new(SETTINGS).await;
    let mut first = kit.login(1, 1).await;
    let begun = first.create().await;
    assert_eq!((begun.transfer, begun.offset), (1, 0));
    assert_eq!(first.upload(0, 200_000).await, None);
    drop(first);
    let mut second = kit.login(1, 2).await;
    let again = second.create().await;
    assert_eq!(again.blob, begun.blob);
    let offset = again.offset as usize;
    assert!(
        offset >= 65_536 && offset.is_multiple_of(65_536),
        "{offset}"
    );
    assert_eq!(second.upload(offset, SIZE).await, Some(None));
    assert!(second.create().await.complete);
    let blob = begun.blob;
    assert_eq!(second.read(blob.clone(), 0, 0).await, octets());
    let part = second.read(blob, 100_000, 150_000).await;
    assert_eq!(part, octets()[100_000..250_000]);
}

#[tokio::test(start_paused = true)]
async fn the_newer_of_two_uploads_of_the_same_goes_on() {
    let kit = Kit::new(SETTINGS).await;
    let (mut older, mut newer) = (kit.login(1, 1).await, kit.login(1, 2).await);
    older.create().await;
    let begun = newer.create().await;
    assert_eq!(begun.offset, 0);
    let ended = older.upload(0, SIZE).await;
    let code = ended.flatten().map(|error| error.code);
    assert_eq!(code, Some(ErrorCode::CONFLICT.0.into()));
    assert_eq!(newer.upload(0, SIZE).await, Some(None));
    assert_eq!(newer.read(begun.blob, 0, 0).await, octets());
}

// test[EIM-BLB-025]
#[tokio::test(start_paused = true)]
async fn octets_that_nothing_needs_are_removed_after_their_time() {
    let kit = Kit::new(SETTINGS).await;
    let (mut whole, mut half) = (kit.login(1, 1).await, kit.login(2, 1).await);
    whole.create().await;
    assert_eq!(whole.upload(0, SIZE).await, Some(None));
    half.create().await;
    assert_eq!(half.upload(0, 200_000).await, None);
    drop(half);
    kit.advance_clock(Duration::from_secs(59));
    sweep_store(&kit.shared, 100).await.unwrap();
    assert_eq!(sweep_octets(&kit.shared, 100).await.unwrap(), 0);
    assert!(whole.create().await.complete, "and kept for longer");
    kit.advance_clock(Duration::from_secs(2));
    sweep_store(&kit.shared, 100).await.unwrap();
    assert_eq!(sweep_octets(&kit.shared, 100).await.unwrap(), 1);
    kit.advance_clock(Duration::from_secs(61));
    sweep_store(&kit.shared, 100).await.unwrap();
    assert_eq!(sweep_octets(&kit.shared, 100).await.unwrap(), 1);
    assert!(!whole.create().await.complete);
}

// test[EIM-BLB-025]
#[tokio::test(start_paused = true)]
async fn who_writes_on_after_the_octets_are_removed_leaves_nothing_behind() {
    let octets = Arc::new(MemoryBlobs::default());
    let kit = Kit::new_with(SETTINGS, "", Arc::clone(&octets) as _).await;
    let mut late = kit.login(1, 1).await;
    let begun = late.create().await;
    assert_eq!(late.upload(0, 150_000).await, None);
    kit.advance_clock(Duration::from_secs(61));
    sweep_store(&kit.shared, 100).await.unwrap();
    assert_eq!(sweep_octets(&kit.shared, 100).await.unwrap(), 1);
    let ended = late.upload(150_000, SIZE).await.flatten();
    assert_eq!(code(ended.as_ref()), Some(ErrorCode::NOT_FOUND));
    assert_eq!(octets.contents(), []);
    // Asked again, it is another upload, from the beginning.
    let again = late.create().await;
    assert!(again.blob != begun.blob && again.offset == 0);
}

/// Octets in memory that are written as soon as somebody permits it.
#[derive(Debug)]
struct Slow {
    octets: MemoryBlobs,
    permits: Semaphore,
}

#[async_trait]
impl BlobStore for Slow {
    async fn put(&self, content: Content, part: u32, octets: Bytes) -> Result<(), BlobError> {
        self.permits.acquire().await.unwrap().forget();
        self.octets.put(content, part, octets).await
    }

    async fn get(&self, content: Content, part: u32, at: Range<u64>) -> Result<Bytes, BlobError> {
        self.octets.get(content, part, at).await
    }

    async fn parts(&self, content: Content) -> Result<BTreeMap<u32, u64>, BlobError> {
        self.octets.parts(content).await
    }

    async fn remove(&self, content: Content) -> Result<(), BlobError> {
        self.octets.remove(content).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_that_outlives_its_connection_is_waited_for() {
    let slow = Arc::new(Slow {
        octets: MemoryBlobs::default(),
        permits: Semaphore::new(1),
    });
    let kit = Kit::new_with(SETTINGS, "", Arc::clone(&slow) as _).await;
    let mut first = kit.login(1, 1).await;
    first.create().await;
    // One part is written, the next one waits.
    assert_eq!(first.upload(0, 140_000).await, None);
    drop(first);
    let mut second = kit.login(1, 2).await;
    let wait = Duration::from_secs(5);
    let early = tokio::time::timeout(wait, second.create()).await;
    assert!(early.is_err(), "{early:?}");
    slow.permits.add_permits(1);
    let mut third = kit.login(1, 3).await;
    let begun = third.create().await;
    assert_eq!(begun.offset, 131_072);
    slow.permits.add_permits(10);
    assert_eq!(third.upload(131_072, SIZE).await, Some(None));
}

/// Octets in memory of which somebody else makes addresses.
#[derive(Debug, Default)]
struct Addressed(MemoryBlobs);

#[async_trait]
impl BlobStore for Addressed {
    async fn put(&self, content: Content, part: u32, octets: Bytes) -> Result<(), BlobError> {
        self.0.put(content, part, octets).await
    }

    async fn get(&self, content: Content, part: u32, at: Range<u64>) -> Result<Bytes, BlobError> {
        self.0.get(content, part, at).await
    }

    async fn parts(&self, content: Content) -> Result<BTreeMap<u32, u64>, BlobError> {
        self.0.parts(content).await
    }

    async fn remove(&self, content: Content) -> Result<(), BlobError> {
        self.0.remove(content).await
    }

    async fn url(
        &self,
        content: Content,
        part: u32,
        life: Duration,
    ) -> Result<Option<String>, BlobError> {
        let Content { tenant, id } = content;
        let life = life.as_millis();
        Ok(Some(format!(
            "https://keeper/{}/{id}/{part}?{life}",
            tenant.0
        )))
    }
}

async fn address(
    client: &mut Client<DuplexStream>,
    blob: Bytes,
    offset: u64,
) -> Result<BlobUrlResponse, Option<ErrorCode>> {
    let ask = BlobUrlRequest {
        blob,
        offset,
        ..BlobUrlRequest::default()
    };
    let answer = client.ask(Operation::BLOB_URL, Ask::BlobUrl(ask)).await;
    match answer.body {
        Some(response::Body::BlobUrl(answer)) => Ok(answer),
        _ => Err(code(answer.error.as_ref())),
    }
}

// test[EIM-BLB-034, EIM-BLB-036]
#[tokio::test(start_paused = true)]
async fn an_address_is_that_of_the_part_with_the_octet_and_for_those_who_may_read() {
    let settings = format!("{SETTINGS}\nkeep = \"s3\"\ns3_bucket = \"b\"\npresigned_ms = 60000");
    let kit = Kit::new_with(&settings, "", Arc::new(Addressed::default())).await;
    let (mut owner, mut other) = (kit.login(1, 1).await, kit.login(2, 1).await);
    let blob = owner.create().await.blob;
    // Nobody gets an address of what is not whole.
    let early = address(&mut owner, blob.clone(), 0).await;
    assert_eq!(early, Err(Some(ErrorCode::BLOB_INCOMPLETE)));
    assert_eq!(owner.upload(0, SIZE).await, Some(None));
    let got = address(&mut owner, blob.clone(), 70_000).await.unwrap();
    assert_eq!((got.offset, got.length), (65_536, 65_536));
    assert_eq!((got.size, got.expires_ms), (SIZE as u64, 60_000));
    assert_eq!(got.sha256, Sha256::digest(octets())[..]);
    assert!(got.url.starts_with("https://keeper/"), "{}", got.url);
    assert!(got.url.ends_with("/1?60000"), "{}", got.url);
    // The last part is shorter; at the end, it is that one.
    for offset in [SIZE as u64 - 1, SIZE as u64] {
        let got = address(&mut owner, blob.clone(), offset).await.unwrap();
        assert_eq!((got.offset, got.length), (262_144, SIZE as u64 - 262_144));
    }
    let beyond = address(&mut owner, blob.clone(), SIZE as u64 + 1).await;
    assert_eq!(beyond, Err(Some(ErrorCode::INVALID_REQUEST)));
    let stranger = address(&mut other, blob, 0).await;
    assert_eq!(stranger, Err(Some(ErrorCode::NOT_FOUND)));
}

// test[EIM-BLB-035]
#[tokio::test(start_paused = true)]
async fn there_are_no_addresses_unless_the_operator_wants_them() {
    let kit = Kit::new_with(SETTINGS, "", Arc::new(Addressed::default())).await;
    let mut owner = kit.login(1, 1).await;
    let blob = owner.create().await.blob;
    assert_eq!(owner.upload(0, SIZE).await, Some(None));
    let refused = address(&mut owner, blob, 0).await;
    assert_eq!(refused, Err(Some(ErrorCode::UNKNOWN_OPERATION)));
}
