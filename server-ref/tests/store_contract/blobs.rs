//! Blobs beside their octets: begun, referred to, released, gone.

use eim_codec::id::{BlobId, ConversationId, UserId};
use eim_codec::payload::RecallBody;
use eim_codec::registry::{ErrorCode, FrameType};
use eim_server::store::{
    Append, BlobRecords, BlobView, BlobsWanted, Garbage, NewBlob, Refused, Store, Target,
};
use prost::Message as _;

use crate::harness::{Harness, START_MS, TENANT, origin, refused};

const ORPHAN_MS: u64 = 10_000;
const QUOTA: u64 = 1_000_000;

impl Harness {
    fn new_blob(&self, hash: u8, size: u64) -> NewBlob {
        NewBlob {
            blob: self.fresh(),
            sha256: [hash; 32],
            size,
            media_type: "image/png".to_owned(),
            name: format!("Roof {hash}.png"),
            part_octets: 1000,
            quota_octets: QUOTA,
            orphan_ms: ORPHAN_MS,
            shared: false,
        }
    }

    async fn begin(&self, owner: UserId, hash: u8) -> Result<BlobView, Refused> {
        let new = self.new_blob(hash, 5000);
        self.store.blob_create(origin(owner), new).await.unwrap()
    }

    async fn have(&self, owner: UserId, hash: u8) -> BlobId {
        let begun = self.begin(owner, hash).await.unwrap();
        let done = self.store.blob_complete(TENANT, begun.blob).await.unwrap();
        assert!(done.unwrap().complete);
        begun.blob
    }

    fn with_blobs(&self, to: Target, blobs: &[BlobId]) -> Append {
        Append {
            frame_type: FrameType::IMAGE,
            blobs: blobs.to_vec(),
            ..self.text(to, "picture")
        }
    }

    async fn reads(&self, user: UserId, blob: BlobId) -> bool {
        let found = self.store.blob_readable(TENANT, user, blob, None);
        found.await.unwrap().is_some()
    }

    async fn sweep_blobs(&self, now_ms: u64) -> u64 {
        self.clock.set(now_ms);
        self.store.sweep(TENANT, now_ms, 1000).await.unwrap().blobs
    }

    async fn list(&self, of: ConversationId, wanted: BlobsWanted) -> (Vec<u64>, bool) {
        let page = self.store.blobs_of(TENANT, of, wanted).await.unwrap();
        let numbers = page.references.iter().map(|it| it.conv_seq).collect();
        (numbers, page.next.is_some())
    }
}

fn wanted(limit: usize) -> BlobsWanted {
    BlobsWanted {
        first: 1,
        last: u64::MAX,
        before: None,
        name: String::new(),
        media_type: String::new(),
        limit,
    }
}

pub(crate) async fn an_upload_is_known_by_its_user_and_octets(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let begun = h.begin(a, 1).await.unwrap();
    assert!(!begun.complete);
    assert_eq!(h.begin(a, 1).await.unwrap(), begun);
    let other = h.begin(b, 1).await.unwrap();
    assert_ne!(other.content, begun.content);
    let h = h.reopen().await;
    let done = h.store.blob_complete(TENANT, begun.blob).await.unwrap();
    assert!(done.unwrap().complete);
    assert!(h.begin(a, 1).await.unwrap().complete);
    assert!(!h.begin(b, 1).await.unwrap().complete, "nobody tells");
    // One copy is enough, and that of the second is garbage.
    let done = h.store.blob_complete(TENANT, other.blob).await.unwrap();
    assert_eq!(done.unwrap().content, begun.content);
    let garbage = h.store.garbage(TENANT, 10).await.unwrap();
    let content = other.content;
    assert_eq!(garbage, [Garbage { content }]);
    h.store.collected(TENANT, garbage).await.unwrap();
    assert!(h.store.garbage(TENANT, 10).await.unwrap().is_empty());
    // Where the operator wants it, hash and size are enough.
    let [c] = h.users([3]).await;
    let new = NewBlob {
        shared: true,
        ..h.new_blob(1, 5000)
    };
    let known = h.store.blob_create(origin(c), new).await.unwrap().unwrap();
    assert!(known.complete);
    assert_eq!(known.content, begun.content);
}

pub(crate) async fn a_user_has_so_much_room_for_blobs(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let create = async |user, hash, size| {
        let new = h.new_blob(hash, size);
        h.store.blob_create(origin(user), new).await.unwrap()
    };
    let first = create(a, 1, 900_000).await.unwrap();
    assert_eq!(
        refused(create(a, 2, 100_001).await),
        ErrorCode::LIMIT_REACHED
    );
    create(b, 2, 100_001).await.unwrap();
    h.store.blob_discard(TENANT, first.blob).await.unwrap();
    create(a, 2, 100_001).await.unwrap();
    // Small ones are not free.
    for hash in 10..200 {
        create(a, hash, 1).await.unwrap();
    }
    assert_eq!(
        refused(create(a, 200, 1 << 17).await),
        ErrorCode::LIMIT_REACHED
    );
}

