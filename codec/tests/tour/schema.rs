//! Names of fields and enumerations, from the Protobuf files.

use std::collections::BTreeMap;
use std::path::Path;

/// The messages of `eim.v1`.
pub(crate) struct Schema {
    fields: BTreeMap<(String, u64), Field>,
    values: BTreeMap<(String, u64), String>,
}

/// One field of a message.
#[derive(Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    /// Message or enumeration, with its package; empty for scalars.
    pub(crate) type_name: String,
}

impl Schema {
    /// Reads all files under `root`/eim/v1.
    pub(crate) fn load(root: &Path) -> Self {
        let files = ["connection", "marks", "message", "request"];
        let files = files.map(|name| root.join(format!("eim/v1/{name}.proto")));
        let files = protox::compile(files, [root])
            .expect("the proto files compile")
            .file;
        let (mut fields, mut values) = (BTreeMap::new(), BTreeMap::new());
        for file in &files {
            for message in &file.message_type {
                for field in &message.field {
                    let number = u64::try_from(field.number()).expect("numbers are positive");
                    let type_name = field.type_name().trim_start_matches('.').to_owned();
                    let name = field.name().to_owned();
                    let message = format!("eim.v1.{}", message.name());
                    fields.insert((message, number), Field { name, type_name });
                }
            }
            for one in &file.enum_type {
                for value in &one.value {
                    let number = u64::try_from(value.number()).expect("numbers are positive");
                    let key = (format!("eim.v1.{}", one.name()), number);
                    values.insert(key, value.name().to_owned());
                }
            }
        }
        Self { fields, values }
    }

    pub(crate) fn field(&self, message: &str, number: u64) -> Field {
        let key = (message.to_owned(), number);
        self.fields
            .get(&key)
            .unwrap_or_else(|| panic!("{message} has no field {number}"))
            .clone()
    }

    /// The name of a value of an enumeration.
    pub(crate) fn value(&self, enumeration: &str, number: u64) -> Option<&str> {
        self.values
            .get(&(enumeration.to_owned(), number))
            .map(String::as_str)
    }

    pub(crate) fn is_message(&self, name: &str) -> bool {
        self.fields
            .range((name.to_owned(), 0)..)
            .next()
            .is_some_and(|(key, _)| key.0 == name)
    }
}
