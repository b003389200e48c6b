//! `FrameCodec` in `Framed`.

use bytes::Bytes;
use eim_codec::registry::{Compression, ErrorCode, FrameType};
use eim_codec::tokio::{FrameCodec, FrameCodecError};
use eim_codec::{DecoderLimits, Frame};
use tokio::io::AsyncWriteExt;
use tokio_util::bytes::BytesMut;
use tokio_util::codec::{Decoder, Encoder};

fn ping() -> Frame {
    Frame {
        version: 1,
        frame_type: FrameType::PING,
        sequence: 0,
        compression: Compression::NONE,
        payload: Bytes::from_static(&[8, 7]),
    }
}

#[test]
fn frames_go_in_and_come_out() {
    let mut codec = FrameCodec::new(DecoderLimits::default());
    let mut octets = BytesMut::new();
    codec.encode(ping(), &mut octets).unwrap();
    codec.encode(ping(), &mut octets).unwrap();
    let mut tail = octets.split_off(20);
    assert_eq!(codec.decode(&mut octets).unwrap(), Some(ping()));
    assert_eq!(codec.decode(&mut octets).unwrap(), None);
    assert_eq!(codec.decode(&mut tail).unwrap(), Some(ping()));
    assert_eq!(codec.decode_eof(&mut tail).unwrap(), None);
}

#[test]
fn what_is_rejected_and_what_is_cut_off_are_errors() {
    let mut codec = FrameCodec::new(DecoderLimits::default());
    let mut octets = BytesMut::from(&[1, 8, 0][..]);
    assert!(matches!(
        codec.decode_eof(&mut octets),
        Err(FrameCodecError::Io(_))
    ));
    let mut codec = FrameCodec::new(DecoderLimits::default());
    let mut octets = BytesMut::from(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..]);
    let rejected = codec.decode(&mut octets).unwrap_err();
    assert!(matches!(
        rejected,
        FrameCodecError::Rejected(rejected) if rejected.code == ErrorCode::INVALID_TYPE
    ));
}

#[tokio::test]
async fn framed_reads_a_stream() {
    use futures_util::StreamExt;
    let (mut near, far) = tokio::io::duplex(5);
    let mut codec = FrameCodec::new(DecoderLimits::default());
    let mut octets = BytesMut::new();
    codec.encode(ping(), &mut octets).unwrap();
    let mut framed = tokio_util::codec::Framed::new(far, codec);
    let write = async {
        near.write_all(&octets).await.unwrap();
        drop(near);
    };
    let read = async { (framed.next().await, framed.next().await.is_none()) };
    let ((), (frame, ended)) = tokio::join!(write, read);
    assert_eq!(frame.unwrap().unwrap(), ping());
    assert!(ended);
}
