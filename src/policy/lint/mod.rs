//! What is probably not meant: policies that are rejected, match nobody, lock somebody out, or open too
//! much. Findings have stable codes; `skep policy lint --explain CODE` shows the page of each.

mod checks;
mod code;
mod context;
mod corpus;
mod cover;
mod edit;
mod facts;
mod finding;
mod fix;
mod index;
mod monitor;
mod release;
mod suppress;
#[cfg(test)]
mod tests;
mod tree;

pub use code::{CODES, Code, Selection, is_choice};
pub use corpus::{Corpus, Object, Whole};
pub use finding::{Edit, Finding, Fix, Safety};
pub use fix::{apply, edits};
pub use release::{NoRelease, Release};
pub use suppress::Suppressions;

/// Returns what there is to say of all policies, in the order of files and lines, without what their
/// annotation `skep.io/lint-ignore` names.
pub fn lint(corpus: &Corpus, selection: &Selection) -> Vec<Finding> {
    let context = context::Context::new(corpus);
    checks::run(&context);
    let mut findings = context.into_findings();
    findings.retain(|finding| selection.wants(finding.code, finding.severity));
    let annotated = suppress::annotations(corpus);
    findings.retain(|finding| {
        let ignored = annotated.get(&finding.object.to_string());
        !ignored.is_some_and(|choices| suppress::names(choices, finding.code))
    });
    // What comes from a cluster has no text to change.
    for finding in findings.iter_mut().filter(|finding| finding.object.file.is_empty()) {
        finding.fix = None;
    }
    findings.sort_by_cached_key(|finding| {
        let Finding { object, span, code, path, message, .. } = finding;
        let file = object.file.to_string();
        (file, *span, code.id, object.to_string(), path.clone(), message.clone())
    });
    findings.dedup();
    findings
}
