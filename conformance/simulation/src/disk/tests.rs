//! What crashes and faults do to the disk of the server, against a naive idea of durability.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eim_server::store::engine::{Batch, Order, Reader, Space};
use proptest::prelude::*;
use tokio::time::timeout;

use super::{Disk, record};
use crate::observation::Observation;
use crate::plan::{DeviceNumber, DiskConfig, DiskFault, Range};
use crate::run::{Judge, Violation};
use crate::seed::Dice;
use crate::world::{Life, Recorder};

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// Applies what it is told to be durable.
struct Told(Arc<Mutex<Map>>);

impl Judge for Told {
    fn saw(&mut self, _: Duration, _: &Observation, _: &mut Vec<Violation>) {}

    fn server_durable(&mut self, _: Duration, batch: &Batch, _: &mut Vec<Violation>) {
        apply(&mut self.0.lock().unwrap(), batch);
    }

    fn device_durable(
        &mut self,
        _: Duration,
        _: DeviceNumber,
        _: &eim_client::store::Batch,
        _: &eim_client::store::Applied,
        _: &mut Vec<Violation>,
    ) {
    }

    fn gauge(&mut self, _: Duration, _: &'static str, _: u64, _: u64, _: &mut Vec<Violation>) {}

    fn end(&mut self, _: Duration, _: &mut Vec<Violation>) {}
}

fn apply(map: &mut Map, batch: &Batch) {
    for (_, key, value) in batch.iter() {
        match value {
            Some(value) => map.insert(key.to_vec(), value.to_vec()),
            None => map.remove(key),
        };
    }
}

fn all(reader: &dyn Reader) -> Map {
    let mut map = Map::new();
    let mut visit = |key: &[u8], value: &[u8]| {
        map.insert(key.to_vec(), value.to_vec());
        Ok(std::ops::ControlFlow::Continue(()))
    };
    reader
        .scan(Space::Log, &[], &[0xFF; 8], Order::Ascending, &mut visit)
        .unwrap();
    map
}

fn disk(survives_permille: u64, torn_permille: u64) -> (Disk, Arc<Mutex<Map>>) {
    let config = DiskConfig {
        sync_us: Range {
            low: 100,
            high: 4_000,
        },
        survives_permille,
        torn_permille,
    };
    let told = Arc::new(Mutex::new(Map::new()));
    let recorder = Recorder::new(Box::new(Told(Arc::clone(&told))));
    (Disk::new(config, Dice::new(5), recorder), told)
}

fn virtually<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(test)
}

/// Writes keys to lengths of values; none removes.
type Writes = Vec<(u8, Option<u16>)>;

fn batch(writes: &Writes) -> Batch {
    let mut batch = Batch::default();
    for (key, length) in writes {
        match length {
            Some(length) => batch.put(Space::Log, &[*key], &vec![*key; usize::from(*length)]),
            None => batch.delete(Space::Log, &[*key]),
        }
    }
    batch
}

/// A commit, and after how long a crash comes if it is not over by then.
#[derive(Clone, Debug)]
struct Act {
    writes: Writes,
    crash_after_us: Option<u64>,
    fault: Option<DiskFault>,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let fault = prop_oneof![
        Just(DiskFault::SyncFails),
        (0..20_u64, 1..50_u64).prop_map(|(by_ms, for_ms)| DiskFault::Slow { by_ms, for_ms }),
        (1..8_u64).prop_map(|for_ms| DiskFault::Full { for_ms }),
    ];
    let write = (0..12_u8, prop::option::weighted(0.8, 0..2_000_u16));
    let act = (
        prop::collection::vec(write, 1..6),
        prop::option::weighted(0.5, 0..6_000_u64),
        prop::option::weighted(0.2, fault),
    );
    let act = act.prop_map(|(writes, crash_after_us, fault)| Act {
        writes,
        crash_after_us,
        fault,
    });
    prop::collection::vec(act, 1..40)
}

