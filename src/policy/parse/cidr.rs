//! Address prefixes.

use ipnet::IpNet;

use super::cursor::{Cursor, Fields};
use crate::policy::rule::{CidrReach, Cidrs, is_within};

/// Reads a prefix; host bits are cut off.
pub(in crate::policy) fn prefix(cursor: &Cursor<'_>) -> Option<IpNet> {
    let text = cursor.text()?;
    match text.parse::<IpNet>() {
        Ok(net) => Some(net.trunc()),
        Err(_) if text.contains('/') => {
            cursor.refuse(format!("{text:?} is no CIDR"));
            None
        }
        Err(_) => {
            let length = if text.contains(':') { 128 } else { 32 };
            cursor.refuse(format!("{text:?} is no CIDR: it needs a length, such as /{length}"));
            None
        }
    }
}

/// Reads what is left out of a prefix.
pub(super) fn except(fields: &Fields<'_>, outer: Option<IpNet>) -> Vec<IpNet> {
    let mut left_out = Vec::new();
    for item in fields.list("except").unwrap_or_default() {
        let Some(inner) = prefix(&item) else { continue };
        match outer {
            Some(outer) if !is_within(&[outer], &inner) => {
                item.refuse(format!("{inner} is not part of {outer}"));
            }
            _ => left_out.push(inner),
        }
    }
    left_out
}

/// Reads `cidr` and `except`.
pub(super) fn cidrs(fields: &Fields<'_>, reach: CidrReach) -> Option<Cidrs> {
    let prefix = prefix(&fields.get("cidr")?)?;
    Some(Cidrs { prefix, except: except(fields, Some(prefix)), reach })
}
