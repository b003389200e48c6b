//! Files: uploads and downloads go on after a lost connection, and what comes is what was promised.

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use eim_client::Client;
use eim_client::blobs::{BlobError, Download, Fetched, Fetcher, Partial, Sink, Source, Upload};
use eim_codec::connection::{BlobEvent, ServerEvent};
use eim_codec::id::BlobId;
use eim_codec::payload::{
    BlobCreateResponse, BlobReadResponse, BlobUrlResponse, Request, request, response,
};
use eim_codec::registry::ErrorCode;
use sha2::{Digest as _, Sha256};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::peer::{Peer, World};

const BLOB: [u8; 16] = [5; 16];
const SIZE: usize = 500_000;

fn octets() -> Bytes {
    (0..SIZE).map(|at| (at % 251) as u8).collect()
}

fn sha256() -> [u8; 32] {
    Sha256::digest(octets()).into()
}

struct Memory(Vec<u8>);

#[async_trait]
impl Source for Memory {
    async fn read(&mut self, offset: u64, most: usize) -> io::Result<Bytes> {
        let rest = self.0.get(offset as usize..).unwrap_or_default();
        Ok(Bytes::copy_from_slice(&rest[..most.min(rest.len())]))
    }
}

#[async_trait]
impl Sink for Memory {
    async fn write(&mut self, octets: &Bytes) -> io::Result<()> {
        self.0.extend_from_slice(octets);
        Ok(())
    }
}

/// Lets everything under way arrive.
async fn rest(peer: &mut Peer) {
    while timeout(Duration::from_millis(100), peer.next())
        .await
        .is_ok()
    {}
}

/// Carries the connection on until there is an outcome.
async fn until<T>(peer: &mut Peer, mut outcome: JoinHandle<T>) -> T {
    loop {
        tokio::select! {
            biased;
            outcome = &mut outcome => return outcome.unwrap(),
            _event = peer.next() => {}
        }
    }
}

async fn upload(client: Client) -> Result<BlobId, BlobError> {
    let upload = Upload {
        sha256: sha256(),
        size: SIZE as u64,
        media_type: "image/png".to_owned(),
        name: "roof.png".to_owned(),
    };
    let mut source = Memory(octets().to_vec());
    client.upload(&upload, &mut source, &mut |_| ()).await
}

async fn download(client: Client, sha256: [u8; 32]) -> Result<Vec<u8>, BlobError> {
    let download = Download {
        blob: BLOB.into(),
        conversation: None,
        sha256,
    };
    let mut sink = Memory(Vec::new());
    let partial = Partial::default();
    client
        .download(download, partial, &mut sink, &mut |_| ())
        .await?;
    Ok(sink.0)
}

/// Answers BLOB_CREATE: octets from `offset` on are wanted.
async fn want(peer: &mut Peer, offset: u64) {
    let request = peer.request().await;
    let Some(request::Body::BlobCreate(ask)) = &request.body else {
        panic!("BLOB_CREATE, not {request:?}");
    };
    assert_eq!((&ask.sha256[..], ask.size), (&sha256()[..], SIZE as u64));
    let answer = BlobCreateResponse {
        blob: BLOB.to_vec().into(),
        complete: false,
        transfer: 1,
        offset,
    };
    peer.respond(&request, response::Body::BlobCreate(answer));
    let connection = peer.driver.endpoint_mut();
    connection.blob_receive(1, offset, SIZE as u64, 100_000);
}

/// Takes octets until there are `count`.
async fn take(peer: &mut Peer, count: usize) -> Vec<u8> {
    let mut got = Vec::new();
    while got.len() < count {
        if let ServerEvent::Blob(BlobEvent::Octets { transfer, octets }) = peer.next().await {
            got.extend_from_slice(&octets);
            let connection = peer.driver.endpoint_mut();
            connection.blob_consumed(transfer, octets.len());
        }
    }
    got
}

// test[EIM-BLB-032]
#[tokio::test(start_paused = true)]
async fn an_upload_goes_on_where_the_server_says() {
    let mut world = World::at(0).await;
    let (client, _events) = world.start().await;
    let mut peer = world.accept(0).await;
    let uploading = tokio::spawn(upload(client));
    want(&mut peer, 0).await;
    let begun = take(&mut peer, 200_000).await;
    assert_eq!(begun[..], octets()[..begun.len()]);
    drop(peer);
    let mut peer = world.accept(0).await;
    want(&mut peer, 131_072).await;
    let rest = take(&mut peer, SIZE - 131_072).await;
    assert_eq!(rest[..], octets()[131_072..]);
    peer.driver.endpoint_mut().blob_end(1, None);
    assert_eq!(until(&mut peer, uploading).await.unwrap(), BLOB.into());
}