/// What was answered stays; what was not is there as a whole or not at all; readers and the
/// recorder see what is durable, and nothing else.
async fn play(acts: Vec<Act>, survives: u64, torn: u64) {
    let (disk, told) = disk(survives, torn);
    let mut dice = Dice::new(3);
    let mut life = Life::new();
    let mut engine = disk.engine(&life);
    let mut durable = Map::new();
    for act in acts {
        if let Some(fault) = act.fault {
            disk.fault(fault);
        }
        let batch = batch(&act.writes);
        let mut after = durable.clone();
        apply(&mut after, &batch);
        let patience = act
            .crash_after_us
            .map_or(Duration::MAX, Duration::from_micros);
        let outcome = timeout(patience, engine.commit(&batch)).await;
        if matches!(outcome, Ok(Ok(()))) {
            durable = after;
        } else {
            assert_eq!(all(&*engine), durable, "seen before it is durable");
            if outcome.is_ok() {
                engine
                    .commit(&batch)
                    .await
                    .expect_err("a failed disk goes on");
            }
            // The process has to end, and the machine may with it.
            life.end();
            disk.crash(&mut dice);
            disk.heal();
            life = Life::new();
            engine = disk.engine(&life);
            if all(&*engine) == after {
                durable = after;
            }
        }
        assert_eq!(all(&*engine), durable);
        assert_eq!(all(&disk.snapshot()), durable);
        assert_eq!(*told.lock().unwrap(), durable);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_answered_stays(
        acts in acts(),
        survives in prop_oneof![Just(0), Just(1000), 0..1000_u64],
        torn in 0..=1000_u64,
    ) {
        virtually(play(acts, survives, torn));
    }
}

#[test]
fn no_part_of_a_record_reads_as_one() {
    let whole = record::encode(&batch(&vec![(1, Some(40)), (2, None), (3, Some(0))]));
    let (writes, length) = record::decode(&whole).unwrap();
    assert_eq!((writes.len(), length), (3, whole.len()));
    for cut in 0..whole.len() {
        assert!(
            record::decode(&whole.slice(..cut)).is_none(),
            "cut at {cut}"
        );
    }
    for at in 0..whole.len() {
        let mut garbled = whole.to_vec();
        garbled[at] ^= 0x10;
        assert!(record::decode(&garbled.into()).is_none(), "garbled at {at}");
    }
    assert!(record::decode(&vec![0; 600].into()).is_none(), "zeros");
}

#[test]
fn a_torn_record_is_cut_off_and_written_over() {
    virtually(async {
        let mut torn = 0;
        for seed in 0..200 {
            let (disk, told) = disk(0, 1000);
            let mut life = Life::new();
            let mut engine = disk.engine(&life);
            engine.commit(&batch(&vec![(1, Some(9))])).await.unwrap();
            let lost = batch(&vec![(2, Some(1_500))]);
            let cut = timeout(Duration::from_micros(50), engine.commit(&lost)).await;
            assert!(cut.is_err());
            life.end();
            disk.crash(&mut Dice::new(seed));
            torn += usize::from(disk.state().torn());
            life = Life::new();
            engine = disk.engine(&life);
            assert_eq!(all(&*engine).len(), 1, "seed {seed}");
            engine.commit(&batch(&vec![(3, Some(9))])).await.unwrap();
            disk.crash(&mut Dice::new(seed));
            let engine = disk.engine(&Life::new());
            assert_eq!(all(&*engine).into_keys().collect::<Vec<_>>(), [[1], [3]]);
            assert_eq!(all(&*engine), *told.lock().unwrap());
        }
        assert!(torn > 150, "{torn} of 200 were torn");
    });
}

#[test]
fn an_engine_of_an_earlier_process_writes_nothing() {
    virtually(async {
        let (disk, _) = disk(0, 0);
        let old = disk.engine(&Life::new());
        let new = disk.engine(&Life::new());
        old.commit(&batch(&vec![(1, Some(1))])).await.unwrap_err();
        assert!(all(&*new).is_empty());
        new.commit(&batch(&vec![(2, Some(1))])).await.unwrap();
    });
}

#[test]
fn readers_keep_their_view() {
    virtually(async {
        let (disk, _) = disk(0, 0);
        let engine = disk.engine(&Life::new());
        engine.commit(&batch(&vec![(1, Some(1))])).await.unwrap();
        let view = engine.reader();
        engine
            .commit(&batch(&vec![(1, None), (2, Some(1))]))
            .await
            .unwrap();
        assert_eq!(all(&*view).into_keys().collect::<Vec<_>>(), [[1]]);
        assert_eq!(all(&*engine).into_keys().collect::<Vec<_>>(), [[2]]);
    });
}
