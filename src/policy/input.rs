//! A set of objects, sorted into what policies say and whom they say it of.

use std::{collections::HashSet, sync::Arc};

use super::{
    cluster::{CidrGroup, Conflict, Inventory, Service},
    judge::{Judge, Mode, PeerMatcher},
    parse::{Parsed, Problem, Settings, parse},
    rule::{Policy, PolicyKind},
    text::{Document, Node, Value},
};

/// Why a set of objects cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// Objects that repeat.
    #[error(transparent)]
    Conflict(#[from] Conflict),
}

/// Everything that was given.
#[derive(Debug, Default)]
pub struct Input {
    /// What the meaning of policies depends on.
    pub settings: Settings,
    /// Whom policies speak of.
    pub inventory: Inventory,
    /// All policy objects, rejected ones too, in the order given.
    pub parsed: Vec<Parsed>,
    /// How many objects were of kinds that do not matter here.
    pub ignored: usize,
    /// Kinds, namespaces and names of the policies so far.
    seen: HashSet<(PolicyKind, Option<String>, String)>,
}

impl Input {
    /// Starts an empty set.
    pub fn new(settings: Settings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Takes a document; the items of a list are taken one by one.
    ///
    /// # Errors
    /// When an object was given before.
    pub fn add(&mut self, document: &Document) -> Result<(), InputError> {
        if let Some(items) = list_items(&document.root) {
            for item in items {
                let file = Arc::clone(&document.file);
                self.add(&Document { file, root: item.clone() })?;
            }
            return Ok(());
        }
        match parse(document, &self.settings) {
            Some(parsed) => self.add_policy(parsed)?,
            None if self.inventory.add(document)? => {}
            None => self.ignored += 1,
        }
        Ok(())
    }

    fn add_policy(&mut self, parsed: Parsed) -> Result<(), Conflict> {
        let reference = &parsed.reference;
        let key = (reference.kind, reference.namespace.clone(), reference.name.clone());
        if !self.seen.insert(key) {
            let (file, line) = (reference.file.to_string(), reference.at.line);
            return Err(Conflict { file, line, what: reference.to_string() });
        }
        self.parsed.push(parsed);
        Ok(())
    }

    /// Returns the policies that can be enforced.
    pub fn policies(&self) -> Vec<Arc<Policy>> {
        self.parsed.iter().filter_map(|parsed| parsed.policy.clone()).collect()
    }

    /// Returns what judging takes.
    pub fn grounds(&self) -> Grounds<'_> {
        Grounds {
            policies: self.policies(),
            services: self.inventory.services(),
            groups: self.inventory.groups(),
            settings: &self.settings,
        }
    }

    /// Returns everything that is wrong.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.parsed.iter().flat_map(|parsed| &parsed.problems)
    }
}

/// What judging takes of an input, collected once.
#[derive(Debug)]
pub struct Grounds<'a> {
    policies: Vec<Arc<Policy>>,
    services: Vec<Service>,
    groups: &'a [CidrGroup],
    settings: &'a Settings,
}

impl Grounds<'_> {
    /// Returns a judge.
    pub fn judge(&self, mode: Mode) -> Judge<'_> {
        Judge {
            policies: &self.policies,
            peers: PeerMatcher {
                services: &self.services,
                groups: self.groups,
                cluster: &self.settings.cluster,
            },
            mode,
            compat: self.settings.compat,
        }
    }
}

/// Returns the items of a `List`, as `kubectl get -o yaml` prints several objects.
fn list_items(root: &Node) -> Option<&[Node]> {
    let is_list = root.get("kind")?.text()?.ends_with("List");
    match &root.get("items")?.value {
        Value::List(items) if is_list => Some(items),
        _ => None,
    }
}