pub(crate) async fn a_message_shows_its_blobs_to_those_who_may_read_it(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    let group = h.create_group(a, &[b]).await;
    let to = Target::Conversation(group);
    let blob = h.have(a, 1).await;
    let half = h.begin(a, 2).await.unwrap().blob;
    let unknown = h.with_blobs(to, &[h.fresh()]);
    assert_eq!(refused(h.append(a, unknown).await), ErrorCode::NOT_FOUND);
    let incomplete = h.with_blobs(to, &[half]);
    let code = refused(h.append(a, incomplete).await);
    assert_eq!(code, ErrorCode::BLOB_INCOMPLETE);
    let foreign = h.with_blobs(to, &[blob]);
    assert_eq!(refused(h.append(b, foreign).await), ErrorCode::NOT_FOUND);
    assert!(h.reads(a, blob).await && !h.reads(b, blob).await);
    h.append(a, h.with_blobs(to, &[blob])).await.unwrap();
    assert!(h.reads(b, blob).await && !h.reads(c, blob).await);
    // Who can read it can pass it on; who comes later sees what comes later.
    h.add(a, group, &[c]).await.unwrap();
    assert!(!h.reads(c, blob).await);
    h.append(b, h.with_blobs(to, &[blob])).await.unwrap();
    assert!(h.reads(c, blob).await);
    h.remove(a, group, &[c]).await.unwrap();
    assert!(h.reads(c, blob).await, "what one could read one still can");
    let elsewhere = ConversationId::direct(b, c);
    let found = h.store.blob_readable(TENANT, b, blob, Some(elsewhere));
    assert!(found.await.unwrap().is_none());
    let found = h.store.blob_readable(TENANT, b, blob, Some(group));
    assert!(found.await.unwrap().is_some());
    let h = h.reopen().await;
    assert!(h.reads(b, blob).await);
}

pub(crate) async fn what_nothing_refers_to_goes_after_its_time(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let (to, direct) = (Target::Direct(b), ConversationId::direct(a, b));
    let kept = h.have(a, 1).await;
    let recalled = h.have(a, 2).await;
    let unused = h.have(a, 3).await;
    let half = h.begin(a, 4).await.unwrap().blob;
    h.append(a, h.with_blobs(to, &[kept])).await.unwrap();
    let sent = h.append(a, h.with_blobs(to, &[recalled])).await.unwrap();
    assert_eq!(h.sweep_blobs(START_MS + ORPHAN_MS - 1).await, 0);
    // Asking again keeps an upload for longer.
    h.begin(a, 3).await.unwrap();
    assert!(h.sweep_blobs(START_MS + ORPHAN_MS + 1).await > 0);
    for (blob, is_there) in [
        (kept, true),
        (recalled, true),
        (unused, true),
        (half, false),
    ] {
        assert_eq!(h.reads(a, blob).await, is_there, "{blob}");
    }
    assert_eq!(h.store.garbage(TENANT, 10).await.unwrap().len(), 1);
    let recall = Append {
        frame_type: FrameType::RECALL,
        body: RecallBody {
            target: sent.conv_seq,
        }
        .encode_to_vec()
        .into(),
        ..h.text(Target::Conversation(direct), "")
    };
    h.append(a, recall).await.unwrap();
    assert!(h.reads(a, recalled).await && !h.reads(b, recalled).await);
    assert_eq!(h.list(direct, wanted(10)).await, (vec![1], false));
    let later = START_MS + 3 * ORPHAN_MS;
    assert!(h.sweep_blobs(later).await > 0);
    for (blob, is_there) in [(kept, true), (recalled, false), (unused, false)] {
        assert_eq!(h.reads(a, blob).await, is_there, "{blob}");
    }
    assert_eq!(h.store.garbage(TENANT, 10).await.unwrap().len(), 3);
    let h = h.reopen().await;
    assert!(h.reads(b, kept).await);
    assert_eq!(h.sweep_blobs(later + 100 * ORPHAN_MS).await, 0);
}

pub(crate) async fn blobs_of_a_conversation_are_listed_downwards(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let (to, direct) = (Target::Direct(b), ConversationId::direct(a, b));
    for hash in 1..=5 {
        let blob = h.have(a, hash).await;
        h.append(a, h.with_blobs(to, &[blob])).await.unwrap();
    }
    assert_eq!(h.list(direct, wanted(2)).await, (vec![5, 4], true));
    let page = h.store.blobs_of(TENANT, direct, wanted(2)).await.unwrap();
    let next = BlobsWanted {
        before: page.next,
        ..wanted(10)
    };
    assert_eq!(h.list(direct, next).await, (vec![3, 2, 1], false));
    let named = BlobsWanted {
        name: "roof 2".to_owned(),
        ..wanted(10)
    };
    assert_eq!(h.list(direct, named).await, (vec![2], false));
    let typed = BlobsWanted {
        media_type: "video/".to_owned(),
        ..wanted(10)
    };
    assert_eq!(h.list(direct, typed).await, (vec![], false));
    let some = BlobsWanted {
        first: 2,
        last: 3,
        ..wanted(10)
    };
    assert_eq!(h.list(direct, some).await, (vec![3, 2], false));
}
