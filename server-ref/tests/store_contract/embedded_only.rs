//! What only the embedded store has: a folder.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use eim_codec::id::ConversationId;
use eim_server::store::embedded::{self, EmbeddedOptions, FolderError, OpenError};
use eim_server::store::kv::{Environment, KvStore, Options};
use eim_server::store::{Store, Target, TimelinePage};

use crate::harness::{ALL, Disk, Harness, Recorder, TENANT, origin};

pub(crate) fn open(folder: &Path) -> Result<KvStore, OpenError> {
    embedded::open(
        folder,
        &EmbeddedOptions::default(),
        Options::default(),
        Environment::system(),
        Arc::new(Recorder::default()),
    )
}

#[tokio::test]
async fn a_second_opening_is_refused_by_name() {
    let h = Harness::new(Disk::embedded()).await;
    let error = open(h.folder()).expect_err("the folder is in use");
    assert!(
        matches!(error, OpenError::Folder(FolderError::Locked { .. })),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(text.contains("another process has it open"), "{text}");
    assert!(text.contains(&h.folder().display().to_string()), "{text}");
    h.store.close().await;
    open(h.folder()).unwrap().close().await;
}

#[tokio::test]
async fn foreign_folders_and_formats_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("holiday.jpg"), "x").unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(
        matches!(error, OpenError::Folder(FolderError::NotAStore { .. })),
        "{error:?}"
    );

    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).unwrap().close().await;
    assert_eq!(
        fs::read_to_string(folder.path().join("FORMAT")).unwrap(),
        "eim-store 1\n"
    );
    for other in ["eim-store 2\n", "eim-store 11\n", "", "1"] {
        fs::write(folder.path().join("FORMAT"), other).unwrap();
        let error = open(folder.path()).unwrap_err();
        assert!(
            matches!(error, OpenError::Folder(FolderError::Format { .. })),
            "{error:?}"
        );
    }
}

/// The process ends at any time: what is in the files then, without anything being closed, has
/// every answered message and no half of any.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_the_open_folder_has_everything_answered() {
    let h = Harness::new(Disk::embedded()).await;
    let [a, b] = h.users([1, 2]).await;
    let id = ConversationId::direct(a, b);
    for round in 0..8_u64 {
        for _ in 0..20 {
            let batch = (0..10).map(|_| h.text(Target::Direct(b), "x")).collect();
            h.store.append(origin(a), batch).await.unwrap();
        }
        let answered = (round + 1) * 200;
        // More is under way while the folder is copied.
        let store = Arc::clone(&h.store);
        let extra: Vec<_> = (0..50).map(|_| h.text(Target::Direct(a), "note")).collect();
        let writing = tokio::spawn(async move { store.append(origin(a), extra).await });
        let copy = tempfile::tempdir().unwrap();
        copy_folder(h.folder(), copy.path());
        writing.await.unwrap().unwrap();

        let copied = open(copy.path()).unwrap();
        let log = copied
            .history(TENANT, id, 1, u64::MAX, false, ALL, usize::MAX, 0)
            .await
            .unwrap();
        assert!(
            log.entries
                .iter()
                .map(|entry| entry.conv_seq)
                .eq(1..=answered)
        );
        let epoch = copied.log_epoch();
        assert_eq!(epoch, h.store.log_epoch());
        for user in [a, b] {
            let page = copied
                .timeline(TENANT, user, epoch, 0, ALL, usize::MAX)
                .await
                .unwrap();
            let TimelinePage::Entries { items, head, .. } = page else {
                panic!("{page:?}")
            };
            assert!(items.iter().map(|item| item.user_seq).eq(1..=head));
            assert!(head >= answered);
        }
        let next = h.text(Target::Direct(b), "x");
        let appended = copied
            .append(origin(a), vec![next])
            .await
            .unwrap()
            .remove(0)
            .unwrap();
        assert_eq!(appended.conv_seq, answered + 1);
        copied.close().await;
    }
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let to = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() {
            copy_folder(&item.path(), &to);
        } else {
            fs::copy(item.path(), to).unwrap();
        }
    }
}

/// The story of the contract, where a backup really leaves files behind.
// test[EIM-MSG-022, EIM-MSG-060]
#[tokio::test]
async fn after_a_raised_epoch_numbers_go_on_from_the_surviving_head() {
    let h = Harness::new(Disk::embedded()).await;
    crate::messages::a_raised_epoch_keeps_what_was_and_numbers_on(h).await;
}

// test[EIM-OPS-012, EIM-OPS-013, EIM-OPS-016]
#[tokio::test]
async fn operations_have_bounds_in_number_and_time() {
    crate::operations::who_may_and_how_long(Harness::new(Disk::embedded()).await).await;
}

// test[EIM-OPS-024]
#[tokio::test]
async fn reactions_have_bounds() {
    crate::operations::reactions_are_counted_once_a_user(Harness::new(Disk::embedded()).await)
        .await;
}

// test[EIM-OPS-028]
#[tokio::test]
async fn pins_have_bounds() {
    crate::operations::pins_are_listed_in_order(Harness::new(Disk::embedded()).await).await;
}

// test[EIM-OPS-008, EIM-OPS-017]
#[tokio::test]
async fn operations_are_judged_in_the_commit_and_erase_in_it() {
    crate::operations::one_batch_may_write_change_and_erase(Harness::new(Disk::embedded()).await)
        .await;
    crate::operations::a_recall_erases_the_message_and_its_edits(
        Harness::new(Disk::embedded()).await,
    )
    .await;
}

// test[EIM-DEV-008]
#[tokio::test]
async fn a_device_that_is_logged_out_writes_nothing() {
    crate::devices::logging_out_ends_tokens_and_writing(Harness::new(Disk::embedded()).await).await;
}

// test[EIM-MRK-021]
#[tokio::test]
async fn after_a_raised_epoch_marks_are_not_beyond_their_conversation() {
    let h = Harness::new(Disk::embedded()).await;
    crate::marks::marks_belong_to_an_epoch(h).await;
}

// test[EIM-CNT-018]
#[tokio::test]
async fn notices_survive_and_are_read_like_messages() {
    let h = Harness::new(Disk::embedded()).await;
    crate::contacts::a_notice_is_unread_and_nobody_sent_it(h).await;
}

// test[EIM-DIR-018, EIM-DIR-020, EIM-DIR-021]
#[tokio::test]
async fn a_group_follows_its_department() {
    crate::department_groups::a_group_follows_its_department(Harness::new(Disk::embedded()).await)
        .await;
}

// test[EIM-DIR-017]
#[tokio::test]
async fn a_group_outlives_its_department() {
    crate::department_groups::a_group_outlives_its_department(Harness::new(Disk::embedded()).await)
        .await;
}

// test[EIM-DIR-022]
#[tokio::test]
async fn nobody_changes_the_group_of_a_department() {
    crate::department_groups::nobody_changes_the_group_of_a_department(
        Harness::new(Disk::embedded()).await,
    )
    .await;
}

// test[EIM-DIR-019]
#[tokio::test]
async fn too_many_members_change_nothing() {
    crate::department_groups::too_many_members_change_nothing(Harness::new(Disk::embedded()).await)
        .await;
}

// test[EIM-DIR-023]
#[tokio::test]
async fn an_import_that_ended_early_is_completed() {
    crate::department_groups::an_import_that_ended_early_is_completed(
        Harness::new(Disk::embedded()).await,
    )
    .await;
}
