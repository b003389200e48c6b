//! A peer that can say anything: it writes octets, not messages, and reads frames.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use eim_codec::payload::{Auth, AuthChallenge, AuthOk, Device, Error, Hello, Welcome, Window};
use eim_codec::registry::{ErrorCode, FrameType};
use prost::Message;
use rsasl::config::SASLConfig;
use rsasl::prelude::{Mechname, SASLClient, Session};
use sha2::{Digest as _, Sha256};

use crate::Failure;

const HEADER: usize = 11;

/// A frame as it came.
#[derive(Clone, Debug)]
pub(crate) struct RawFrame {
    pub(crate) frame_type: FrameType,
    pub(crate) payload: Vec<u8>,
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// An ERROR frame with this code, then the end of the stream.
    Error(ErrorCode),
    /// The end of the stream without ERROR.
    Closed,
}

/// A connection on plain TCP.
#[derive(Debug)]
pub(crate) struct Peer {
    stream: TcpStream,
    user: Vec<u8>,
}

impl Peer {
    /// Connects and says nothing.
    pub(crate) fn connect(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.set_write_timeout(Some(Duration::from_secs(30)))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            user: Vec::new(),
        })
    }

    /// Connects and authenticates with SCRAM-SHA-256.
    pub(crate) fn open(address: SocketAddr, user: &str, password: &str) -> Result<Self, Failure> {
        let mut peer = Self::connect(address)?;
        let hello = frame(FrameType::HELLO, 0, 0, &hello().encode_to_vec());
        peer.write(&hello)?;
        let (welcome, raw) = peer.read_frame_octets()?;
        Welcome::decode(&welcome.payload[..]).map_err(|error| broken(&error))?;
        let mut transcript = Sha256::new();
        transcript.update(&hello);
        transcript.update(&raw);
        peer.authenticate(user, password, transcript.finalize().to_vec())?;
        Ok(peer)
    }

    /// Writes octets as they are. The server may have closed already: that is no failure here.
    pub(crate) fn write(&mut self, octets: &[u8]) -> Result<(), Failure> {
        match self.stream.write_all(octets) {
            Err(error) if is_closed(&error) => Ok(()),
            other => Ok(other?),
        }
    }

    /// Writes one frame.
    pub(crate) fn send(
        &mut self,
        frame_type: FrameType,
        sequence: u32,
        payload: &impl Message,
    ) -> Result<(), Failure> {
        self.write(&frame(frame_type, sequence, 0, &payload.encode_to_vec()))
    }

    /// The next frame.
    pub(crate) fn read(&mut self) -> Result<RawFrame, Failure> {
        self.read_frame_octets().map(|(frame, _)| frame)
    }

    /// Reads frames until one of this type.
    pub(crate) fn read_until(&mut self, frame_type: FrameType) -> Result<RawFrame, Failure> {
        loop {
            let frame = self.read()?;
            if frame.frame_type == frame_type {
                return Ok(frame);
            }
        }
    }

    /// Reads on until the server closes.
    pub(crate) fn read_to_end(&mut self) -> Result<Ending, Failure> {
        let mut ending = Ending::Closed;
        loop {
            match self.read() {
                Ok(frame) if frame.frame_type == FrameType::ERROR => {
                    let error = Error::decode(&frame.payload[..]).map_err(|e| broken(&e))?;
                    let code = error.info.map_or(0, |info| info.code);
                    ending = Ending::Error(ErrorCode(u16::try_from(code).unwrap_or(u16::MAX)));
                }
                Ok(_) => {}
                Err(Failure::Io(error)) if is_closed(&error) => return Ok(ending),
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Id of the authenticated user.
    pub(crate) fn user(&self) -> &[u8] {
        &self.user
    }

    /// The socket, for crowds that only hold it.
    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream
    }

    fn authenticate(
        &mut self,
        user: &str,
        password: &str,
        binding: Vec<u8>,
    ) -> Result<(), Failure> {
        let config = SASLConfig::with_credentials(None, user.to_owned(), password.to_owned())
            .map_err(|error| Failure::Setup(error.to_string()))?;
        let mut session = scram(config)?;
        let mut first = Auth {
            mechanism: "SCRAM-SHA-256".into(),
            data: step(&mut session, None)?.into(),
            binding: binding.into(),
            device: Some(Device {
                device_id: device_id(user).into(),
                name: "hostile".into(),
                ..Device::default()
            }),
            window: Some(Window {
                received_through: 0,
                frames: 64,
                octets: 1 << 20,
            }),
            ..Auth::default()
        };
        loop {
            self.send(FrameType::AUTH, 0, &first)?;
            let answer = self.read()?;
            if answer.frame_type == FrameType::AUTH_OK {
                let open = AuthOk::decode(&answer.payload[..]).map_err(|error| broken(&error))?;
                self.user = open.user_id.to_vec();
                return Ok(());
            }
            if answer.frame_type != FrameType::AUTH_CHALLENGE {
                return Err(Failure::Run(format!(
                    "login answered by {:?}",
                    answer.frame_type
                )));
            }
            let challenge =
                AuthChallenge::decode(&answer.payload[..]).map_err(|error| broken(&error))?;
            let data = step(&mut session, Some(&challenge.data))?;
            first = Auth {
                data: data.into(),
                ..Auth::default()
            };
        }
    }

    fn read_frame_octets(&mut self) -> Result<(RawFrame, Vec<u8>), Failure> {
        let mut octets = vec![0; HEADER];
        self.stream.read_exact(&mut octets)?;
        let number = |at: usize| {
            octets.get(at..at + 4).map_or(0, |four| {
                four.iter()
                    .fold(0_u32, |sum, &octet| (sum << 8) | u32::from(octet))
            })
        };
        let (frame_type, length) = (octets[1], number(7));
        if length > 1 << 21 {
            return Err(Failure::Run(format!(
                "the server announced {length} octets"
            )));
        }
        let mut payload = vec![0; length as usize];
        self.stream.read_exact(&mut payload)?;
        octets.extend_from_slice(&payload);
        Ok((
            RawFrame {
                frame_type: FrameType(frame_type),
                payload,
            },
            octets,
        ))
    }
}

/// Builds a frame from any values.
pub(crate) fn frame(
    frame_type: FrameType,
    sequence: u32,
    compression: u8,
    payload: &[u8],
) -> Vec<u8> {
    let mut octets = vec![1, frame_type.0];
    octets.extend_from_slice(&sequence.to_be_bytes());
    octets.push(compression);
    octets.extend_from_slice(&(payload.len() as u32).to_be_bytes());
    octets.extend_from_slice(payload);
    octets
}

/// A correct HELLO.
pub(crate) fn hello() -> Hello {
    Hello {
        versions: vec![1],
        compressions: vec![0, 1],
        capabilities: vec![1, 2, 3],
        max_frame_octets: 65536,
        implementation: "eim-acceptance".into(),
        nonce: vec![7; 32].into(),
    }
}

fn scram(config: Arc<SASLConfig>) -> Result<Session, Failure> {
    let name = Mechname::parse(b"SCRAM-SHA-256").map_err(|e| Failure::Setup(e.to_string()))?;
    SASLClient::new(config)
        .start_suggested(&[name])
        .map_err(|error| Failure::Setup(error.to_string()))
}

fn step(session: &mut Session, input: Option<&[u8]>) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    session
        .step(input, &mut out)
        .map_err(|error| Failure::Run(error.to_string()))?;
    Ok(out)
}

fn device_id(user: &str) -> Vec<u8> {
    Sha256::digest(user).iter().copied().take(16).collect()
}

fn broken(error: &prost::DecodeError) -> Failure {
    Failure::Run(format!(
        "the server sent a payload that does not decode: {error}"
    ))
}

fn is_closed(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof
    )
}
