//! What crashes and faults do to the store of a device.

use std::time::Duration;

use eim_client::store::{Batch, Cursor, CursorChange, Store, StoreError};
use proptest::prelude::*;
use tokio::time::timeout;

use super::DeviceDisk;
use crate::plan::{DeviceNumber, DiskConfig, DiskFault, Range};
use crate::run::Nobody;
use crate::seed::Dice;
use crate::world::{Life, Recorder};

fn disk(survives_permille: u64) -> DeviceDisk {
    let config = DiskConfig {
        sync_us: Range {
            low: 100,
            high: 4_000,
        },
        survives_permille,
        torn_permille: 0,
    };
    let recorder = Recorder::new(Box::new(Nobody));
    DeviceDisk::new(DeviceNumber(0), config, Dice::new(9), recorder)
}

/// A batch whose two parts carry the same number.
fn numbered(number: u64) -> Batch {
    let cursor = Cursor {
        log_epoch: 1,
        user_seq: number,
    };
    Batch {
        cursor: Some(CursorChange::Reset(cursor)),
        checkpoints: vec![eim_client::store::Checkpoint {
            source: "numbers".to_owned(),
            place: number,
        }],
        ..Batch::default()
    }
}

/// The number that is durable, in both parts.
async fn number(store: &dyn Store) -> u64 {
    let cursor = store.load(false).await.unwrap().cursor.user_seq;
    let place = store.checkpoint("numbers").await.unwrap();
    assert_eq!(place.unwrap_or(0), cursor, "half a batch");
    cursor
}

fn virtually<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(test)
}

/// A commit, and after how long the program crashes if it is not over by then.
#[derive(Clone, Copy, Debug)]
struct Act {
    crash_after_us: Option<u64>,
    fault: Option<DiskFault>,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let fault = prop_oneof![
        Just(DiskFault::SyncFails),
        (0..20_u64, 1..50_u64).prop_map(|(by_ms, for_ms)| DiskFault::Slow { by_ms, for_ms }),
        (1..8_u64).prop_map(|for_ms| DiskFault::Full { for_ms }),
    ];
    let crash = prop::option::weighted(0.5, 0..6_000_u64);
    let act = (crash, prop::option::weighted(0.2, fault));
    let act = act.prop_map(|(crash_after_us, fault)| Act {
        crash_after_us,
        fault,
    });
    prop::collection::vec(act, 1..30)
}

/// What was answered stays; what was not is there as a whole or not at all.
async fn play(acts: Vec<Act>, survives_permille: u64) {
    let disk = disk(survives_permille);
    let mut dice = Dice::new(3);
    let mut life = Life::new();
    let mut store = disk.store(&life);
    let mut answered = 0;
    for (next, act) in (1..).zip(acts) {
        if let Some(fault) = act.fault {
            disk.fault(fault);
        }
        let patience = act
            .crash_after_us
            .map_or(Duration::MAX, Duration::from_micros);
        let outcome = timeout(patience, store.commit(numbered(next))).await;
        match outcome {
            Ok(Ok(_)) => answered = next,
            Ok(Err(ref error)) => assert!(matches!(error, StoreError::Engine(_)), "{error}"),
            Err(_) => {
                life.end();
                disk.crash(&mut dice);
                life = Life::new();
                store = disk.store(&life);
            }
        }
        let found = number(&*store).await;
        let may_survive = outcome.is_err() && found == next;
        assert!(
            found == answered || may_survive,
            "{found} after {answered}, {next}"
        );
        answered = found;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_answered_stays(acts in acts(), survives in 0..=1000_u64) {
        virtually(play(acts, survives));
    }
}

#[test]
fn a_crash_before_the_sync_loses_or_keeps_by_the_dice() {
    for (survives, expected) in [(0, 0), (1000, 1)] {
        virtually(async {
            let disk = disk(survives);
            let life = Life::new();
            let store = disk.store(&life);
            let cut = timeout(Duration::from_micros(50), store.commit(numbered(1))).await;
            assert!(cut.is_err());
            life.end();
            disk.crash(&mut Dice::new(1));
            let store = disk.store(&Life::new());
            assert_eq!(number(&*store).await, expected);
        });
    }
}

/// The other program of a device goes on where one stopped half way.
#[test]
fn one_program_writes_at_a_time() {
    virtually(async {
        let disk = disk(0);
        let (one, two) = (Life::new(), Life::new());
        let first = disk.store(&one);
        let second = disk.store(&two);
        let (a, b) = tokio::join!(first.commit(numbered(1)), second.commit(numbered(2)));
        a.unwrap();
        b.unwrap();
        assert_eq!(number(&*first).await, 2);
        let cut = timeout(Duration::from_micros(50), first.commit(numbered(3))).await;
        assert!(cut.is_err());
        one.end();
        second.commit(numbered(4)).await.unwrap();
        assert_eq!(number(&*second).await, 4);
    });
}

#[test]
fn a_program_that_is_over_stands_still() {
    virtually(async {
        let disk = disk(0);
        let life = Life::new();
        let store = disk.store(&life);
        life.end();
        let hour = Duration::from_secs(3600);
        assert!(timeout(hour, store.commit(numbered(1))).await.is_err());
        assert!(timeout(hour, store.load(true)).await.is_err());
    });
}
