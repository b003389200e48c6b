//! Looking for texts in what this device holds.

use std::collections::BTreeMap;

use eim_codec::id::ConversationId;

use crate::modified::{current_text, modified};
use crate::store::{Message, Store, StoreError};

/// Messages that are read at once: other work of the store comes between.
const PAGE: u64 = 512;

/// What to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// In lower case; a text has all of them, as words or as parts of words.
    pub words: Vec<String>,
    /// In this conversation only.
    pub conversation: Option<ConversationId>,
    /// Most messages to find.
    pub limit: usize,
    /// Most messages to look at.
    pub reach: u64,
}

impl Search {
    /// Texts that have all the words of `text`, in either case, as words or as parts of words: at
    /// most 100 among the newest 200,000 messages.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self {
            words: text.split_whitespace().map(str::to_lowercase).collect(),
            conversation: None,
            limit: 100,
            reach: 200_000,
        }
    }

    fn matches(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.words.iter().all(|word| text.contains(word.as_str()))
    }
}

/// A message that was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The message, as it was sent.
    pub message: Message,
    /// Its text as it is now.
    pub text: String,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// Newest first.
    pub hits: Vec<Hit>,
    /// No other message on this device matches; otherwise older ones may.
    pub complete: bool,
}

/// How far a conversation has been looked at.
#[derive(Clone, Copy, Debug)]
struct Frontier {
    /// Nothing beyond this number is left.
    last: u64,
    /// What is left is not newer than this.
    time_ms: u64,
}

/// Finds texts in a store, as they are now: an edited text is found by what it says today, a
/// recalled one not at all. Reads conversations from their newest messages down, always the one
/// whose unread part is the newest, and ends as soon as the newest `limit` hits are certain.
///
/// # Errors
/// [`StoreError`].
pub async fn search(store: &dyn Store, search: &Search) -> Result<Hits, StoreError> {
    let mut found = Hits::default();
    if search.words.is_empty() {
        found.complete = true;
        return Ok(found);
    }
    let mut open = frontiers(store, search.conversation).await?;
    let mut looked = 0;
    while let Some((&conversation, &frontier)) = open.iter().max_by_key(|(_, it)| it.time_ms) {
        let certain = search.limit.checked_sub(1);
        let certain = certain.and_then(|last| found.hits.get(last));
        if search.limit == 0 || certain.is_some_and(|hit| hit.message.time_ms > frontier.time_ms) {
            break;
        }
        if looked >= search.reach {
            found.hits.truncate(search.limit);
            return Ok(found);
        }
        let (read, hits, rest) = page(store, search, conversation, frontier).await?;
        looked = looked.saturating_add(read);
        found.hits.extend(hits);
        found.hits.sort_by_key(|hit| {
            let message = &hit.message;
            std::cmp::Reverse((message.time_ms, message.conversation, message.conv_seq))
        });
        match rest {
            Some(rest) => open.insert(conversation, rest),
            None => open.remove(&conversation),
        };
    }
    found.complete = open.is_empty() && found.hits.len() <= search.limit;
    found.hits.truncate(search.limit);
    Ok(found)
}

/// Where to begin in each conversation.
async fn frontiers(
    store: &dyn Store,
    only: Option<ConversationId>,
) -> Result<BTreeMap<ConversationId, Frontier>, StoreError> {
    let conversations = match only {
        Some(one) => vec![one],
        None => store.message_conversations().await?,
    };
    let mut open = BTreeMap::new();
    for conversation in conversations {
        if let Some(newest) = store.latest(conversation, 1).await?.pop() {
            let (last, time_ms) = (newest.conv_seq, newest.time_ms);
            open.insert(conversation, Frontier { last, time_ms });
        }
    }
    Ok(open)
}

/// The newest messages that are left of a conversation: how many were looked at, those that
/// match, and what is left then.
async fn page(
    store: &dyn Store,
    search: &Search,
    conversation: ConversationId,
    frontier: Frontier,
) -> Result<(u64, Vec<Hit>, Option<Frontier>), StoreError> {
    let last = frontier.last;
    let first = last.saturating_sub(PAGE - 1).max(1);
    let messages = store
        .messages(conversation, first, last, usize::MAX)
        .await?;
    let modified = modified(store, conversation, first, last).await?;
    // A look at numbers that are not here costs something too.
    let read = u64::try_from(messages.len()).unwrap_or(u64::MAX).max(1);
    let oldest = messages.first().map_or(frontier.time_ms, |it| it.time_ms);
    let hits = messages.into_iter().filter_map(|message| {
        let modified = modified.get(&message.conv_seq);
        if message.tombstone || modified.is_some_and(|modified| modified.recall.is_some()) {
            return None;
        }
        let text = current_text(&message, modified)?;
        search.matches(&text).then_some(Hit { message, text })
    });
    let rest = (first > 1).then(|| Frontier {
        last: first - 1,
        time_ms: oldest.min(frontier.time_ms),
    });
    Ok((read, hits.collect(), rest))
}
