//! `eim group`: creates and changes groups.

use clap::{Subcommand, ValueEnum};
use eim_client::options::Attach;
use eim_client::{Client, GroupChange};
use eim_codec::id::UserId;
use eim_codec::payload::{ConversationKind, Role};

use crate::conversations::{Names, find_group, own_id, role_name};
use crate::exit::Failure;
use crate::govern::Govern;
use crate::output::Output;
use crate::profile::Globals;

/// `eim group …`
#[derive(Debug, Subcommand)]
pub(crate) enum Group {
    /// Creates a group and prints its id.
    Create {
        /// Name of the group.
        name: String,
        /// First members besides oneself.
        members: Vec<String>,
    },
    /// Adds members.
    Add {
        /// Id or name of the group.
        group: String,
        /// Users to add.
        #[arg(required = true)]
        users: Vec<String>,
    },
    /// Removes members.
    Remove {
        /// Id or name of the group.
        group: String,
        /// Users to remove.
        #[arg(required = true)]
        users: Vec<String>,
    },
    /// Leaves a group.
    Leave {
        /// Id or name of the group.
        group: String,
    },
    /// Changes the role of a member; a new owner takes over the group.
    Role {
        /// Id or name of the group.
        group: String,
        /// The member.
        user: String,
        /// The new role.
        role: RoleName,
    },
    /// Renames a group.
    Rename {
        /// Id or name of the group.
        group: String,
        /// The new name.
        name: String,
    },
    /// Lists members with their roles.
    Members {
        /// Id or name of the group.
        group: String,
    },
    /// Lists the groups of this user.
    List,
    #[command(flatten)]
    Govern(Govern),
}

/// A role, as typed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum RoleName {
    /// May do everything.
    Owner,
    /// May add and remove members and rename.
    Admin,
    /// May send.
    Member,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Owner => Self::Owner,
            RoleName::Admin => Self::Admin,
            RoleName::Member => Self::Member,
        }
    }
}

impl Group {
    /// Runs the verb.
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let mut options = globals.options(Attach::SendOnly)?;
        options.adopt_outbox = false;
        options.events = false;
        let client = globals.connect(options).await?;
        let mut output = Output::new();
        self.ask(&client, &mut output).await?;
        output.flush()?;
        client.close().await;
        Ok(())
    }

    async fn ask(self, client: &Client, output: &mut Output) -> Result<(), Failure> {
        let change = match self {
            Self::Create { name, members } => {
                let members = users(client, &members).await?;
                let group = client.group_create(&name, &members).await?;
                return Ok(output.line(&group.conversation.to_string())?);
            }
            Self::Members { group } => return members(client, &group, output).await,
            Self::List => return list(client, output).await,
            Self::Govern(govern) => match govern.ask(client, output).await? {
                Some(change) => change,
                None => return Ok(()),
            },
            Self::Add {
                group,
                users: names,
            } => {
                let group = find_group(client, &group).await?;
                client
                    .group_add(group, &users(client, &names).await?)
                    .await?
            }
            Self::Remove {
                group,
                users: names,
            } => {
                let group = find_group(client, &group).await?;
                client
                    .group_remove(group, &users(client, &names).await?)
                    .await?
            }
            Self::Leave { group } => {
                client
                    .group_leave(find_group(client, &group).await?)
                    .await?
            }
            Self::Role { group, user, role } => {
                let group = find_group(client, &group).await?;
                let user = client.user(&user).await?.user;
                client.group_role(group, user, role.into()).await?
            }
            Self::Rename { group, name } => {
                client
                    .group_rename(find_group(client, &group).await?, &name)
                    .await?
            }
        };
        report(change);
        Ok(())
    }
}

fn report(change: GroupChange) {
    if change.conv_seq == 0 {
        eprintln!("nothing had to change");
    } else {
        eprintln!("durable as number {}", change.conv_seq);
    }
}

async fn users(client: &Client, names: &[String]) -> Result<Vec<UserId>, Failure> {
    let mut users = Vec::with_capacity(names.len());
    for name in names {
        users.push(client.user(name).await?.user);
    }
    Ok(users)
}

async fn members(client: &Client, group: &str, output: &mut Output) -> Result<(), Failure> {
    let group = find_group(client, group).await?;
    let mut names = Names::default();
    for member in client.group_members(group).await? {
        let name = names.user(client, member.user).await;
        output.line(&format!(
            "{name}\t{}\t{}",
            role_name(member.role),
            member.user
        ))?;
    }
    Ok(())
}

async fn list(client: &Client, output: &mut Output) -> Result<(), Failure> {
    // Asking needs a login, so the profile knows who it is.
    own_id(&**client.store()).await?;
    for record in client.heads().await? {
        if record.kind == ConversationKind::Group && record.visible_through == 0 {
            output.line(&format!(
                "{}\t{}\t{}\t{} members\t{} entries",
                record.conversation,
                record.name,
                role_name(record.role),
                record.members,
                record.conv_seq,
            ))?;
        }
    }
    Ok(())
}
