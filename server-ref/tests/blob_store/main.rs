//! The contract of what keeps the octets of blobs, run against everything that does.

mod s3;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use eim_codec::id::BlobId;
use eim_server::blobs::{
    BlobError, BlobStore, Content, FolderBlobs, MemoryBlobs, ObjectBlobs, S3Place,
};
use eim_server::store::TenantId;

fn content(tenant: u32, id: u8) -> Content {
    Content {
        tenant: TenantId(tenant),
        id: BlobId::from([id; 16]),
    }
}

async fn sizes(store: &dyn BlobStore, content: Content) -> Vec<(u32, u64)> {
    store.parts(content).await.unwrap().into_iter().collect()
}

async fn parts_are_written_whole_and_read_by_range(store: Arc<dyn BlobStore>) {
    let (one, other) = (content(0, 1), content(0, 2));
    assert!(sizes(&*store, one).await.is_empty());
    let part = |octet: u8, count: usize| Bytes::from(vec![octet; count]);
    store.put(one, 0, part(b'a', 10)).await.unwrap();
    store.put(one, 1, part(b'b', 3)).await.unwrap();
    store.put(other, 0, part(b'c', 1)).await.unwrap();
    assert_eq!(sizes(&*store, one).await, [(0, 10), (1, 3)]);
    assert_eq!(store.get(one, 0, 8..100).await.unwrap(), "aa");
    assert_eq!(store.get(one, 1, 1..2).await.unwrap(), "b");
    assert_eq!(store.get(one, 1, 3..9).await.unwrap(), "");
    let missing = store.get(one, 2, 0..1).await.unwrap_err();
    assert!(matches!(missing, BlobError::Missing), "{missing}");
    // Again, and shorter: nothing of the first is left.
    store.put(one, 0, part(b'd', 4)).await.unwrap();
    assert_eq!(store.get(one, 0, 0..100).await.unwrap(), "dddd");
    store.remove(one).await.unwrap();
    store.remove(one).await.unwrap();
    assert!(sizes(&*store, one).await.is_empty());
    assert_eq!(store.get(other, 0, 0..9).await.unwrap(), "c");
}

/// A part that comes after all were removed is listed and removed like any other.
async fn late_parts_are_found_and_removed(store: Arc<dyn BlobStore>) {
    let one = content(0, 3);
    let octets = Bytes::from_static(b"late");
    store.put(one, 0, octets.clone()).await.unwrap();
    store.remove(one).await.unwrap();
    store.put(one, 7, octets).await.unwrap();
    assert_eq!(sizes(&*store, one).await, [(7, 4)]);
    store.remove(one).await.unwrap();
    assert!(sizes(&*store, one).await.is_empty());
    let gone = store.get(one, 7, 0..1).await.unwrap_err();
    assert!(matches!(gone, BlobError::Missing), "{gone}");
}

async fn tenants_do_not_see_each_other(store: Arc<dyn BlobStore>) {
    for tenant in [0, 7, 300] {
        let octets = Bytes::from(tenant.to_string());
        store.put(content(tenant, 1), 0, octets).await.unwrap();
    }
    store.remove(content(7, 1)).await.unwrap();
    let kept = store.get(content(300, 1), 0, 0..9).await.unwrap();
    assert_eq!(kept, "300");
    assert!(sizes(&*store, content(7, 1)).await.is_empty());
}

/// Where there are addresses, one brings its part to anybody, and nothing else.
async fn an_address_brings_its_part(store: Arc<dyn BlobStore>) {
    let one = content(0, 9);
    for part in 0..2 {
        let octets = Bytes::from(vec![b'a' + part; 5]);
        store.put(one, part.into(), octets).await.unwrap();
    }
    let life = Duration::from_secs(60);
    let url = store.url(one, 1, life).await.unwrap().unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let got = http.get(&url).send().await.unwrap();
    assert_eq!(got.status(), reqwest::StatusCode::OK);
    assert_eq!(got.bytes().await.unwrap(), "bbbbb");
    let (bare, signature) = url.split_once('?').unwrap();
    assert!(signature.contains("X-Amz-Expires=60"), "{signature}");
    assert!(!bare.contains("Expires"));
}

// test[EIM-BLB-036]
#[tokio::test]
async fn an_address_of_a_bucket_of_this_process() {
    let place = s3::start().await;
    an_address_brings_its_part(s3::open(&place, "eim")).await;
    let other = s3::open(&place, "eim");
    let life = Duration::from_secs(60);
    let url = other.url(content(0, 9), 1, life).await.unwrap().unwrap();
    let (bare, _) = url.split_once('?').unwrap();
    let refused = reqwest::get(bare).await.unwrap().status();
    assert_eq!(refused, reqwest::StatusCode::FORBIDDEN);
    // Nor can anything be changed by it. Not every S3 for tests looks at signatures; this one does.
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let put = http.put(&url).body("c").send().await.unwrap();
    let kept = other.get(content(0, 9), 1, 0..9).await.unwrap();
    assert_eq!(kept, "bbbbb", "{}", put.status());
}

