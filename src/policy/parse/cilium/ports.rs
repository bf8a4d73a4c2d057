//! The ports of a rule.

use super::{layer7, spec::Scope};
use crate::policy::{
    parse::{
        cursor::{Cursor, Fields},
        port::{self, MAX_PORTS},
    },
    rule::{PortRule, Ports},
};

/// Reads `toPorts` and `icmps`. An empty list is as good as none.
pub(super) fn read(scope: &Scope<'_>, fields: &Fields<'_>) -> Ports {
    let items = |key| fields.list(key).filter(|items: &Vec<Cursor<'_>>| !items.is_empty());
    match (items("toPorts"), items("icmps")) {
        (Some(_), Some(_)) => {
            fields.cursor.refuse("takes either toPorts or icmps");
            Ports::Of(Vec::new())
        }
        (Some(ports), None) => {
            Ports::Of(ports.iter().flat_map(|item| to_ports(scope, item)).collect())
        }
        (None, Some(icmps)) => Ports::Of(port::icmps(&icmps)),
        (None, None) => Ports::All,
    }
}

const ALLOWING: [&str; 6] =
    ["ports", "rules", "terminatingTLS", "originatingTLS", "serverNames", "listener"];
const DENYING: [&str; 1] = ["ports"];

fn to_ports(scope: &Scope<'_>, item: &Cursor<'_>) -> Vec<PortRule> {
    let known: &[&str] = if scope.denies { &DENYING } else { &ALLOWING };
    let Some(fields) = item.fields(known) else { return Vec::new() };
    let list = fields.list("ports").unwrap_or_default();
    if list.len() > MAX_PORTS {
        item.refuse(format!("has {} ports; {MAX_PORTS} are the most", list.len()));
    }
    let items: Vec<_> = list.iter().filter_map(port::item).collect();
    let proxy = layer7::read(scope, &fields, &items);
    let mut rules = Vec::new();
    for item in &items {
        item.add_to(&mut rules, proxy.as_ref());
    }
    rules
}
