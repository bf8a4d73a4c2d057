//! Changing files, or showing how they would change.

use std::{fs, path::Path};

use similar::TextDiff;

use crate::{
    cli::{
        error::Error,
        exit::Answer,
        output::Output,
        policy::{error::PolicyError, files::Manifest},
    },
    policy::{
        lint::{Finding, apply, safe_edits},
        parse::Settings,
    },
};

/// Returns the texts with all changes that are safe, in the order of the manifests.
pub(super) fn fixed(
    manifests: &[Manifest],
    findings: &[Finding],
    settings: &Settings,
) -> Vec<String> {
    let fix = |manifest: &Manifest| {
        let name = manifest.name();
        let own = findings.iter().filter(|finding| *finding.object.file == *name);
        let edits = safe_edits(&manifest.text, own, settings);
        apply(&manifest.text, &edits)
    };
    manifests.iter().map(fix).collect()
}

/// Shows the changes; the answer is no if there are any.
pub(super) fn show(
    out: &Output,
    manifests: &[Manifest],
    fixed: &[String],
) -> Result<Answer, Error> {
    let mut answer = Answer::Yes;
    for (manifest, text) in manifests.iter().zip(fixed).filter(|(m, text)| m.text != **text) {
        let name = manifest.name();
        let diff = TextDiff::from_lines(&manifest.text, text);
        let unified = diff.unified_diff().header(&name, &name).to_string();
        out.text(&unified)?;
        answer = Answer::No;
    }
    Ok(answer)
}

/// Writes the files that change; tells whether stdin was one of them, whose text goes to stdout.
pub(super) fn write(out: &Output, manifests: &[Manifest], fixed: &[String]) -> Result<bool, Error> {
    let mut is_stdout = false;
    for (manifest, text) in manifests.iter().zip(fixed) {
        if manifest.path == Path::new("-") {
            out.text(text)?;
            is_stdout = true;
        } else if manifest.text != *text {
            let path = manifest.path.clone();
            fs::write(&path, text).map_err(|source| PolicyError::Write { path, source })?;
            out.note(&format!("changed {}", manifest.name()));
        }
    }
    Ok(is_stdout)
}
