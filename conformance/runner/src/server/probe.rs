//! Whether a server has its turns: it answers HELLO, on a connection beside those of the case.

use std::future::Future;
use std::pin::Pin;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::live::context::Context;
use crate::live::steps::connect::fields;
use crate::wire::Side;
use crate::wire::frame::Frame;
use crate::wire::json::encode;

/// Waits for any answer to HELLO; a server that is not there has nothing to answer.
pub fn probe(cx: &mut Context) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
    Box::pin(async {
        let _ = answered(cx).await;
    })
}

async fn answered(cx: &Context) -> Option<()> {
    // TLS and WebSocket answer these octets too, by refusing them.
    let known = &cx.endpoints.addresses;
    let transports = ["tcp", "ws", "tls", "wss"];
    let address = transports.iter().find_map(|name| known.get(*name))?;
    let host = address.split('/').next()?;
    let kind = cx.protocol().frame_number(&"HELLO".into()).ok()?;
    let hello = fields(&json!("5a".repeat(32)));
    let payload = encode(cx.protocol(), kind, Side::Client, &hello).ok()?;
    let mut tcp = TcpStream::connect(host).await.ok()?;
    let octets = Frame::new(kind, payload).encode();
    tcp.write_all(&octets).await.ok()?;
    let mut answer = [0; 64];
    // An end is an answer too.
    let _octets: usize = tcp.read(&mut answer).await.ok()?;
    Some(())
}
