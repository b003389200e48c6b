//! Groups of departments have the members that the operator imported.

use std::collections::BTreeSet;

use super::{Found, Invariant};
use crate::model::sight::DepartmentGroups;
use crate::model::{Event, Model};
use crate::observation::Observation;

/// When an import was carried out, the group of each department has exactly the members that follow
/// from it, and nobody is in the group of a department that has none any more.
#[derive(Debug, Default)]
pub struct DepartmentsFollow {
    wanted: Option<(u32, DepartmentGroups)>,
}

impl Invariant for DepartmentsFollow {
    fn name(&self) -> &'static str {
        "departments-follow"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[
            "EIM-DIR-017",
            "EIM-DIR-018",
            "EIM-DIR-021",
            "EIM-DIR-022",
            "EIM-DIR-023",
        ]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        match event {
            Event::Seen(Observation::ImportBegun { number, groups }) => {
                self.wanted = Some((*number, groups.clone()));
            }
            Event::Seen(Observation::ImportEnded { number, done: true }) => {
                let wanted = self.wanted.take_if(|(begun, _)| begun == number);
                if let Some((_, wanted)) = wanted {
                    compare(model, &wanted, found);
                }
            }
            _ => {}
        }
    }
}

fn compare(model: &Model, wanted: &DepartmentGroups, found: &mut Found) {
    let conversations = model.server.conversations.iter();
    let departments = conversations.filter(|(_, it)| it.governed.department);
    let there = departments.map(|(id, it)| (*id, it.members.keys().copied().collect()));
    let there: DepartmentGroups = there.collect();
    let ids: BTreeSet<_> = there.keys().chain(wanted.keys()).collect();
    for id in ids {
        let members = there.get(id).cloned().unwrap_or_default();
        let due = wanted.get(id).cloned().unwrap_or_default();
        found.add_if(members != due, || {
            format!("the group {id} has {members:?}, imported were {due:?}")
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scene::{self, Feed};

    /// The group of the good run, as one of a department.
    fn imported(users: &[u8]) -> Vec<Feed> {
        let members = users.iter().map(|user| scene::user(*user)).collect();
        let groups = [(scene::GROUP.into(), members)].into();
        let mut feeds = scene::good();
        for feed in &mut feeds {
            if let Feed::Server(batch) = feed {
                scene::as_department(batch);
            }
        }
        feeds.push(Feed::Seen(Observation::ImportBegun { number: 1, groups }));
        let done = true;
        feeds.push(Feed::Seen(Observation::ImportEnded { number: 1, done }));
        feeds
    }

    #[test]
    fn groups_follow_their_departments() {
        assert_eq!(
            scene::judge(DepartmentsFollow::default(), imported(&[2])),
            []
        );
        for bad in [&[1, 2][..], &[]] {
            scene::assert_judges::<DepartmentsFollow>(imported(bad), "imported were");
        }
    }
}
