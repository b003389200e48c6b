//! What becomes of fragmented messages that cannot be had.

use bytes::Bytes;
use eim_codec::CompressionSet;
use eim_codec::fragment::{
    First, Fragment, FragmentError, Reassembler, ReassemblerLimits, Reassembly,
};
use eim_codec::registry::{Compression, Direction, ErrorCode, FrameType};

fn first(id: u32, inner_type: FrameType, total: u32, octets: usize) -> Fragment {
    let first = First {
        inner_type,
        compression: Compression::NONE,
        total,
        uncompressed: total,
    };
    Fragment {
        id,
        offset: 0,
        first: Some(first),
        data: Bytes::from(vec![1; octets]),
    }
}

fn later(id: u32, offset: u32, octets: usize) -> Fragment {
    Fragment {
        id,
        offset,
        first: None,
        data: Bytes::from(vec![2; octets]),
    }
}

fn accept(to: &mut Reassembler, fragment: Fragment) -> Result<Reassembly, FragmentError> {
    to.accept(fragment, Direction::Client, CompressionSet::NONE)
}

// verify[EIM-FRG-018, EIM-FRG-020, EIM-FRG-023]
// test[EIM-FRG-023]
#[test]
fn a_message_beyond_its_cap_fails_alone_at_its_last_fragment() {
    let mut reassembler = Reassembler::new(ReassemblerLimits::default());
    let cap = FrameType::TEXT.max_octets();
    let more = accept(&mut reassembler, first(7, FrameType::TEXT, cap + 1, 40_000));
    assert_eq!(more, Ok(Reassembly::More { id: 7 }));
    assert_eq!(reassembler.reserved(), 0, "nothing is reserved for it");
    // Its later fragments are still checked.
    let gap = accept(&mut reassembler.clone(), later(7, 40_001, 1));
    assert_eq!(
        gap,
        Err(FragmentError::Offset {
            got: 40_001,
            expected: 40_000
        })
    );
    let failed = accept(&mut reassembler, later(7, 40_000, 961));
    let (id, inner_type, code) = (7, FrameType::TEXT, ErrorCode::MESSAGE_TOO_LARGE);
    assert_eq!(
        failed,
        Ok(Reassembly::Failed {
            id,
            inner_type,
            code
        })
    );
    assert_eq!(reassembler.open(), 0);
}

// verify[EIM-FRG-019, EIM-FRG-021]
// test[EIM-FRG-018, EIM-FRG-019]
#[test]
fn a_message_without_room_is_overloaded_and_room_comes_back() {
    let mut reassembler = Reassembler::new(ReassemblerLimits::new(4, 1000));
    accept(&mut reassembler, first(1, FrameType::CUSTOM, 600, 1)).unwrap();
    accept(&mut reassembler, first(2, FrameType::CUSTOM, 401, 1)).unwrap();
    assert_eq!(reassembler.reserved(), 600);
    let failed = accept(&mut reassembler, later(2, 1, 400)).unwrap();
    assert!(matches!(
        failed,
        Reassembly::Failed {
            code: ErrorCode::OVERLOADED,
            ..
        }
    ));
    reassembler.cancel(1).unwrap();
    assert_eq!(reassembler.reserved(), 0);
    accept(&mut reassembler, first(3, FrameType::CUSTOM, 1000, 1)).unwrap();
    assert_eq!(reassembler.reserved(), 1000);
}

// verify[EIM-FRG-019]
#[test]
fn a_compressed_message_reserves_both_sizes() {
    let mut reassembler = Reassembler::new(ReassemblerLimits::default());
    let mut fragment = first(1, FrameType::CUSTOM, 100, 4);
    fragment.first = fragment.first.map(|first| First {
        compression: Compression::LZ4,
        uncompressed: 900,
        ..first
    });
    let lz4 = CompressionSet::NONE.with(Compression::LZ4);
    reassembler
        .accept(fragment, Direction::Client, lz4)
        .unwrap();
    assert_eq!(reassembler.reserved(), 1000);
}

// verify[EIM-FRG-025]
#[test]
fn failed_messages_count_as_open() {
    let mut reassembler = Reassembler::new(ReassemblerLimits::new(2, 10));
    accept(&mut reassembler, first(1, FrameType::CUSTOM, 10, 1)).unwrap();
    accept(&mut reassembler, first(2, FrameType::CUSTOM, 10, 1)).unwrap();
    let third = accept(&mut reassembler, first(3, FrameType::CUSTOM, 10, 1)).unwrap_err();
    assert_eq!(third, FragmentError::TooMany { max: 2 });
    assert_eq!(third.code(), ErrorCode::TOO_MANY_FRAGMENTS);
}

// verify[EIM-FRG-033, EIM-FRG-035]
#[test]
fn a_cancelled_message_is_gone() {
    let mut reassembler = Reassembler::new(ReassemblerLimits::default());
    accept(&mut reassembler, first(1, FrameType::CUSTOM, 10, 1)).unwrap();
    assert_eq!(reassembler.cancel(1), Ok(()));
    assert_eq!((reassembler.open(), reassembler.reserved()), (0, 0));
    assert_eq!(reassembler.cancel(1), Err(FragmentError::NotOpen { id: 1 }));
    assert_eq!(
        accept(&mut reassembler, later(1, 1, 1)),
        Err(FragmentError::NotOpen { id: 1 })
    );
}

// verify[EIM-FRG-037]
#[test]
fn a_new_session_begins_with_nothing() {
    let mut reassembler = Reassembler::new(ReassemblerLimits::default());
    accept(&mut reassembler, first(1, FrameType::CUSTOM, 10, 1)).unwrap();
    reassembler.clear();
    assert_eq!((reassembler.open(), reassembler.reserved()), (0, 0));
    accept(&mut reassembler, first(1, FrameType::CUSTOM, 10, 1)).unwrap();
}

// test[EIM-FRG-009, EIM-FRG-013, EIM-FRG-014, EIM-FRG-015]
#[test]
fn of_several_faults_the_first_in_order_is_reported() {
    let mut reassembler = Reassembler::new(ReassemblerLimits::default());
    accept(&mut reassembler, first(1, FrameType::CUSTOM, 10, 1)).unwrap();
    let faulty = |id, inner_type| {
        let mut fragment = first(id, inner_type, 10, 1);
        fragment.first = fragment.first.map(|first| First {
            compression: Compression(9),
            ..first
        });
        fragment
    };
    let mut refused = |fragment| accept(&mut reassembler, fragment).unwrap_err();
    // NOTICE comes from servers only.
    let open = refused(faulty(1, FrameType::NOTICE));
    assert_eq!(open, FragmentError::Open { id: 1 });
    let control = refused(faulty(2, FrameType::PING));
    assert_eq!(control, FragmentError::InnerType(FrameType::PING));
    let direction = refused(faulty(2, FrameType::NOTICE));
    assert_eq!(direction, FragmentError::Direction(FrameType::NOTICE));
    assert_eq!(direction.code(), ErrorCode::UNEXPECTED_FRAME);
    assert_eq!(
        refused(faulty(2, FrameType::CUSTOM)).code(),
        ErrorCode::UNKNOWN_COMPRESSION
    );
}
