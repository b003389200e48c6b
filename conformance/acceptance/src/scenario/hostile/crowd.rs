//! Crowds: many peers that do nothing wrong except being there.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use eim_codec::payload::{Send, send};
use eim_codec::registry::FrameType;
use socket2::{Domain, Socket, Type};

use crate::Failure;
use crate::scenario::hostile::peer::Peer;

/// Opens `count` connections that never say anything, from several loopback addresses so that the
/// cap of one address does not hold them off. The server may refuse or close any of them.
pub(crate) fn silent(address: SocketAddr, count: u32) -> Result<Vec<TcpStream>, Failure> {
    let mut crowd = Vec::new();
    for number in 0..count {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        let host = 2 + u8::try_from(number / 200 % 250).unwrap_or(0);
        socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 0, 1, host), 0)).into())?;
        if socket.connect(&address.into()).is_ok() {
            crowd.push(socket.into());
        }
    }
    Ok(crowd)
}

/// A peer that logs in and never reads again; what it is sent must not cost the server memory.
/// Returns its socket, to be held.
pub(crate) fn deaf(
    address: SocketAddr,
    user: &str,
    password: &str,
) -> Result<(TcpStream, Vec<u8>), Failure> {
    let peer = Peer::open(address, user, password)?;
    let id = peer.user().to_vec();
    Ok((peer.into_stream(), id))
}

/// Sends `count` messages of `octets` to a user, 32 in flight.
pub(crate) fn flood(
    address: SocketAddr,
    from: (&str, &str),
    to: &[u8],
    count: u32,
    octets: usize,
) -> Result<(), Failure> {
    let mut peer = Peer::open(address, from.0, from.1)?;
    let mut text = vec![0x0A, (octets & 0x7F) as u8 | 0x80, (octets >> 7) as u8];
    text.resize(octets + 3, b'x');
    let mut sent = 0;
    let mut answered = 0;
    while answered < count {
        while sent < count && sent - answered < 32 {
            sent += 1;
            let message = Send {
                target: Some(send::Target::DirectTo(to.to_vec().into())),
                client_msg_id: message_id(sent).into(),
                body: text.clone().into(),
                ..Send::default()
            };
            peer.send(FrameType::TEXT, sent, &message)?;
        }
        answered += results(&mut peer)?;
    }
    Ok(())
}

/// Reads one ACK and returns how many results it holds; all must be good.
fn results(peer: &mut Peer) -> Result<u32, Failure> {
    use eim_codec::payload::Ack;
    use prost::Message as _;
    let frame = peer.read_until(FrameType::ACK)?;
    let ack = Ack::decode(&frame.payload[..]).map_err(|e| Failure::Run(e.to_string()))?;
    if let Some(error) = ack.results.iter().find_map(|result| result.error.as_ref()) {
        return Err(Failure::Run(format!(
            "a message of the flood was refused: {error:?}"
        )));
    }
    Ok(ack.results.len() as u32)
}

fn message_id(number: u32) -> Vec<u8> {
    let mut id = vec![0x01, 0x93, 0x11, 0x11, 0x11, 0x11, 0x70, 0, 0x80, 0, 0, 0];
    id.extend_from_slice(&number.to_be_bytes());
    id
}
