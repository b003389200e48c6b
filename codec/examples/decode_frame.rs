//! Reads frames from standard input, in whatever pieces it comes, and prints them.
//!
//! ```text
//! printf '\1\10\0\0\0\0\0\0\0\0\2\10\1' | cargo run -p eim-codec --example decode_frame
//! ```

use std::error::Error;
use std::io::Read;

use bytes::Bytes;
use eim_codec::{Decoded, Decoder, DecoderLimits};

fn main() -> Result<(), Box<dyn Error>> {
    let mut decoder = Decoder::new(DecoderLimits::default());
    let mut input = std::io::stdin().lock();
    let mut read = vec![0; 64 * 1024];
    loop {
        let needed = match decoder.next()? {
            Decoded::Frame(frame) => {
                let content = frame.content()?;
                println!(
                    "{} sequence {} compression {} payload {} octets, plain {} octets",
                    frame.frame_type,
                    frame.sequence,
                    frame.compression,
                    frame.payload.len(),
                    content.len(),
                );
                continue;
            }
            Decoded::Incomplete { needed } => needed,
        };
        let octets = input.read(&mut read)?;
        if octets == 0 {
            if decoder.is_at_boundary() {
                return Ok(());
            }
            return Err(format!("the input ends inside a frame, {needed} octets missing").into());
        }
        decoder.feed(Bytes::copy_from_slice(&read[..octets]));
    }
}
