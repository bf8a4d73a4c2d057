//! What messages have: names, numbers and kinds of fields, from the descriptors.

use std::{collections::BTreeMap, sync::LazyLock};

use prost::Message as _;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};

use super::DESCRIPTORS;

/// A message by its full name.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    /// Full name with a dot before it, such as `.flow.Flow`.
    pub name: String,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// A field of a message.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// Name in the proto file.
    pub name: String,
    /// Number on the wire.
    pub number: u32,
    /// Whether it is a list.
    pub repeated: bool,
    /// What it holds.
    pub kind: Kind,
}

/// What a field holds. Fields of flows are of no other kind; a test would tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// True or false.
    Bool,
    /// A signed number.
    Int,
    /// One that is never negative.
    Uint,
    /// Text.
    Text,
    /// One of an enum, by its full name.
    Enum(String),
    /// A message, by its full name.
    Message(String),
    /// Floating point, bytes and numbers of fixed size.
    Other,
}

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let set = FileDescriptorSet::decode(DESCRIPTORS).expect("the build has made it");
    let mut schema = Schema::default();
    for file in set.file {
        let scope = format!(".{}", file.package());
        file.message_type.iter().for_each(|message| schema.add(&scope, message));
        file.enum_type.iter().for_each(|values| schema.add_enum(&scope, values));
    }
    schema
});

/// Returns a message by its full name.
pub fn message(name: &str) -> Option<&'static Message> {
    SCHEMA.messages.get(name)
}

/// Returns the values of an enum, given by its full name.
pub fn enumeration(name: &str) -> Option<&'static [(String, i32)]> {
    SCHEMA.enums.get(name).map(Vec::as_slice)
}

/// Returns the full names of all enums.
pub fn enumerations() -> impl Iterator<Item = &'static str> {
    SCHEMA.enums.keys().map(String::as_str)
}

impl Message {
    /// Returns a field by its name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

#[derive(Default)]
struct Schema {
    messages: BTreeMap<String, Message>,
    enums: BTreeMap<String, Vec<(String, i32)>>,
}

impl Schema {
    fn add(&mut self, scope: &str, message: &DescriptorProto) {
        let name = format!("{scope}.{}", message.name());
        message.nested_type.iter().for_each(|nested| self.add(&name, nested));
        message.enum_type.iter().for_each(|values| self.add_enum(&name, values));
        let fields = message.field.iter().map(|field| Field {
            name: field.name().to_owned(),
            number: field.number().unsigned_abs(),
            repeated: field.label() == Label::Repeated,
            kind: match field.r#type() {
                Type::Bool => Kind::Bool,
                Type::Int32 | Type::Int64 => Kind::Int,
                Type::Uint32 | Type::Uint64 => Kind::Uint,
                Type::String => Kind::Text,
                Type::Enum => Kind::Enum(field.type_name().to_owned()),
                Type::Message => Kind::Message(field.type_name().to_owned()),
                _ => Kind::Other,
            },
        });
        let fields = fields.collect();
        self.messages.insert(name.clone(), Message { name, fields });
    }

    fn add_enum(&mut self, scope: &str, values: &EnumDescriptorProto) {
        let name = format!("{scope}.{}", values.name());
        let values = values.value.iter().map(|value| (value.name().to_owned(), value.number()));
        self.enums.insert(name, values.collect());
    }
}
