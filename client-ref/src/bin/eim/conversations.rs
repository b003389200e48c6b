//! Naming conversations and people on the command line.

use std::collections::BTreeMap;

use clap::Args;
use eim_client::store::{ConversationRecord, Message, Store, Target};
use eim_client::{Client, ContactNews};
use eim_codec::id::{ConversationId, DeviceId, UserId};
use eim_codec::payload::{
    ContactChange, ConversationKind, MembershipBody, MembershipChange, SettingsBody,
};
use eim_codec::registry::FrameType;
use prost::Message as _;

use crate::exit::Failure;
use crate::output::time_of_day;

/// `--to USER` or `--group ID|NAME`.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct Where {
    /// The direct conversation with this user.
    #[arg(long, value_name = "USER")]
    pub(crate) to: Option<String>,
    /// A group, by id or by name.
    #[arg(long, value_name = "ID|NAME")]
    pub(crate) group: Option<String>,
}

impl Where {
    /// Finds out what is meant.
    pub(crate) async fn target(&self, client: &Client) -> Result<Target, Failure> {
        match (&self.to, &self.group) {
            (Some(name), _) => Ok(Target::User(client.user(name).await?.user)),
            (None, Some(group)) => Ok(Target::Conversation(find_group(client, group).await?)),
            (None, None) => Err(Failure::usage("--to or --group is needed")),
        }
    }
}

/// A group by id or by name.
pub(crate) async fn find_group(client: &Client, group: &str) -> Result<ConversationId, Failure> {
    if let Ok(id) = group.parse() {
        return Ok(id);
    }
    let known = client.store().conversations().await?;
    if let Some(id) = by_name(&known, group)? {
        return Ok(id);
    }
    by_name(&client.heads().await?, group)?
        .ok_or_else(|| Failure::refused(format!("no group is named {group}")))
}

fn by_name(records: &[ConversationRecord], name: &str) -> Result<Option<ConversationId>, Failure> {
    let mut named = records.iter().filter(|record| {
        record.kind == ConversationKind::Group && record.name == name && record.visible_through == 0
    });
    let found = named.next().map(|record| record.conversation);
    if named.next().is_some() {
        return Err(Failure::usage(format!(
            "several groups are named {name}: use the id"
        )));
    }
    Ok(found)
}

/// The id of a conversation.
pub(crate) async fn conversation_id(
    client: &Client,
    target: Target,
) -> Result<ConversationId, Failure> {
    match target {
        Target::Conversation(id) => Ok(id),
        Target::User(peer) => {
            let me = own_id(&**client.store()).await?;
            Ok(ConversationId::direct(me, peer))
        }
    }
}

/// The user of this profile.
pub(crate) async fn own_id(store: &dyn Store) -> Result<UserId, Failure> {
    store
        .load(false)
        .await?
        .identity
        .and_then(|identity| identity.user)
        .ok_or_else(|| Failure::usage("this profile has never logged in: run `eim login`"))
}

/// The id of the device of this profile.
pub(crate) async fn own_device(store: &dyn Store) -> Result<DeviceId, Failure> {
    let identity = store.load(false).await?.identity;
    let identity = identity.map(|identity| identity.device);
    identity.ok_or_else(|| Failure::usage("this profile has never logged in: run `eim login`"))
}

/// Names for people, asked once each.
#[derive(Debug, Default)]
pub(crate) struct Names {
    users: BTreeMap<UserId, String>,
}

impl Names {
    /// The name of a user, or the beginning of the id.
    pub(crate) async fn user(&mut self, client: &Client, user: UserId) -> String {
        if let Some(name) = self.users.get(&user) {
            return name.clone();
        }
        let short: String = user.to_string().chars().take(8).collect();
        match client.user_name(user).await {
            Ok(name) => {
                let name = name.unwrap_or(short);
                self.users.insert(user, name.clone());
                name
            }
            Err(_) => short,
        }
    }

    /// What a message says, in one line's worth of text.
    pub(crate) async fn text(&mut self, client: &Client, message: &Message) -> String {
        if message.tombstone {
            return "(erased)".to_owned();
        }
        match message.frame_type {
            FrameType::MEMBERSHIP => self.membership(client, message).await,
            FrameType::SETTINGS => settings(message),
            FrameType::CONTACT => self.contact(client, message).await,
            FrameType::MODE => "(a large group from here on)".to_owned(),
            // impl[EIM-CNT-015]
            _ if let Some(text) = crate::shown::shown(message, None) => text,
            // impl[EIM-MSG-065]
            _ if !message.fallback_text.is_empty() => message.fallback_text.clone(),
            other => format!("({other})"),
        }
    }

    async fn contact(&mut self, client: &Client, message: &Message) -> String {
        let Some(news) = ContactNews::of(message) else {
            return message.fallback_text.clone();
        };
        let name = self.user(client, news.contact.user).await;
        contact_news(&news, &name)
    }

