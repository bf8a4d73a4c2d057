//! `proto/` against a table of what Hubble's clients were built with: names, numbers, types.

use std::{collections::BTreeSet, fs, path::Path};

use prost::Message;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};
use skep::hubble::DESCRIPTORS;

/// Writes a descriptor set as the lines of the table.
#[derive(Default)]
struct Lines(BTreeSet<String>);

impl Lines {
    fn of(set: &FileDescriptorSet) -> Self {
        let mut lines = Self::default();
        for file in set.file.iter().filter(|file| !file.package().starts_with("google.")) {
            file.message_type.iter().for_each(|message| lines.message(file.package(), message));
            file.enum_type.iter().for_each(|one| lines.enumeration(file.package(), one));
            for service in &file.service {
                for method in &service.method {
                    let stream = if method.server_streaming() { "stream:" } else { "" };
                    lines.add(format!(
                        "method {}.{} {} {} {stream}{}",
                        file.package(),
                        service.name(),
                        method.name(),
                        &method.input_type()[1..],
                        &method.output_type()[1..]
                    ));
                }
            }
        }
        lines
    }

    fn add(&mut self, line: String) {
        self.0.insert(line);
    }

    fn message(&mut self, scope: &str, message: &DescriptorProto) {
        let name = format!("{scope}.{}", message.name());
        let deprecated =
            message.options.as_ref().is_some_and(prost_types::MessageOptions::deprecated);
        self.add(format!("message {name}{}", mark(deprecated)));
        for range in &message.reserved_range {
            // The end of a message's range is exclusive.
            self.reserved(&name, range.start(), range.end() - 1);
        }
        for field in &message.field {
            self.field(&name, message, field);
        }
        message.nested_type.iter().for_each(|nested| self.message(&name, nested));
        message.enum_type.iter().for_each(|nested| self.enumeration(&name, nested));
    }

    fn field(&mut self, name: &str, message: &DescriptorProto, field: &FieldDescriptorProto) {
        let repeated = if field.label() == Label::Repeated { "repeated:" } else { "" };
        let oneof = field
            .oneof_index
            .map(|index| format!(" oneof:{}", message.oneof_decl[index as usize].name()))
            .unwrap_or_default();
        let deprecated = field.options.as_ref().is_some_and(prost_types::FieldOptions::deprecated);
        let kind = kind(field);
        // The table leaves out the package where it is the message's own.
        let package = format!("{}.", name.split('.').next().unwrap_or_default());
        let kind = kind.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')).unwrap_or(&kind);
        let kind = kind.strip_prefix(&package).unwrap_or(kind);
        self.add(format!(
            "field {name} {} {} {repeated}{kind}{oneof}{}",
            field.number(),
            field.name(),
            mark(deprecated)
        ));
    }

    fn enumeration(&mut self, scope: &str, one: &EnumDescriptorProto) {
        let name = format!("{scope}.{}", one.name());
        self.add(format!("enum {name}"));
        for range in &one.reserved_range {
            // The end of an enum's range is inclusive.
            self.reserved(&name, range.start(), range.end());
        }
        for value in &one.value {
            let deprecated =
                value.options.as_ref().is_some_and(prost_types::EnumValueOptions::deprecated);
            self.add(format!(
                "value {name} {} {}{}",
                value.number(),
                value.name(),
                mark(deprecated)
            ));
        }
    }

    fn reserved(&mut self, name: &str, first: i32, last: i32) {
        let range = if first == last { first.to_string() } else { format!("{first} to {last}") };
        self.add(format!("reserved {name} {range}"));
    }
}

fn mark(deprecated: bool) -> &'static str {
    if deprecated { " deprecated" } else { "" }
}

fn kind(field: &FieldDescriptorProto) -> String {
    match field.r#type() {
        Type::Message | Type::Enum => field.type_name()[1..].to_owned(),
        Type::Double => "double".to_owned(),
        Type::Int64 => "int64".to_owned(),
        Type::Uint64 => "uint64".to_owned(),
        Type::Int32 => "int32".to_owned(),
        Type::Uint32 => "uint32".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::String => "string".to_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn the_messages_are_those_of_hubbles_clients() {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/hubble/contract.txt");
    let table = fs::read_to_string(table).expect("the table is there");
    let wanted: BTreeSet<String> =
        table.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    let set = FileDescriptorSet::decode(DESCRIPTORS).expect("a descriptor set");
    let found = Lines::of(&set).0;
    let missing: Vec<_> = wanted.difference(&found).collect();
    let added: Vec<_> = found.difference(&wanted).collect();
    assert!(missing.is_empty() && added.is_empty(), "missing {missing:#?}\nadded {added:#?}");
    assert!(wanted.len() > 600, "the table has {} lines", wanted.len());
}
