//! Documents of a file, and the objects in them.

use std::path::Path;

use serde_json::Value;

use super::{
    Manifest, ManifestError,
    error::Origin,
    types::{self, Mistake},
};

/// Fields that are file modes, which people write with a leading zero as YAML 1.1 reads them.
const MODES: [&str; 2] = ["defaultMode", "mode"];

/// One document of a text.
struct Document<'a> {
    text: &'a str,
    /// Line of its first line, from 1.
    line: usize,
}

/// Reads all objects of a text.
pub(super) fn parse(path: &Path, text: &str) -> Result<Vec<Manifest>, ManifestError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let documents: Vec<_> = documents(text).into_iter().filter(Document::has_content).collect();
    let mut manifests = Vec::new();
    for (number, document) in documents.iter().enumerate() {
        let number = (documents.len() > 1).then_some(number + 1);
        let at = |line| Origin { path: path.to_owned(), document: number, line };
        let Some(value) = document.value(&at)? else { continue };
        let begin = document.begin();
        for object in items(value, || at(begin))? {
            check_identity(&object, || at(begin))?;
            if object["kind"] == "Kustomization" {
                return Err(ManifestError::Source {
                    path: path.to_owned(),
                    what: "kustomization",
                    renderer: "kubectl kustomize",
                });
            }
            manifests.push(Manifest { object, origin: at(begin).to_string() });
        }
    }
    Ok(manifests)
}

impl Document<'_> {
    fn has_content(&self) -> bool {
        self.text
            .lines()
            .any(|line| !matches!(line.trim_start().chars().next(), None | Some('#' | '%')))
    }

    /// Returns the line of the first content.
    fn begin(&self) -> usize {
        let is_content =
            |line: &str| !matches!(line.trim_start().chars().next(), None | Some('#' | '%'));
        self.line + self.text.lines().position(is_content).unwrap_or(0)
    }

    /// Reads the document; none when it is empty.
    fn value(&self, at: &impl Fn(usize) -> Origin) -> Result<Option<Value>, ManifestError> {
        let invalid = |error: &serde_yaml::Error| {
            // Positions count within the document.
            let place = error.location();
            let line = place.as_ref().map_or(self.begin(), |place| self.line + place.line() - 1);
            let reason = if self.text.contains("{{") {
                format!(
                    "{error}; {{{{ }}}} is a template's: render it first, such as with `helm template`"
                )
            } else {
                error.to_string()
            };
            ManifestError::Invalid {
                origin: at(line),
                column: place.map_or(1, |place| place.column()),
                reason,
            }
        };
        let mut yaml: serde_yaml::Value =
            serde_yaml::from_str(self.text).map_err(|error| invalid(&error))?;
        yaml.apply_merge().map_err(|error| invalid(&error))?;
        let mut value: Value = serde_yaml::from_value(yaml).map_err(|error| invalid(&error))?;
        if value.is_null() {
            return Ok(None);
        }
        read_modes(&mut value);
        match types::check(&value, self.text) {
            Ok(()) => Ok(Some(value)),
            Err(Mistake::Placed(error)) => Err(invalid(&error)),
            Err(Mistake::Somewhere(reason)) => {
                Err(ManifestError::Invalid { origin: at(self.begin()), column: 1, reason })
            }
        }
    }
}

/// Turns 0644 into the number it stands for; YAML 1.2 calls it a text.
fn read_modes(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(read_modes),
        Value::Object(fields) => {
            for (name, value) in fields {
                let octal = value.as_str().filter(|text| text.starts_with('0'));
                let octal = octal
                    .and_then(|text| u32::from_str_radix(text.trim_start_matches("0o"), 8).ok());
                match octal.filter(|_| MODES.contains(&name.as_str())) {
                    Some(mode) => *value = mode.into(),
                    None => read_modes(value),
                }
            }
        }
        _ => {}
    }
}

/// Returns the objects of a list, with kind and version when only the list has them.
fn items(value: Value, origin: impl Fn() -> Origin) -> Result<Vec<Value>, ManifestError> {
    let list_kind =
        value["kind"].as_str().and_then(|kind| kind.strip_suffix("List")).map(str::to_owned);
    let Some(item_kind) =
        list_kind.filter(|_| value.get("items").is_some() || value["kind"] == "List")
    else {
        return Ok(vec![value]);
    };
    let version = value["apiVersion"].clone();
    let Value::Object(mut list) = value else { return Ok(vec![value]) };
    let Some(Value::Array(items)) = list.remove("items") else {
        return Err(ManifestError::Missing { origin: origin(), field: "items" });
    };
    let complete = |mut item: Value| {
        if !item_kind.is_empty() && item.is_object() {
            if item.get("kind").is_none() {
                item["kind"] = item_kind.clone().into();
            }
            if item.get("apiVersion").is_none() {
                item["apiVersion"] = version.clone();
            }
        }
        item
    };
    Ok(items.into_iter().map(complete).collect())
}

fn check_identity(object: &Value, origin: impl Fn() -> Origin) -> Result<(), ManifestError> {
    let text = |field: &str| object.pointer(field).and_then(Value::as_str).unwrap_or_default();
    for (field, name) in
        [("/apiVersion", "apiVersion"), ("/kind", "kind"), ("/metadata/name", "metadata.name")]
    {
        let otherwise = match field {
            "/metadata/name" => {
                !text("/metadata/generateName").is_empty() || text("/kind") == "Kustomization"
            }
            _ => false,
        };
        if text(field).is_empty() && !otherwise {
            return Err(ManifestError::Missing { origin: origin(), field: name });
        }
    }
    Ok(())
}

/// Splits a text at its `---` and `...` lines, which begin and end documents wherever they are.
fn documents(text: &str) -> Vec<Document<'_>> {
    let mut found = Vec::new();
    let (mut start, mut first, mut at) = (0, 1, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let is = |mark: &str| {
            line.strip_prefix(mark)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
        };
        if is("---") || is("...") {
            found.push(Document { text: &text[start..at], line: first });
            // What follows on the same line belongs to the document.
            start = at + 3;
            first = number + 1;
        }
        at += line.len();
    }
    found.push(Document { text: &text[start..], line: first });
    found
}
