//! What a power cut leaves of the last batch: any part of it.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use eim_codec::id::ConversationId;
use eim_server::random::Random as _;
use eim_server::store::{Store as _, Target};

use crate::embedded_only::{copy_folder, open};
use crate::harness::{ALL, Disk, Harness, TENANT, origin};

const PAGE: u64 = 4096;

/// A folder with the messages 1 to `messages`, each larger than some pages, as if the process had
/// ended at once. Returns where the octets of the journal end after each.
async fn left_behind(messages: u64) -> (tempfile::TempDir, Vec<u64>) {
    let h = Harness::new(Disk::embedded()).await;
    let [a, b] = h.users([1, 2]).await;
    let mut ends = Vec::new();
    for _ in 0..messages {
        h.say(a, Target::Direct(b), &noise()).await;
        ends.push(written(&journal(h.folder())));
    }
    let copy = tempfile::tempdir().unwrap();
    copy_folder(h.folder(), copy.path());
    (copy, ends)
}

/// 30,000 letters that do not compress much.
fn noise() -> String {
    let mut octets = vec![0; 30_000];
    eim_server::random::SystemRandom.fill(&mut octets);
    octets
        .iter()
        .map(|octet| char::from(b'a' + octet % 26))
        .collect()
}

fn journal(folder: &Path) -> PathBuf {
    let engine = fs::read_dir(folder.join("engine")).unwrap();
    let mut journals: Vec<PathBuf> = engine
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jnl"))
        .collect();
    assert_eq!(journals.len(), 1, "{journals:?}");
    journals.remove(0)
}

/// Where the last octet of a journal is; the rest is zeros.
fn written(journal: &Path) -> u64 {
    let octets = fs::read(journal).unwrap();
    octets.iter().rposition(|&octet| octet != 0).unwrap() as u64 + 1
}

/// One page that never reached the disk, in the middle of the message that ends there.
fn lose_a_page(folder: &Path, end: u64) {
    let mut file = File::options().write(true).open(journal(folder)).unwrap();
    let page = (end - 16_000) / PAGE * PAGE;
    file.seek(SeekFrom::Start(page)).unwrap();
    file.write_all(&[0; PAGE as usize]).unwrap();
}

/// The page was of the batch that nobody was answered for: the rest is there, and goes on.
#[tokio::test]
async fn a_batch_with_a_hole_at_the_end_is_dropped() {
    let (folder, ends) = left_behind(3).await;
    lose_a_page(folder.path(), ends[2]);
    let store = open(folder.path()).unwrap();
    let h = Harness::new(Disk::memory()).await;
    let [a, b] = [1, 2].map(crate::harness::user);
    let id = ConversationId::direct(a, b);
    let log = store
        .history(TENANT, id, 1, u64::MAX, false, ALL, usize::MAX, 0)
        .await
        .unwrap();
    assert!(log.entries.iter().map(|entry| entry.conv_seq).eq(1..=2));
    let mut next = h.text(Target::Direct(b), "next");
    next.client_msg_id = [0xEE; 16].into();
    let appended = store.append(origin(a), vec![next]).await.unwrap().remove(0);
    assert_eq!(appended.unwrap().conv_seq, 3);
    store.close().await;
    open(folder.path()).unwrap().close().await;
}

/// A page that others were synced after was durable: this is no power cut, and dropping what
/// follows would lose what was acknowledged.
#[tokio::test]
async fn a_hole_before_the_end_is_an_error() {
    // Several times: where the hole lies in what the engine has compressed decides what it makes of it.
    for _ in 0..3 {
        let (folder, ends) = left_behind(3).await;
        lose_a_page(folder.path(), ends[1]);
        let before = fs::read(journal(folder.path())).unwrap();
        let error = open(folder.path()).unwrap_err();
        assert!(error.to_string().contains("Journal"), "{error}");
        assert!(
            before == fs::read(journal(folder.path())).unwrap(),
            "nothing was cut off"
        );
    }
}
