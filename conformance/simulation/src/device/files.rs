//! Files: what people still want to send, and what they download.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use eim_client::blobs::{BlobError, Download, Partial, Sink, Source, Upload};
use eim_client::error::RequestError;
use eim_client::{Client, Draft};
use eim_codec::id::{BlobId, ConversationId};
use eim_codec::payload::{BlobRef, Content, MediaBody};
use eim_codec::registry::{ErrorCode, FrameType};
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::DeviceNode;
use super::asking::Asking;
use super::questions::failed;
use crate::observation::{Calls, Observation, Process, Question, Reply};
use crate::plan::To;
use crate::seed::Dice;
use crate::server::user_id;
use crate::world::{Life, ms};

/// Files that the person at a device still wants to send, by step.
pub(super) type Wishes = BTreeMap<u32, Wish>;

/// Newest messages among which a file is looked for that is to be recalled.
const RECENT: usize = 20;

/// Before an upload that failed is begun again; each device waits longer than the one before it, so
/// that those of one user do not take a transfer from each other for ever.
const AGAIN_MS: u64 = 1_500;

/// Downloads after all faults have ended.
const CHECKED: u8 = 2;

/// A file that somebody wants to send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    to: To,
    /// Which file, and how many octets of it.
    file: (u8, u32),
    /// Octets after which the person gives it up; 0 for never.
    through: u32,
}

/// Octets of a file, from where they are wanted.
struct Octets {
    all: Bytes,
    through: u64,
    given_up: Arc<Notify>,
    /// Octets were asked for since the server said where it goes on.
    read: Arc<AtomicBool>,
}

#[async_trait]
impl Source for Octets {
    async fn read(&mut self, offset: u64, most: usize) -> io::Result<Bytes> {
        if self.through > 0 && offset >= self.through {
            self.given_up.notify_one();
            std::future::pending::<()>().await;
        }
        self.read.store(true, Ordering::Relaxed);
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let start = start.min(self.all.len());
        let end = start.saturating_add(most).min(self.all.len());
        Ok(self.all.slice(start..end))
    }
}

/// Counts octets.
struct Count(u64);

#[async_trait]
impl Sink for Count {
    async fn write(&mut self, octets: &Bytes) -> io::Result<()> {
        self.0 += octets.len() as u64;
        Ok(())
    }
}

/// The octets of a file: the same wherever it is.
fn octets((file, size): (u8, u32)) -> Bytes {
    let mut octets = vec![0; usize::try_from(size).unwrap_or(0)];
    let mut dice = Dice::new(u64::from(file) << 32 | u64::from(size));
    dice.fill(&mut octets);
    octets.into()
}

/// Downloads a file.
pub(super) async fn fetch(
    client: &Client,
    blob: BlobId,
    sha256: [u8; 32],
    conversation: Option<ConversationId>,
) -> Reply {
    let download = Download {
        blob,
        conversation,
        sha256,
    };
    let mut count = Count(0);
    let mut progress = |_| {};
    let fetched = client.download(download, Partial::default(), &mut count, &mut progress);
    match fetched.await {
        Ok(size) if size == count.0 => Reply::Fetched(size),
        Ok(_) | Err(BlobError::Mismatch) => Reply::Refused(ErrorCode::BLOB_MISMATCH),
        Err(BlobError::Request(error)) => failed(error),
        Err(BlobError::Ended { code, .. }) => Reply::Refused(code),
        Err(_) => Reply::None,
    }
}

impl DeviceNode {
    pub(super) fn wishes(&self) -> MutexGuard<'_, Wishes> {
        self.0.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody wants to send a file.
    pub(super) fn wish(&self, step: u32, to: To, file: (u8, u32), through: u32) {
        let wish = Wish { to, file, through };
        self.wishes().insert(step, wish);
        if let Some((process, life, client)) = self.main() {
            self.pursue(process.incarnation, &life, &client, step, wish);
        }
    }

    /// A program goes on with what the one before it left.
    pub(super) fn go_on(&self, number: u32, life: &Life, client: &Client) {
        let wishes = self.wishes().clone();
        for (step, wish) in wishes {
            self.pursue(number, life, client, step, wish);
        }
    }

    fn pursue(&self, number: u32, life: &Life, client: &Client, step: u32, wish: Wish) {
        let (node, client, process) = (self.clone(), client.clone(), self.process(number));
        life.spawn(async move {
            let asking = Asking::new(&node);
            let blob = node.upload(process, &client, wish).await;
            // Another program may have sent it meanwhile.
            let mine = !matches!(blob, Outcome::Over) && node.wishes().remove(&step).is_some();
            if let (Outcome::Done(blob), true) = (blob, mine) {
                node.send_file(process, &client, wish, blob).await;
            }
            drop(asking);
        });
    }

