//! The directory as operators write it: two CSV files, checked line by line.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use eim_codec::id::UserId;

use crate::store::{DepartmentGroup, DepartmentId, DepartmentMember, DepartmentRecord, Directory};

/// Problems told at once.
const TOLD: usize = 20;
/// Longest text, in octets.
const TEXT: usize = 256;

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which file.
    pub file: &'static str,
    /// Its line, from 1.
    pub line: usize,
    /// What, for people.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}: {}", self.file, self.line, self.what)
    }
}

/// What is wrong with the files, in their order; the first ones if there are many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.0.iter().take(TOLD).enumerate() {
            let separator = if number == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        match self.0.len().checked_sub(TOLD) {
            Some(more) if more > 0 => write!(f, "\nand {more} more"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Problems {}

impl Problems {
    fn add(&mut self, file: &'static str, line: usize, what: impl Into<String>) {
        let what = what.into();
        self.0.push(Problem { file, line, what });
    }
}

const DEPARTMENTS: &str = "departments";
const MEMBERS: &str = "members";

/// Reads `code,parent,name` of departments, with `group` after that if there are groups, and `user,department,title` of members, each with that
/// header. `users` tells who has which login name.
///
/// # Errors
/// [`Problems`]: everything that is wrong, by line.
pub fn read(
    departments: &str,
    members: &str,
    users: impl Fn(&str) -> Option<UserId>,
) -> Result<Directory, Problems> {
    let mut problems = Problems::default();
    let departments = read_departments(departments, &mut problems);
    let members = read_members(members, &departments, users, &mut problems);
    if problems.0.is_empty() {
        Ok(Directory {
            departments: departments.into_values().map(|(_, it)| it).collect(),
            members,
        })
    } else {
        Err(problems)
    }
}

/// Departments by id, with their lines.
type Departments = BTreeMap<DepartmentId, (usize, DepartmentRecord)>;

fn read_departments(text: &str, problems: &mut Problems) -> Departments {
    let mut departments = Departments::new();
    let mut places: BTreeMap<Option<DepartmentId>, u32> = BTreeMap::new();
    for (line, [code, parent, name, group]) in department_rows(text, problems) {
        if code.is_empty() || name.is_empty() || code.len() > TEXT || name.len() > TEXT {
            let what = format!("code and name have 1 to {TEXT} octets");
            problems.add(DEPARTMENTS, line, what);
            continue;
        }
        let group = match &group[..] {
            "" => DepartmentGroup::None,
            "members" => DepartmentGroup::Members,
            "branch" => DepartmentGroup::Branch,
            _ => {
                let what = "group is empty, members or branch";
                problems.add(DEPARTMENTS, line, what);
                continue;
            }
        };
        let id = DepartmentId::of(&code);
        let parent = (!parent.is_empty()).then(|| DepartmentId::of(&parent));
        let place = places.entry(parent).or_default();
        *place += 1;
        let record = DepartmentRecord {
            id,
            code,
            parent,
            name,
            place: *place,
            group,
        };
        if let Some((first, before)) = departments.get(&id) {
            let what = format!("{} is in line {first} already", before.code);
            problems.add(DEPARTMENTS, line, what);
            continue;
        }
        departments.insert(id, (line, record));
    }
    let mut found: Vec<(usize, String)> = Vec::new();
    for (line, department) in departments.values() {
        if department
            .parent
            .is_some_and(|parent| !departments.contains_key(&parent))
        {
            found.push((*line, "the parent is not in the file".to_owned()));
        } else if is_in_cycle(department, &departments) {
            found.push((*line, format!("{} is above itself", department.code)));
        }
    }
    found.sort();
    for (line, what) in found {
        problems.add(DEPARTMENTS, line, what);
    }
    departments
}

/// Rows with or without the column of groups, as the header says.
fn department_rows(text: &str, problems: &mut Problems) -> Vec<(usize, [String; 4])> {
    let header = text.lines().next().and_then(fields);
    if header.is_some_and(|fields| fields.len() == 4) {
        return rows(
            DEPARTMENTS,
            ["code", "parent", "name", "group"],
            text,
            problems,
        );
    }
    rows(DEPARTMENTS, ["code", "parent", "name"], text, problems)
        .into_iter()
        .map(|(line, [code, parent, name])| (line, [code, parent, name, String::new()]))
        .collect()
}

fn is_in_cycle(department: &DepartmentRecord, departments: &Departments) -> bool {
    let above = |id: &DepartmentId| departments.get(id).and_then(|(_, it)| it.parent);
    std::iter::successors(department.parent, above)
        .take(departments.len())
        .any(|id| id == department.id)
}

fn read_members(
    text: &str,
    departments: &Departments,
    users: impl Fn(&str) -> Option<UserId>,
    problems: &mut Problems,
) -> Vec<DepartmentMember> {
    let mut members = Vec::new();
    let mut seen = BTreeSet::new();
    for (line, [name, code, title]) in
        rows(MEMBERS, ["user", "department", "title"], text, problems)
    {
        let department = DepartmentId::of(&code);
        if !departments.contains_key(&department) {
            problems.add(MEMBERS, line, format!("no department {code:?}"));
            continue;
        }
        if title.len() > TEXT {
            problems.add(MEMBERS, line, format!("a title has at most {TEXT} octets"));
            continue;
        }
        let Some(user) = users(&name) else {
            problems.add(MEMBERS, line, format!("no user {name:?}"));
            continue;
        };
        if !seen.insert((user, department)) {
            problems.add(MEMBERS, line, format!("{name} is in {code} already"));
            continue;
        }
        members.push(DepartmentMember {
            department,
            user,
            title,
        });
    }
    members
}

/// The rows below the header, with their lines.
fn rows<const N: usize>(
    file: &'static str,
    header: [&str; N],
    text: &str,
    problems: &mut Problems,
) -> Vec<(usize, [String; N])> {
    let mut rows = Vec::new();
    let lines = text.lines().enumerate();
    for (index, line) in lines {
        let number = index + 1;
        if line.trim().is_empty() {
            continue;
        }
        let Some(fields) = fields(line) else {
            problems.add(file, number, "a quotation mark is missing");
            continue;
        };
        let found = fields.len();
        let Ok(fields) = <[String; N]>::try_from(fields) else {
            problems.add(file, number, format!("{found} fields instead of {N}"));
            continue;
        };
        if index == 0 {
            if fields != header {
                let what = format!("the first line must be {}", header.join(","));
                problems.add(file, number, what);
            }
            continue;
        }
        rows.push((number, fields));
    }
    rows
}

/// The fields of a line (RFC 4180, without line ends inside of quotation marks).
fn fields(line: &str) -> Option<Vec<String>> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut letters = line.trim_start_matches('\u{feff}').chars().peekable();
    while let Some(letter) = letters.next() {
        let field = fields.last_mut()?;
        match (quoted, letter) {
            (true, '"') if letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            (true, '"') => quoted = false,
            (false, '"') if field.trim().is_empty() => {
                field.clear();
                quoted = true;
            }
            (false, ',') => fields.push(String::new()),
            (_, letter) => field.push(letter),
        }
    }
    (!quoted).then(|| fields.iter().map(|field| field.trim().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(name: &str) -> Option<UserId> {
        match name {
            "ada" => Some([1; 16].into()),
            "bob" => Some([2; 16].into()),
            _ => None,
        }
    }

    #[test]
    fn a_tree_is_read() {
        let departments =
            "code,parent,name\nroot,,\"Acme, \"\"Ltd\"\"\"\nit,root,IT\n\nops,it,Ops\n";
        let members = "user,department,title\nada,it,CTO\nbob,ops,\nada,root,\n";
        let directory = read(departments, members, users).unwrap();
        assert_eq!(directory.departments.len(), 3);
        let root = directory.departments.iter().find(|it| it.code == "root");
        assert_eq!(root.unwrap().name, "Acme, \"Ltd\"");
        let of = |member: &DepartmentMember| (member.user, member.department);
        let found: Vec<_> = directory.members.iter().map(of).collect();
        let id = DepartmentId::of;
        let (ada, bob) = ([1; 16].into(), [2; 16].into());
        assert_eq!(
            found,
            [(ada, id("it")), (bob, id("ops")), (ada, id("root"))]
        );
    }

    #[test]
    fn a_department_may_have_a_group() {
        let departments = "code,parent,name,group\na,,A,branch\nb,a,B,members\nc,a,C,\n";
        let members = "user,department,title\n";
        let directory = read(departments, members, users).unwrap();
        let mut found: Vec<_> = directory.departments.iter().collect();
        found.sort_by_key(|it| it.code.clone());
        let groups: Vec<_> = found.iter().map(|it| it.group).collect();
        let expected = [
            DepartmentGroup::Branch,
            DepartmentGroup::Members,
            DepartmentGroup::None,
        ];
        assert_eq!(groups, expected);
        let problems = read("code,parent,name,group\na,,A,all\n", members, users).unwrap_err();
        assert!(problems.to_string().contains("line 2: group is empty"));
    }

    #[test]
    fn everything_that_is_wrong_is_told_by_line() {
        let departments = "code,parent,name\na,b,A\nb,a,B\nc,x,C\nc,,C\n,,D\ne,,\"E\nf,F\n";
        let members = "user,title\nada,a,\neve,a,\nada,y,\nada,a,again\n";
        let problems = read(departments, members, users).unwrap_err();
        let lines: Vec<_> = problems.0.iter().map(|it| (it.file, it.line)).collect();
        assert_eq!(
            lines,
            [
                (DEPARTMENTS, 7),
                (DEPARTMENTS, 8),
                (DEPARTMENTS, 5),
                (DEPARTMENTS, 6),
                (DEPARTMENTS, 2),
                (DEPARTMENTS, 3),
                (DEPARTMENTS, 4),
                (MEMBERS, 1),
                (MEMBERS, 3),
                (MEMBERS, 4),
                (MEMBERS, 5),
            ]
        );
        assert!(problems.to_string().contains("members, line 3: no user"));
    }
}
