//! `CiliumNetworkPolicy` and `CiliumClusterwideNetworkPolicy`.

mod layer7;
mod peers;
mod ports;
mod spec;

pub(super) use spec::{isolated, subject};

use super::{cursor::Cursor, object::Object, problem::ProblemCode};
use crate::policy::rule::Rule;

/// Reads all rules of an object: those of `spec` and of each of `specs`.
pub(super) fn read(object: &Object<'_>) -> Vec<Rule> {
    let fields = &object.fields;
    let mut specs: Vec<Cursor<'_>> = fields.get("spec").into_iter().collect();
    specs.extend(fields.list("specs").unwrap_or_default());
    if specs.is_empty() {
        fields.cursor.note(ProblemCode::NoRules, "spec or specs must be given");
    }
    specs.iter().flat_map(|spec| spec::read(object, spec)).collect()
}
