//! One conversation after the other message: what is new is read from the store, decided, answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use eim_client::environment::Environment;
use eim_client::store::{Checkpoint, Message, Target};
use eim_client::{Client, Draft};
use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::TextBody;
use eim_codec::registry::{FrameType, limits};
use prost::Message as _;
use tokio::time::{sleep, timeout};

use crate::brain::{Decision, Turn, Wish, decide, is_direct};
use crate::config::Config;
use crate::keys::answer_key;
use crate::model::{Model, Refused};

/// Messages read at once.
const PAGE: usize = 32;
/// Said when the model does not want to answer.
const CANNOT: &str = "I cannot answer that.";
/// Users remembered as bots or people.
const KINDS: usize = 4096;

/// Answers.
#[derive(Debug)]
pub(crate) struct Worker {
    client: Client,
    environment: Environment,
    model: Model,
    config: Config,
    me: UserId,
    /// Looked at through this number, in an epoch, with what the conversation wants.
    places: Mutex<BTreeMap<ConversationId, Place>>,
    /// Who is a bot.
    kinds: Mutex<BTreeMap<UserId, bool>>,
    /// Where people were told that the model is away.
    told: Mutex<BTreeSet<ConversationId>>,
}

/// How far a conversation was looked at.
#[derive(Clone, Copy, Debug)]
struct Place {
    log_epoch: u64,
    conv_seq: u64,
    wish: Wish,
}

/// Where answered messages of a conversation are kept.
fn source(conversation: ConversationId, log_epoch: u64) -> String {
    format!("answered {conversation} {log_epoch:x}")
}

impl Worker {
    /// Answers what `client` receives, as `me`.
    pub(crate) fn new(
        client: Client,
        me: UserId,
        environment: Environment,
        model: Model,
        config: Config,
    ) -> Self {
        Self {
            me,
            client,
            environment,
            model,
            config,
            places: Mutex::default(),
            kinds: Mutex::default(),
            told: Mutex::default(),
        }
    }

    /// Conversations that have messages here.
    pub(crate) async fn conversations(&self) -> Result<Vec<ConversationId>, String> {
        let found = self.client.store().message_conversations().await;
        found.map_err(|error| error.to_string())
    }

    /// Answers what is new in a conversation, until nothing is.
    pub(crate) async fn look(&self, conversation: ConversationId) -> Result<(), String> {
        loop {
            let mut place = self.place(conversation).await?;
            let store = self.client.store();
            let page = store.messages(conversation, place.conv_seq + 1, u64::MAX, PAGE);
            let page = page.await.map_err(|error| error.to_string())?;
            if page.is_empty() {
                return Ok(());
            }
            for message in page {
                if message.log_epoch == place.log_epoch {
                    self.message(&message, &mut place).await?;
                }
                place.conv_seq = message.conv_seq;
                self.keep(conversation, place);
            }
        }
    }

    /// Where to go on: what was answered last is in the store, what was only looked at in memory.
    async fn place(&self, conversation: ConversationId) -> Result<Place, String> {
        let store = self.client.store();
        let latest = store.latest(conversation, 1).await;
        let latest = latest.map_err(|error| error.to_string())?;
        let log_epoch = latest.last().map_or(0, |message| message.log_epoch);
        let known = self.places().get(&conversation).copied();
        if let Some(known) = known.filter(|known| known.log_epoch == log_epoch) {
            return Ok(known);
        }
        let answered = store.checkpoint(&source(conversation, log_epoch)).await;
        let answered = answered.map_err(|error| error.to_string())?.unwrap_or(0);
        let place = Place {
            log_epoch,
            conv_seq: answered >> 2,
            wish: Wish::of(answered),
        };
        self.keep(conversation, place);
        Ok(place)
    }

