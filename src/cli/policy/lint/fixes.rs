//! Changing files, or showing how they would change.

use std::{fs, path::Path};

use similar::TextDiff;

use crate::{
    cli::{
        error::Error,
        exit::Answer,
        output::Output,
        policy::{diff, error::PolicyError, files::Manifest, source::MeaningArgs},
    },
    policy::{
        Input,
        lint::{Finding, Safety, apply, edits},
        parse::Settings,
        text,
    },
};

/// Returns the texts with all changes that are as safe as asked for, in the order of the manifests.
pub(super) fn fixed(
    manifests: &[Manifest],
    findings: &[Finding],
    settings: &Settings,
    most: Safety,
) -> Vec<String> {
    let fix = |manifest: &Manifest| {
        let name = manifest.name();
        let own = findings.iter().filter(|finding| *finding.object.file == *name);
        let edits = edits(&manifest.text, own, settings, most);
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

/// Says what changes do to connectivity, as far as there are pods to tell it by.
pub(super) fn tell_connectivity(
    out: &Output,
    manifests: &[Manifest],
    fixed: &[String],
    meaning: &MeaningArgs,
) -> Result<(), Error> {
    if manifests.iter().zip(fixed).all(|(manifest, text)| manifest.text == *text) {
        return Ok(());
    }
    let names = || manifests.iter().map(Manifest::name);
    let old = input(names().zip(manifests.iter().map(|m| &m.text)), meaning)?;
    let new = input(names().zip(fixed), meaning)?;
    match diff::compare(&old, &new, &[], meaning.mode()) {
        Ok(changes) => out.note(diff::text(out, &changes).trim_end()),
        Err(_) => out.note("no pods are known, so what changes in connectivity is not"),
    }
    Ok(())
}

fn input<'t>(
    texts: impl Iterator<Item = (String, &'t String)>,
    meaning: &MeaningArgs,
) -> Result<Input, PolicyError> {
    let mut input = Input::new(meaning.settings());
    for (name, text) in texts {
        for document in text::parse(&name, text)? {
            input.add(&document)?;
        }
    }
    Ok(input)
}
