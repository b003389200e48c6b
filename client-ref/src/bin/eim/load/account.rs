//! Accounts to log in with.

use std::path::Path;

use crate::exit::Failure;

/// An account.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) password: String,
}

/// Reads `count` accounts from a CSV file, or makes their names from a prefix.
pub(crate) fn accounts(
    file: Option<&Path>,
    prefix: Option<&str>,
    password: Option<&str>,
    count: usize,
) -> Result<Vec<Account>, Failure> {
    let all = match (file, prefix) {
        (Some(file), _) => {
            let text =
                std::fs::read_to_string(file).map_err(|error| Failure::file(file, &error))?;
            parse(&text).map_err(|line| {
                Failure::usage(format!(
                    "{}:{line}: neither name,password nor name,display name,password",
                    file.display()
                ))
            })?
        }
        (None, Some(prefix)) => {
            let password =
                password.ok_or_else(|| Failure::usage("a password is needed: EIM_PASSWORD"))?;
            (0..count)
                .map(|number| Account {
                    name: format!("{prefix}{number}"),
                    password: password.to_owned(),
                })
                .collect()
        }
        (None, None) => return Err(Failure::usage("--accounts or --users-prefix is needed")),
    };
    if all.len() < count {
        return Err(Failure::usage(format!(
            "{count} accounts are needed, not {}",
            all.len()
        )));
    }
    Ok(all.into_iter().take(count).collect())
}

/// Lines of `name,password` or, as `eim-server user import` takes them, `name,display
/// name,password`; an error is the number of the first wrong line.
fn parse(text: &str) -> Result<Vec<Account>, usize> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| {
            let line = line.trim();
            !line.is_empty() && !line.starts_with('#') && line != "name,password"
        })
        .map(|(number, line)| {
            let (name, rest) = line.split_once(',').ok_or(number + 1)?;
            let password = rest.split_once(',').map_or(rest, |(_, password)| password);
            Ok(Account {
                name: name.trim().to_owned(),
                password: password.trim().to_owned(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_and_passwords() {
        let accounts = parse("# accounts\nname,password\na,A.,p,q\n\nb , r\n").unwrap();
        assert_eq!(
            (accounts[0].name.as_str(), accounts[0].password.as_str()),
            ("a", "p,q")
        );
        assert_eq!(
            (accounts[1].name.as_str(), accounts[1].password.as_str()),
            ("b", "r")
        );
        assert_eq!(parse("a,b\nc").unwrap_err(), 2);
    }
}