/// Answers BLOB_READ from `offset` on, and sends octets through `through`.
async fn give(peer: &mut Peer, offset: usize, through: usize) {
    let request = peer.request().await;
    let Some(request::Body::BlobRead(ask)) = &request.body else {
        panic!("BLOB_READ, not {request:?}");
    };
    assert_eq!(ask.offset, offset as u64);
    serve(peer, &request, offset, through).await;
}

async fn serve(peer: &mut Peer, request: &Request, offset: usize, through: usize) {
    let answer = BlobReadResponse {
        transfer: u32::from(offset < SIZE),
        size: SIZE as u64,
        sha256: sha256().to_vec().into(),
        offset: offset as u64,
        length: (SIZE - offset) as u64,
        ..BlobReadResponse::default()
    };
    peer.respond(request, response::Body::BlobRead(answer));
    if offset == SIZE {
        return;
    }
    let connection = peer.driver.endpoint_mut();
    connection.blob_send(1, offset as u64, SIZE as u64);
    let mut at = offset;
    while at < through {
        let ServerEvent::Blob(BlobEvent::Room { octets: room, .. }) = peer.next().await else {
            continue;
        };
        let some = octets().slice(at..through.min(at + room));
        at += some.len();
        peer.driver.endpoint_mut().blob_push(1, some).unwrap();
    }
}

