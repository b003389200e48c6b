//! Crowds: many peers that do nothing wrong except being there.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};

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
pub(crate) fn deaf(address: SocketAddr, user: &str, password: &str) -> Result<TcpStream, Failure> {
    Ok(Peer::open(address, user, password)?.into_stream())
}