    async fn membership(&mut self, client: &Client, message: &Message) -> String {
        let mut names = BTreeMap::new();
        for user in MembershipBody::decode(message.body.clone())
            .unwrap_or_default()
            .users
            .iter()
            .flat_map(|user| UserId::from_slice(user))
            .take(NAMED)
        {
            names.insert(user, self.user(client, user).await);
        }
        membership(message, |user| {
            names
                .get(&user)
                .cloned()
                .unwrap_or_else(|| user.to_string())
        })
        .unwrap_or_else(|| "(membership)".to_owned())
    }
}

/// Members whose names stand in one line at most.
pub(crate) const NAMED: usize = 8;

/// What a change of members says, with the names that `name` gives; `None` when it does not decode.
pub(crate) fn membership(message: &Message, name: impl Fn(UserId) -> String) -> Option<String> {
    let body = MembershipBody::decode(message.body.clone()).ok()?;
    let users = body.users.iter();
    let users = users.flat_map(|user| UserId::from_slice(user)).take(NAMED);
    let mut users = users.map(name).collect::<Vec<_>>().join(", ");
    if let more @ 1.. = body.users.len().saturating_sub(NAMED) {
        users.push_str(&format!(" and {more} more"));
    }
    Some(match body.change() {
        MembershipChange::Added => format!("(added {users})"),
        MembershipChange::Removed => format!("(removed {users})"),
        MembershipChange::Left => format!("({users} left)"),
        MembershipChange::Role => format!("({users} is now {})", role_name(body.role())),
        MembershipChange::Muted if body.until_ms == 0 => format!("({users} may send again)"),
        MembershipChange::Muted => {
            format!("({users} is muted until {})", time_of_day(body.until_ms))
        }
        MembershipChange::Unspecified => "(membership)".to_owned(),
    })
}

/// What a change of the settings of a group says.
pub(crate) fn settings(message: &Message) -> String {
    match SettingsBody::decode(message.body.clone()) {
        Ok(body) if body.created => format!("(created the group {})", body.name),
        Ok(body) if body.dissolved => format!("(dissolved the group {})", body.name),
        Ok(SettingsBody {
            announcement: Some(announcement),
            ..
        }) if announcement.text.is_empty() => "(took the announcement away)".to_owned(),
        Ok(SettingsBody {
            announcement: Some(announcement),
            ..
        }) => format!("(announced: {})", announcement.text),
        Ok(body) => format!("(named the group {}{})", body.name, rules(&body)),
        Err(_) => "(settings)".to_owned(),
    }
}

/// What settings permit, where it is not the usual.
fn rules(body: &SettingsBody) -> String {
    let mut rules = String::new();
    if body.muted_until_ms > 0 {
        let until = time_of_day(body.muted_until_ms);
        rules.push_str(&format!("; plain members are muted until {until}"));
    }
    if let Some(policy) = &body.policy {
        let (post, invite) = (role_name(policy.post()), role_name(policy.invite()));
        rules.push_str(&format!(
            "; send: {post} and above, invite: {invite} and above"
        ));
        if policy.approval {
            rules.push_str(", to be approved");
        }
    }
    rules
}

/// What happened between this user and the one called `name`.
pub(crate) fn contact_news(news: &ContactNews, name: &str) -> String {
    let by_them = news.by == news.contact.user;
    let message = match news.contact.message.as_str() {
        "" => String::new(),
        message => format!(": {message}"),
    };
    match (news.change, by_them) {
        (ContactChange::Requested, true) => format!("({name} asks to be your contact{message})"),
        (ContactChange::Requested, false) => format!("(you asked {name} to be contacts{message})"),
        (ContactChange::Accepted, _) => format!("({name} is your contact now)"),
        (ContactChange::Refused, true) => format!("({name} refused your request)"),
        (ContactChange::Refused, false) => format!("(you refused {name})"),
        (ContactChange::Withdrawn, true) => format!("({name} took the request back)"),
        (ContactChange::Withdrawn, false) => format!("(you took your request to {name} back)"),
        (ContactChange::Removed, _) => format!("({name} is no contact any more)"),
        (ContactChange::Blocked, _) => format!("(you blocked {name})"),
        (ContactChange::Unblocked, _) => format!("(you do not block {name} any more)"),
        (ContactChange::Unspecified, _) => format!("({name}: contacts changed)"),
    }
}

/// The name of a role.
pub(crate) const fn role_name(role: eim_codec::payload::Role) -> &'static str {
    use eim_codec::payload::Role;

    match role {
        Role::Owner => "owner",
        Role::Admin => "admin",
        Role::Member => "member",
        Role::Unspecified => "unknown",
    }
}