#[tokio::test]
async fn what_is_here_has_no_addresses() {
    let folder = tempfile::tempdir().unwrap();
    let life = Duration::from_secs(60);
    let folder = FolderBlobs::open(folder.path().to_owned()).unwrap();
    assert_eq!(folder.url(content(0, 1), 0, life).await.unwrap(), None);
    let memory = MemoryBlobs::default();
    assert_eq!(memory.url(content(0, 1), 0, life).await.unwrap(), None);
}

#[tokio::test]
async fn in_memory() {
    parts_are_written_whole_and_read_by_range(Arc::new(MemoryBlobs::default())).await;
    tenants_do_not_see_each_other(Arc::new(MemoryBlobs::default())).await;
    late_parts_are_found_and_removed(Arc::new(MemoryBlobs::default())).await;
}

#[tokio::test]
async fn in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let open = |name: &str| Arc::new(FolderBlobs::open(folder.path().join(name)).unwrap());
    parts_are_written_whole_and_read_by_range(open("one")).await;
    tenants_do_not_see_each_other(open("two")).await;
    late_parts_are_found_and_removed(open("three")).await;
}

#[tokio::test]
async fn a_part_that_was_not_finished_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderBlobs::open(folder.path().to_owned()).unwrap();
    let one = content(0, 0xAB);
    store
        .put(one, 0, Bytes::from_static(b"whole"))
        .await
        .unwrap();
    let id = one.id.to_string();
    let parts = folder.path().join("0").join("ab").join(id);
    // As the end of the process leaves it.
    std::fs::write(parts.join("1.new"), b"hal").unwrap();
    assert_eq!(sizes(&store, one).await, [(0, 5)]);
    store
        .put(one, 1, Bytes::from_static(b"half"))
        .await
        .unwrap();
    let again = FolderBlobs::open(folder.path().to_owned()).unwrap();
    assert_eq!(sizes(&again, one).await, [(0, 5), (1, 4)]);
}

#[tokio::test]
async fn in_an_object_store() {
    let open = |prefix| {
        let store = Arc::new(object_store::memory::InMemory::new());
        Arc::new(ObjectBlobs::new(store, prefix))
    };
    parts_are_written_whole_and_read_by_range(open("")).await;
    tenants_do_not_see_each_other(open("eim/test")).await;
    late_parts_are_found_and_removed(open("eim")).await;
}

#[tokio::test]
async fn in_a_bucket_of_this_process() {
    let place = s3::start().await;
    parts_are_written_whole_and_read_by_range(s3::open(&place, "one")).await;
    tenants_do_not_see_each_other(s3::open(&place, "two")).await;
    late_parts_are_found_and_removed(s3::open(&place, "three")).await;
}

/// More parts than a page of a listing, or a store with one more blob, shows.
#[tokio::test]
async fn many_parts_in_a_bucket() {
    let store = s3::open(&s3::start().await, "eim");
    let (one, other) = (content(0, 1), content(0, 2));
    store.put(other, 0, Bytes::from_static(b"c")).await.unwrap();
    for part in 0..11 {
        store
            .put(one, part, Bytes::from_static(b"abc"))
            .await
            .unwrap();
    }
    let expected: Vec<(u32, u64)> = (0..11).map(|part| (part, 3)).collect();
    assert_eq!(sizes(&*store, one).await, expected);
    store.remove(one).await.unwrap();
    assert!(sizes(&*store, one).await.is_empty());
    assert_eq!(sizes(&*store, other).await, [(0, 1)]);
}

/// Another one's S3: `EIM_TEST_S3=http://127.0.0.1:9000/bucket`, with credentials in the environment.
/// `conformance/acceptance/s3-run contract` runs it against moto's; the S3 inside this process is not skipped.
#[tokio::test]
#[ignore = "needs a bucket; run by conformance/acceptance/s3-run contract"]
async fn in_a_bucket() {
    let place = std::env::var("EIM_TEST_S3").expect("EIM_TEST_S3 says where a bucket is");
    let (endpoint, bucket) = place.rsplit_once('/').unwrap();
    let open = |prefix: &str| {
        let place = S3Place {
            endpoint: endpoint.to_owned(),
            region: "us-east-1".to_owned(),
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        };
        Arc::new(ObjectBlobs::s3(&place).unwrap())
    };
    parts_are_written_whole_and_read_by_range(open("one")).await;
    tenants_do_not_see_each_other(open("two")).await;
    late_parts_are_found_and_removed(open("three")).await;
    an_address_brings_its_part(open("four")).await;
}