    /// Uploads a file, again and again if it must be.
    async fn upload(&self, process: Process, client: &Client, wish: Wish) -> Outcome {
        let all = octets(wish.file);
        let sha256 = Sha256::digest(&all).into();
        let size = all.len() as u64;
        let recorder = &self.0.recorder;
        // An application uploads a file once at a time.
        let one = usize::from(wish.file.0) % self.0.uploading.len();
        let _one = match self.0.uploading.get(one) {
            Some(one) => Some(one.lock().await),
            None => None,
        };
        let mut tries = 0;
        loop {
            recorder.saw(Observation::UploadBegun {
                process,
                sha256,
                size,
            });
            match self.try_upload(process, client, wish, all.clone()).await {
                None => return Outcome::GivenUp,
                Some(Ok(blob)) => {
                    recorder.saw(Observation::Uploaded {
                        process,
                        blob,
                        sha256,
                    });
                    let conversation = self.conversation(wish.to);
                    self.0.groups.uploaded((blob, sha256, conversation));
                    return Outcome::Done(blob);
                }
                Some(Err(
                    BlobError::Request(RequestError::Refused { code, .. })
                    | BlobError::Ended { code, .. },
                )) => {
                    recorder.saw(Observation::UploadFailed {
                        process,
                        sha256,
                        code,
                    });
                }
                Some(Err(_)) => return Outcome::Over,
            }
            tries += 1;
            let pause = AGAIN_MS * (u64::from(process.device.0) + 1);
            sleep(ms(pause * tries)).await;
        }
    }

    /// Uploads a file once; `None` when the person gives it up.
    async fn try_upload(
        &self,
        process: Process,
        client: &Client,
        wish: Wish,
        all: Bytes,
    ) -> Option<Result<BlobId, BlobError>> {
        let (given_up, read) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
        let sha256 = Sha256::digest(&all).into();
        let upload = Upload {
            sha256,
            size: all.len() as u64,
            media_type: "text/plain".to_owned(),
            name: format!("file {}", wish.file.0),
        };
        let mut source = Octets {
            all,
            through: wish.through.into(),
            given_up: Arc::clone(&given_up),
            read: Arc::clone(&read),
        };
        let recorder = &self.0.recorder;
        let mut progress = |offset| {
            if !read.swap(false, Ordering::Relaxed) {
                recorder.saw(Observation::UploadFrom {
                    process,
                    sha256,
                    offset,
                });
            }
        };
        tokio::select! {
            biased;
            uploaded = client.upload(&upload, &mut source, &mut progress) => Some(uploaded),
            () = given_up.notified() => None,
        }
    }

    async fn send_file(&self, process: Process, client: &Client, wish: Wish, blob: BlobId) {
        let Some(target) = self.target(wish.to) else {
            return;
        };
        let all = octets(wish.file);
        let body = MediaBody {
            blob: Some(BlobRef {
                blob: blob.to_bytes(),
                sha256: Sha256::digest(&all).to_vec().into(),
                size: all.len() as u64,
                media_type: "text/plain".to_owned(),
                name: format!("file {}", wish.file.0),
                stored: true,
            }),
            ..MediaBody::default()
        };
        let draft = Draft::content(target, FrameType::FILE, &Content::Media(body));
        self.post_one(process, client, target, draft, Calls::default())
            .await;
    }

    /// Which file is fetched.
    pub(super) fn fetching(&self, nth: u8, hint: bool) -> Option<Question> {
        let (blob, sha256, conversation) = self.0.groups.file(nth)?;
        Some(Question::Fetch {
            blob,
            sha256,
            conversation: conversation.filter(|_| hint),
        })
    }

    /// Downloads the newest files.
    pub fn check_files(&self, step: u32) {
        for nth in 0..CHECKED {
            let device = self.number();
            let action = crate::plan::Action::Fetch {
                device,
                nth,
                hint: false,
            };
            self.ask(step + u32::from(nth), &action);
        }
    }

    /// Recalls the newest file that the user has sent to a conversation.
    pub(super) fn unsend(&self, of: To) {
        let (Some((process, life, client)), Some(conversation), Some(target)) =
            (self.main(), self.conversation(of), self.target(of))
        else {
            return;
        };
        let (node, me) = (self.clone(), user_id(self.user()));
        life.spawn(async move {
            let latest = client.store().latest(conversation, RECENT).await;
            let latest = latest.unwrap_or_default().into_iter().rev();
            let mut mine = latest.filter(|message| {
                message.frame_type == FrameType::FILE && message.sender == Some(me)
            });
            if let Some(message) = mine.find(|message| !message.tombstone) {
                let draft = Draft::recall(target, message.conv_seq);
                node.post_one(process, &client, target, draft, Calls::default())
                    .await;
            }
        });
    }
}

/// What came of an upload.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    Done(BlobId),
    GivenUp,
    /// The program ends.
    Over,
}
