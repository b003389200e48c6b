//! Wrong implementations are found, or the simulation proves nothing.

use eim_simulation::canary::{Canary, SEEDS};

fn is_caught(canary: Canary) {
    let caught = canary.hunt(SEEDS).unwrap();
    let caught = caught.unwrap_or_else(|| panic!("{} was not caught", canary.name()));
    println!(
        "{}: seed {}: {}",
        canary.name(),
        caught.seed,
        caught.violation
    );
}

#[test]
fn what_canaries_break_are_invariants() {
    let all = eim_simulation::invariant::all();
    for canary in Canary::ALL {
        for name in canary.breaks() {
            assert!(
                all.iter().any(|invariant| invariant.name() == *name),
                "{name}"
            );
        }
    }
}

#[test]
fn a_result_before_the_commit_is_found() {
    is_caught(Canary::ResultBeforeCommit);
}

#[test]
fn a_cursor_before_the_store_is_found() {
    is_caught(Canary::CursorBeforeStore);
}

#[test]
fn an_idempotency_key_outside_the_batch_is_found() {
    is_caught(Canary::KeyOutsideBatch);
}

#[test]
fn a_resume_that_drops_a_frame_is_found() {
    is_caught(Canary::ResumeDropsFrame);
}

#[test]
fn octets_before_the_sync_are_found() {
    is_caught(Canary::OctetsBeforeSync);
}

#[test]
fn uploads_that_begin_anew_are_found() {
    is_caught(Canary::UploadsBeginAnew);
}

#[test]
fn a_push_before_the_commit_is_found() {
    is_caught(Canary::PushBeforeCommit);
}
