//! The engine against what Cilium itself says of the same objects.

mod advisories;
mod names;
mod roster;
mod tables;
mod validation;
mod verdicts;

use super::{
    Input,
    parse::{Compat, Settings},
    text,
};

/// Reads texts into one input.
fn input(compat: Compat, texts: &[&str]) -> Input {
    let mut input = Input::new(Settings { compat, ..Settings::default() });
    for text in texts {
        for document in text::parse("test.yaml", text).expect("it is YAML") {
            input.add(&document).expect("no object twice");
        }
    }
    input
}