    fn places(&self) -> std::sync::MutexGuard<'_, BTreeMap<ConversationId, Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, conversation: ConversationId, place: Place) {
        self.places().insert(conversation, place);
    }

    async fn message(&self, message: &Message, place: &mut Place) -> Result<(), String> {
        let Some(left) = self.time_left(message) else {
            return Ok(());
        };
        if message.sender == Some(self.me) || !self.answers(message).await? {
            return Ok(());
        }
        let before = self.before(message).await?;
        let config = &self.config.answer;
        let text = match decide(config, self.me, place.wish, &before, message) {
            Decision::Nothing => return Ok(()),
            Decision::Say(text, wish) => {
                place.wish = wish;
                text
            }
            Decision::Ask(turns) => match timeout(left, self.think(message, &turns)).await {
                Ok(Ok(text)) => text,
                Ok(Err(Refused(reason))) => {
                    tracing::warn!(reason, "the model refuses a message");
                    CANNOT.to_owned()
                }
                Err(_) => {
                    tracing::warn!(conv_seq = message.conv_seq, "too old to be answered");
                    return Ok(());
                }
            },
        };
        let checkpoint = Checkpoint {
            source: source(message.conversation, message.log_epoch),
            place: message.conv_seq << 2 | place.wish.number(),
        };
        self.say(message, text, "answer", Some(checkpoint)).await
    }

    /// How long an answer is still worth something.
    fn time_left(&self, message: &Message) -> Option<Duration> {
        let ends = message
            .time_ms
            .saturating_add(self.config.answer.max_age_ms);
        let left = ends.checked_sub(self.environment.now_ms())?;
        Some(Duration::from_millis(left))
    }

    /// Whether the sender of a message is answered.
    // impl[EIM-BOT-025]
    async fn answers(&self, message: &Message) -> Result<bool, String> {
        let Some(sender) = message.sender else {
            return Ok(false);
        };
        if self.config.answer.bots {
            return Ok(true);
        }
        let kinds = || self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kinds().get(&sender).copied();
        let is_bot = match known {
            Some(is_bot) => is_bot,
            None => {
                let profile = self.client.profile(sender).await;
                let profile = profile.map_err(|error| error.to_string())?;
                let is_bot = profile.is_some_and(|profile| profile.bot);
                let mut kinds = kinds();
                if kinds.len() >= KINDS {
                    kinds.clear();
                }
                kinds.insert(sender, is_bot);
                is_bot
            }
        };
        Ok(!is_bot)
    }

    /// What was said before a message, oldest first.
    async fn before(&self, message: &Message) -> Result<Vec<Message>, String> {
        let wanted = self
            .config
            .answer
            .context
            .max(2 * self.config.answer.per_minute);
        let first = message
            .conv_seq
            .saturating_sub(u64::try_from(wanted).unwrap_or(u64::MAX))
            .max(1);
        let last = message.conv_seq.saturating_sub(1);
        if last < first {
            return Ok(Vec::new());
        }
        let store = self.client.store();
        let before = store.messages(message.conversation, first, last, wanted);
        before.await.map_err(|error| error.to_string())
    }

    /// Asks the model; when that takes long, people are told, once until it answers again.
    async fn think(&self, message: &Message, turns: &[Turn]) -> Result<String, Refused> {
        let mut asking = std::pin::pin!(self.model.ask(turns));
        let patience = Duration::from_millis(self.config.answer.notice_ms);
        let told = || self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = tokio::select! {
            biased;
            answer = &mut asking => answer,
            () = sleep(patience) => {
                if told().insert(message.conversation) {
                    let notice = self.config.answer.notice.clone();
                    if let Err(reason) = self.say(message, notice, "away", None).await {
                        tracing::warn!(reason, "people are not told that the model is away");
                    }
                }
                asking.await
            }
        };
        told().remove(&message.conversation);
        answer
    }

    /// Writes an answer into the outbox, together with how far the conversation is answered.
    async fn say(
        &self,
        message: &Message,
        mut text: String,
        what: &str,
        checkpoint: Option<Checkpoint>,
    ) -> Result<(), String> {
        let most = usize::try_from(limits::TEXT_OCTETS.default).unwrap_or(usize::MAX);
        text.truncate(text.floor_char_boundary(most));
        let reply_to = match is_direct(self.me, message) {
            true => 0,
            false => message.conv_seq,
        };
        let body = TextBody {
            reply_to,
            ..TextBody::new(text)
        };
        let draft = Draft {
            target: Target::Conversation(message.conversation),
            frame_type: FrameType::TEXT,
            body: body.encode_to_vec().into(),
            fallback_text: String::new(),
            checkpoint,
        };
        let key = answer_key(message, what);
        let posted = self.client.store_and_post_as(draft, key).await;
        posted.map_err(|error| error.to_string())
    }
}
