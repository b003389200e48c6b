//! A server's end of a connection that loses one frame after a session was resumed, and counts as
//! if it had not: the frames after a lost sequenced one are renumbered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Buf as _, Bytes, BytesMut};
use eim_codec::payload::{AuthOk, SessionOutcome};
use eim_codec::registry::FrameType;
use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf, split};

use crate::seed::Dice;

/// Octets of a frame header.
const HEADER: usize = 11;
/// Where the sequence number stands in it.
const SEQUENCE: std::ops::Range<usize> = 2..6;

/// What is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    /// The first results.
    Results,
    /// The first sequenced frame to the device.
    Push,
    /// The first sequenced frame from the device.
    Message,
}

/// Puts the fault between the network and the server. Gives back the server's end.
pub(super) fn wrap(far: DuplexStream, buffer: usize, mut dice: Dice) -> DuplexStream {
    let all = [Loss::Results, Loss::Push, Loss::Message];
    let loss = dice.pick(&all).copied().unwrap_or(Loss::Results);
    let (server, near) = tokio::io::duplex(buffer);
    let (from_server, to_server) = split(near);
    let (from_device, to_device) = split(far);
    let resumed = Arc::new(AtomicBool::new(false));
    let down = Way::new(Arc::clone(&resumed), true, loss);
    let up = Way::new(resumed, false, loss);
    tokio::spawn(pump(from_server, to_device, down));
    tokio::spawn(pump(from_device, to_server, up));
    server
}

/// One direction.
#[derive(Debug)]
struct Way {
    resumed: Arc<AtomicBool>,
    down: bool,
    loss: Loss,
    lost: bool,
}

impl Way {
    const fn new(resumed: Arc<AtomicBool>, down: bool, loss: Loss) -> Self {
        Self {
            resumed,
            down,
            loss,
            lost: false,
        }
    }

    /// What becomes of a whole frame; `None` when it is lost.
    fn pass(&mut self, mut frame: BytesMut) -> Option<Bytes> {
        let kind = FrameType(frame.get(1).copied().unwrap_or(0));
        let sequence = frame.get(SEQUENCE).map_or(0, |mut octets| octets.get_u32());
        if self.down && kind == FrameType::AUTH_OK {
            let opened = AuthOk::decode(frame.get(HEADER..).unwrap_or_default());
            let resumed = opened.is_ok_and(|ok| ok.outcome() == SessionOutcome::Resumed);
            self.resumed.store(resumed, Ordering::Relaxed);
            return Some(frame.freeze());
        }
        if !self.resumed.load(Ordering::Relaxed) {
            return Some(frame.freeze());
        }
        let hit = match self.loss {
            Loss::Results => self.down && kind == FrameType::ACK,
            Loss::Push => self.down && sequence != 0,
            Loss::Message => !self.down && sequence != 0,
        };
        if !hit {
            return Some(frame.freeze());
        }
        if !self.lost {
            self.lost = true;
            return None;
        }
        if sequence != 0
            && let Some(octets) = frame.get_mut(SEQUENCE)
        {
            let before = if sequence == 1 {
                u32::MAX
            } else {
                sequence - 1
            };
            octets.copy_from_slice(&before.to_be_bytes());
        }
        Some(frame.freeze())
    }
}

async fn pump(mut from: ReadHalf<DuplexStream>, mut to: WriteHalf<DuplexStream>, mut way: Way) {
    let mut read = BytesMut::new();
    loop {
        while let Some(frame) = whole(&mut read) {
            if let Some(frame) = way.pass(frame)
                && to.write_all(&frame).await.is_err()
            {
                return;
            }
        }
        if !matches!(from.read_buf(&mut read).await, Ok(count) if count > 0) {
            // The other side may be gone as well.
            let _ = to.shutdown().await;
            return;
        }
    }
}

/// Takes the frame at the beginning of `read`, once it is whole.
fn whole(read: &mut BytesMut) -> Option<BytesMut> {
    let length = read.get(7..HEADER)?.get_u32();
    let octets = HEADER.checked_add(usize::try_from(length).ok()?)?;
    (octets <= read.len()).then(|| read.split_to(octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: FrameType, sequence: u32, payload: &[u8]) -> Vec<u8> {
        let mut octets = vec![1, kind.0];
        octets.extend(sequence.to_be_bytes());
        octets.push(0);
        octets.extend(u32::try_from(payload.len()).unwrap().to_be_bytes());
        octets.extend(payload);
        octets
    }

    fn auth_ok(outcome: SessionOutcome) -> Vec<u8> {
        let ok = AuthOk {
            outcome: outcome.into(),
            ..AuthOk::default()
        };
        frame(FrameType::AUTH_OK, 0, &ok.encode_to_vec())
    }

    /// What arrives at the device of what the server wrote.
    async fn down(loss: Loss, written: &[Vec<u8>]) -> Vec<u8> {
        let (server, near) = tokio::io::duplex(1 << 16);
        let (mut device, far) = tokio::io::duplex(1 << 16);
        let (from, _keep) = split(near);
        let (_keep_too, to) = split(far);
        let way = Way::new(Arc::default(), true, loss);
        let pumping = tokio::spawn(pump(from, to, way));
        let mut server = server;
        server.write_all(&written.concat()).await.unwrap();
        server.shutdown().await.unwrap();
        pumping.await.unwrap();
        drop(_keep_too);
        let mut arrived = Vec::new();
        device.read_to_end(&mut arrived).await.unwrap();
        arrived
    }

    #[tokio::test]
    async fn one_frame_is_lost_and_the_rest_renumbered() {
        let resumed = auth_ok(SessionOutcome::Resumed);
        let ack = frame(FrameType::ACK, 0, b"a");
        let push = |sequence| frame(FrameType::TEXT, sequence, b"x");
        let written = [resumed.clone(), push(1), ack.clone(), push(2), push(3)];
        let expected = [resumed.clone(), ack.clone(), push(1), push(2)].concat();
        assert_eq!(down(Loss::Push, &written).await, expected);
        let expected = [resumed, push(1), push(2), push(3)].concat();
        assert_eq!(down(Loss::Results, &written).await, expected);
    }

    #[tokio::test]
    async fn a_fresh_session_loses_nothing() {
        let written = [
            auth_ok(SessionOutcome::Fresh),
            frame(FrameType::ACK, 0, b"a"),
            frame(FrameType::TEXT, 1, b"x"),
        ];
        for loss in [Loss::Results, Loss::Push, Loss::Message] {
            assert_eq!(down(loss, &written).await, written.concat());
        }
    }
}
