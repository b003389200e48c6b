//! `eim directory` and `eim profile`: who is who.

use std::collections::BTreeMap;

use bytes::Bytes;
use clap::{Args, Subcommand};
use eim_client::options::Attach;
use eim_client::{Client, ProfileFields, Profiles};
use eim_codec::id::UserId;
use eim_codec::payload::{Department, Profile};

use crate::conversations::{Names, own_id};
use crate::exit::Failure;
use crate::output::{Output, printable};
use crate::profile::Globals;

/// `eim directory`: the departments as a tree.
#[derive(Args, Debug)]
pub(crate) struct Directory {
    /// With the members of each department.
    #[arg(long)]
    members: bool,
}

/// `eim profile …`
#[derive(Debug, Subcommand)]
pub(crate) enum People {
    /// Prints the profile of a user, or the own one.
    Show {
        /// The user.
        user: Option<String>,
    },
    /// Lists all profiles that this user may read.
    List,
    /// Changes the own profile.
    Set(Fields),
}

/// Fields of the own profile.
#[derive(Args, Debug)]
#[group(required = true, multiple = true)]
pub(crate) struct Fields {
    /// Shown to people.
    #[arg(long)]
    display_name: Option<String>,
    /// Phone number.
    #[arg(long)]
    phone: Option<String>,
    /// Mail address.
    #[arg(long)]
    mail: Option<String>,
}

async fn connect(globals: &Globals) -> Result<Client, Failure> {
    let mut options = globals.options(Attach::SendOnly)?;
    options.adopt_outbox = false;
    options.events = false;
    globals.connect(options).await
}

impl Directory {
    /// Runs the verb.
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let client = connect(globals).await?;
        let done = self.print(&client).await;
        client.close().await;
        done
    }

    async fn print(&self, client: &Client) -> Result<(), Failure> {
        let departments = client.departments().await?;
        let mut names = Names::default();
        let mut output = Output::new();
        for (depth, department) in tree(&departments) {
            let indent = "  ".repeat(depth);
            output.line(&format!("{indent}{}", printable(&department.name)))?;
            if !self.members {
                continue;
            }
            for member in client.department_members(&department.department).await? {
                let user = UserId::from_slice(&member.user);
                let user = user.map_err(|_| Failure::connection("a member without an id"))?;
                let name = names.user(client, user).await;
                let title = printable(&member.title);
                output.line(&format!("{indent}  - {name}\t{title}"))?;
            }
        }
        output.flush()?;
        Ok(())
    }
}

/// Departments with their depth, each below the one above it. One whose parent may not be read
/// stands at the top.
fn tree(departments: &[Department]) -> Vec<(usize, &Department)> {
    let known = |id: &Bytes| departments.iter().any(|it| it.department == *id);
    let mut below: BTreeMap<&[u8], Vec<&Department>> = BTreeMap::new();
    for department in departments {
        let parent = &department.parent;
        let parent = if known(parent) { &parent[..] } else { &[] };
        below.entry(parent).or_default().push(department);
    }
    for siblings in below.values_mut() {
        siblings.sort_by_key(|it| std::cmp::Reverse((it.place, it.department.clone())));
    }
    let mut tree = Vec::new();
    let mut open: Vec<_> = below.remove(&[][..]).unwrap_or_default();
    let mut open: Vec<(usize, &Department)> = open.drain(..).map(|it| (0, it)).collect();
    while let Some((depth, department)) = open.pop() {
        tree.push((depth, department));
        let children = below.remove(&department.department[..]);
        open.extend(children.into_iter().flatten().map(|it| (depth + 1, it)));
    }
    tree
}

impl People {
    /// Runs the verb.
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let client = connect(globals).await?;
        let done = self.ask(&client).await;
        client.close().await;
        done
    }

    async fn ask(self, client: &Client) -> Result<(), Failure> {
        let mut output = Output::new();
        match self {
            Self::Show { user } => {
                let user = match user {
                    Some(name) => client.user(&name).await?.user,
                    None => own_id(&**client.store()).await?,
                };
                match client.profile(user).await? {
                    Some(profile) => show(&profile, &mut output)?,
                    None => return Err(Failure::refused("this profile may not be read")),
                }
            }
            Self::List => {
                let mut profiles = Profiles::default();
                client.profiles(&mut profiles).await?;
                for profile in profiles.iter() {
                    let name = printable(&profile.display_name);
                    let title = printable(&profile.title);
                    output.line(&format!("{}\t{name}\t{title}", profile.name))?;
                }
            }
            Self::Set(fields) => {
                let fields = ProfileFields {
                    display_name: fields.display_name,
                    phone: fields.phone,
                    mail: fields.mail,
                    avatar: None,
                };
                match client.profile_set(fields).await? {
                    0 => eprintln!("nothing had to change"),
                    version => eprintln!("durable as version {version}"),
                }
            }
        }
        output.flush()?;
        Ok(())
    }
}

fn show(profile: &Profile, output: &mut Output) -> Result<(), Failure> {
    for (what, text) in [
        ("name", &profile.name),
        ("display name", &profile.display_name),
        ("title", &profile.title),
        ("phone", &profile.phone),
        ("mail", &profile.mail),
    ] {
        if !text.is_empty() {
            output.line(&format!("{what}\t{}", printable(text)))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn department(id: u8, parent: Option<u8>, place: u32) -> Department {
        let octets = |id: u8| Bytes::from(vec![id; 16]);
        Department {
            department: octets(id),
            parent: parent.map(octets).unwrap_or_default(),
            name: id.to_string(),
            place,
        }
    }

    #[test]
    fn departments_stand_below_those_above_them() {
        let departments = [
            department(1, Some(9), 1),
            department(2, Some(1), 2),
            department(3, Some(1), 1),
            department(4, Some(3), 1),
            department(5, None, 2),
        ];
        let tree = tree(&departments);
        let names: Vec<_> = tree
            .iter()
            .map(|(depth, it)| (*depth, &it.name[..]))
            .collect();
        assert_eq!(names, [(0, "1"), (1, "3"), (2, "4"), (1, "2"), (0, "5")]);
    }
}