// test[EIM-BLB-033]
#[tokio::test(start_paused = true)]
async fn a_download_goes_on_where_it_was_and_is_checked() {
    let mut world = World::at(0).await;
    let (client, _events) = world.start().await;
    let mut peer = world.accept(0).await;
    let whole = tokio::spawn(download(client.clone(), sha256()));
    give(&mut peer, 0, 200_000).await;
    rest(&mut peer).await;
    drop(peer);
    let mut peer = world.accept(0).await;
    give(&mut peer, 200_000, SIZE).await;
    assert_eq!(until(&mut peer, whole).await.unwrap(), octets());
    peer.driver.endpoint_mut().blob_close(1);
    // Octets that are others than the message has told.
    let other = tokio::spawn(download(client, [7; 32]));
    give(&mut peer, 0, SIZE).await;
    let outcome = until(&mut peer, other).await;
    assert!(matches!(outcome, Err(BlobError::Mismatch)), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_told() {
    let mut world = World::at(0).await;
    let (client, _events) = world.start().await;
    let mut peer = world.accept(0).await;
    let uploading = tokio::spawn(upload(client.clone()));
    let request = peer.request().await;
    peer.refuse(&request, ErrorCode::LIMIT_REACHED);
    let outcome = until(&mut peer, uploading).await;
    assert!(matches!(outcome, Err(BlobError::Request(_))), "{outcome:?}");
    let uploading = tokio::spawn(upload(client));
    want(&mut peer, 0).await;
    let error = eim_codec::payload::ErrorInfo {
        code: ErrorCode::BLOB_MISMATCH.0.into(),
        ..Default::default()
    };
    peer.driver.endpoint_mut().blob_end(1, Some(error));
    let outcome = until(&mut peer, uploading).await;
    let code = match &outcome {
        Err(BlobError::Ended { code, .. }) => *code,
        _ => panic!("{outcome:?}"),
    };
    assert_eq!(code, ErrorCode::BLOB_MISMATCH);
}

/// What addresses bring, in turn.
#[derive(Default)]
struct Keeper {
    /// Octets of each address; none: it does not answer.
    brings: Vec<Option<Bytes>>,
    asked: Vec<String>,
    now: Bytes,
}

#[async_trait]
impl Fetcher for Keeper {
    async fn begin(&mut self, url: &str) -> io::Result<()> {
        self.asked.push(url.to_owned());
        self.now = self
            .brings
            .remove(0)
            .ok_or_else(|| io::Error::other("nobody there"))?;
        Ok(())
    }

    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let some = self.now.split_to(self.now.len().min(7_001));
        Ok(Some(some).filter(|some| !some.is_empty()))
    }
}

/// What came of it, the octets, and the addresses that were asked.
type Outcome = (Result<Fetched, BlobError>, Vec<u8>, Vec<String>);

fn fetching(client: Client, brings: Vec<Option<Bytes>>, here: usize) -> JoinHandle<Outcome> {
    tokio::spawn(async move {
        let download = Download {
            blob: BLOB.into(),
            conversation: None,
            sha256: sha256(),
        };
        let mut sink = Memory(octets()[..here].to_vec());
        let partial = Partial {
            offset: here as u64,
            hash: Sha256::new_with_prefix(&sink.0),
        };
        let mut keeper = Keeper {
            brings,
            ..Keeper::default()
        };
        let fetched = client
            .download_from_addresses(download, partial, &mut sink, &mut |_| (), &mut keeper)
            .await;
        (fetched, sink.0, keeper.asked)
    })
}

const PART: usize = 200_000;

/// Answers BLOB_URL for the octet at `offset` with the address of its part.
async fn tell(peer: &mut Peer, offset: usize) {
    let request = peer.request().await;
    let Some(request::Body::BlobUrl(ask)) = &request.body else {
        panic!("BLOB_URL, not {request:?}");
    };
    assert_eq!(ask.offset, offset as u64);
    let begin = offset.min(SIZE - 1) / PART * PART;
    let answer = BlobUrlResponse {
        url: format!("https://keeper/{begin}"),
        offset: begin as u64,
        length: PART.min(SIZE - begin) as u64,
        expires_ms: 60_000,
        size: SIZE as u64,
        sha256: sha256().to_vec().into(),
    };
    peer.respond(&request, response::Body::BlobUrl(answer));
}

fn part(number: usize) -> Option<Bytes> {
    Some(octets().slice(number * PART..SIZE.min((number + 1) * PART)))
}

// test[EIM-BLB-033]
#[tokio::test(start_paused = true)]
async fn octets_come_from_addresses_part_by_part() {
    let mut world = World::at(0).await;
    let (client, _events) = world.start().await;
    let mut peer = world.accept(0).await;
    // What is here already is not taken twice.
    let brings = vec![part(0), part(1), part(2)];
    let whole = fetching(client.clone(), brings, 150_000);
    for offset in [150_000, PART, 2 * PART, SIZE] {
        tell(&mut peer, offset).await;
    }
    give(&mut peer, SIZE, SIZE).await;
    let (fetched, got, asked) = until(&mut peer, whole).await;
    let fetched = fetched.unwrap();
    assert!(fetched.missed.is_none(), "{:?}", fetched.missed);
    assert_eq!((got, fetched.size), (octets().to_vec(), SIZE as u64));
    let expected = [0, PART, 2 * PART].map(|begin| format!("https://keeper/{begin}"));
    assert_eq!(asked, expected);
    peer.driver.endpoint_mut().blob_close(1);
    // Others than those of the hash.
    let lies = Some(Bytes::from(vec![0; PART]));
    let whole = fetching(client, vec![lies, part(1), part(2)], 0);
    for offset in [0, PART, 2 * PART, SIZE] {
        tell(&mut peer, offset).await;
    }
    give(&mut peer, SIZE, SIZE).await;
    let (fetched, ..) = until(&mut peer, whole).await;
    assert!(matches!(fetched, Err(BlobError::Mismatch)), "{fetched:?}");
}

// test[EIM-BLB-038, EIM-BLB-039]
#[tokio::test(start_paused = true)]
async fn what_addresses_do_not_bring_comes_over_the_connection() {
    let long = Some(octets().slice(..PART + 10));
    let short = Some(octets().slice(..PART - 10));
    // Octets that are taken of the first address, at most.
    for (brings, most) in [(None, 0), (long, PART), (short, PART - 10)] {
        let mut world = World::at(0).await;
        let (client, _events) = world.start().await;
        let mut peer = world.accept(0).await;
        let whole = fetching(client, vec![brings], 0);
        tell(&mut peer, 0).await;
        let request = peer.request().await;
        let Some(request::Body::BlobRead(ask)) = &request.body else {
            panic!("BLOB_READ, not {request:?}");
        };
        let at = ask.offset as usize;
        assert!(at <= most, "{at} of {most}");
        serve(&mut peer, &request, at, SIZE).await;
        let (fetched, got, _) = until(&mut peer, whole).await;
        assert!(matches!(
            fetched.unwrap().missed,
            Some(BlobError::Address(_))
        ));
        assert_eq!(got, octets());
    }
}

// test[EIM-BLB-039]
#[tokio::test(start_paused = true)]
async fn a_server_without_addresses_is_read_from() {
    let mut world = World::at(0).await;
    let (client, _events) = world.start().await;
    let mut peer = world.accept(0).await;
    let whole = fetching(client, Vec::new(), 0);
    let request = peer.request().await;
    peer.refuse(&request, ErrorCode::UNKNOWN_OPERATION);
    give(&mut peer, 0, SIZE).await;
    let (fetched, got, asked) = until(&mut peer, whole).await;
    assert!(matches!(
        fetched.unwrap().missed,
        Some(BlobError::Request(_))
    ));
    assert_eq!((got, asked.len()), (octets().to_vec(), 0));
}
