use mprov_sdk::{Attribute, CancellationToken, Diagnostics, ExecRequest, Fault, Object, Silent, Type, Value};

use crate::connection::{Connection, Stat};
use crate::fault::cannot;
use crate::refused;

/// Whose numbers: the tables of users and of groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    User,
    Group,
}

impl Account {
    fn attribute(self) -> &'static str {
        match self {
            Self::User => "owner",
            Self::Group => "group",
        }
    }

    fn table(self) -> (&'static str, &'static str) {
        match self {
            Self::User => ("/etc/passwd", "passwd"),
            Self::Group => ("/etc/group", "group"),
        }
    }
}

/// Mode, owner and group, as numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ownership {
    pub mode: Option<u32>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
}

/// The attributes `mode`, `owner` and `group`.
pub fn attributes() -> [(&'static str, Attribute); 3] {
    [
        ("mode", Attribute::optional_computed(Type::String, "Permission bits in octal, \"0640\".")),
        ("owner", Attribute::optional_computed(Type::String, "Name or number of the user it belongs to.")),
        ("group", Attribute::optional_computed(Type::String, "Name or number of the group.")),
    ]
}

pub fn validate(config: &Object) -> Diagnostics {
    match config["mode"].as_str().map(parse_mode) {
        Some(Err(fault)) => refused("mode", fault.summary, fault.detail).into(),
        _ => Diagnostics::new(),
    }
}

pub fn parse_mode(text: &str) -> Result<u32, Fault> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let octal = !digits.is_empty() && digits.len() <= 5 && digits.bytes().all(|b| (b'0'..=b'7').contains(&b));
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if octal && mode <= 0o7777 => Ok(mode),
        _ => Err(Fault::new(format!("\"{text}\" is not a file mode"))
            .detail("Write permission bits in octal, like \"0640\" or \"0755\".")),
    }
}

pub fn show_mode(mode: u32) -> String {
    format!("{mode:04o}")
}

/// What the attributes ask for, in numbers of that machine.
pub async fn wanted(connection: &dyn Connection, planned: &Object) -> Result<Ownership, Fault> {
    let number = async |account: Account| match planned[account.attribute()].as_str() {
        Some(name) => resolve(connection, account, name).await.map(Some),
        None => Ok(None),
    };
    Ok(Ownership {
        mode: planned["mode"].as_str().map(parse_mode).transpose()?,
        uid: number(Account::User).await?,
        gid: number(Account::Group).await?,
    })
}

/// Sets what is wanted. The owner first: a change of it clears set-uid bits.
pub async fn set(connection: &dyn Connection, path: &str, wanted: Ownership) -> Result<(), Fault> {
    if wanted.uid.is_some() || wanted.gid.is_some() {
        let change = connection.set_owner(path, wanted.uid, wanted.gid).await;
        change.map_err(cannot("change the owner of", path))?;
    }
    if let Some(mode) = wanted.mode {
        connection.set_mode(path, mode).await.map_err(cannot("change the mode of", path))?;
    }
    Ok(())
}

/// The three attributes as they are, in the known form where that means the same.
pub async fn observe(
    connection: &dyn Connection,
    stat: &Stat,
    known: &Object,
    into: &mut Object,
) -> Result<(), Fault> {
    let same_mode = known["mode"].as_str().and_then(|m| parse_mode(m).ok()) == Some(stat.mode);
    if !same_mode {
        into.set("mode", show_mode(stat.mode));
    }
    for (account, id) in [(Account::User, stat.uid), (Account::Group, stat.gid)] {
        let name = account.attribute();
        let stored = match known[name].as_str() {
            // A name that nobody has any more is not the owner's.
            Some(text) => resolve(connection, account, text).await.ok(),
            None => None,
        };
        if stored != Some(id) {
            into.set(name, name_of(connection, account, id).await?);
        }
    }
    Ok(())
}

/// The number of a user or group, given by name or number.
pub async fn resolve(connection: &dyn Connection, account: Account, name: &str) -> Result<u32, Fault> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let row = match row(&table(connection, account).await?, |row| row[0] == name) {
        Some(row) => Some(row),
        None => directory_service(connection, account, name).await,
    };
    row.and_then(|row| row.get(2)?.parse().ok()).ok_or_else(|| {
        Fault::new(format!(
            "there is no {} \"{name}\" on the machine",
            account.table().1.replace("passwd", "user")
        ))
        .detail("Create it first, or give a number.")
    })
}

async fn name_of(connection: &dyn Connection, account: Account, id: u32) -> Result<String, Fault> {
    let number = id.to_string();
    let found = row(&table(connection, account).await?, |row| row.get(2) == Some(&number));
    Ok(found.map_or(number, |row| row[0].clone()))
}

async fn table(connection: &dyn Connection, account: Account) -> Result<String, Fault> {
    let path = account.table().0;
    let bytes = connection.read(path).await.map_err(cannot("read", path))?;
    Ok(String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned())
}

fn row(table: &str, wanted: impl Fn(&Vec<String>) -> bool) -> Option<Vec<String>> {
    table.lines().map(|line| line.split(':').map(str::to_owned).collect()).find(wanted)
}

/// For accounts that are in no file, but in LDAP and the like.
async fn directory_service(connection: &dyn Connection, account: Account, name: &str) -> Option<Vec<String>> {
    let request = ExecRequest::new(["getent", account.table().1, name]);
    let output = connection.exec(request, &Silent, &CancellationToken::new()).await.ok()?;
    output.success().then(|| row(&output.stdout_text(), |_| true)).flatten()
}

/// A mode for an attribute that says none.
pub fn or_mode(config: &mut Object, mode: &str) {
    if config["mode"].is_null() {
        config.set("mode", Value::from(mode));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Local;

    #[test]
    fn modes_are_octal_and_bounded() {
        assert_eq!(parse_mode("0640").unwrap(), 0o640);
        assert_eq!(parse_mode("2755").unwrap(), 0o2755);
        for wrong in ["", "rw-r--r--", "888", "-1", "+644", "77777"] {
            assert!(parse_mode(wrong).is_err(), "{wrong}");
        }
        assert_eq!(show_mode(0o40), "0040");
    }

    #[tokio::test]
    async fn names_and_numbers_are_resolved_and_unknown_names_are_faults() {
        assert_eq!(resolve(&Local, Account::User, "root").await.unwrap(), 0);
        assert_eq!(resolve(&Local, Account::Group, "12345").await.unwrap(), 12345);
        assert_eq!(name_of(&Local, Account::User, 0).await.unwrap(), "root");
        let fault = resolve(&Local, Account::User, "nobody-has-this-name").await.unwrap_err();
        assert!(fault.summary.contains("no user \"nobody-has-this-name\""), "{fault}");
    }
}
