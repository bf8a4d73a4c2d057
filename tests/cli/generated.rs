use std::{collections::BTreeMap, fs, path::Path};

use crate::run::{Home, repository};

fn files(dir: &Path) -> BTreeMap<String, String> {
    fs::read_dir(dir)
        .unwrap_or_else(|error| panic!("{}: {error}", dir.display()))
        .map(|entry| {
            let path = entry.expect("the directory is readable").path();
            let name =
                path.file_name().expect("an entry has a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).expect("the file is text"))
        })
        .collect()
}

/// Names what differs, not the pages.
fn assert_fresh(what: &str, generated: &BTreeMap<String, String>) {
    let kept = files(&repository().join(what));
    let stale: Vec<&String> = generated
        .iter()
        .filter(|(name, text)| kept.get(*name) != Some(*text))
        .map(|(name, _)| name)
        .chain(kept.keys().filter(|name| !generated.contains_key(*name)))
        .collect();
    assert!(stale.is_empty(), "run `make generate`: {what}/ is stale in {stale:?}");
}

#[test]
fn man_pages_are_those_of_the_command_tree() {
    let home = Home::new();
    let outcome = home.run(&["man", "--output-dir", "man"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert_fresh("man", &files(&home.dir.path().join("man")));
}

#[test]
fn completions_are_those_of_the_command_tree() {
    let home = Home::new();
    let scripts = [("bash", "skep.bash"), ("zsh", "_skep"), ("fish", "skep.fish")];
    let generated = scripts.map(|(shell, name)| {
        let outcome = home.run(&["completions", shell]);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{shell}");
        (name.to_owned(), outcome.stdout)
    });
    assert_fresh("completions", &BTreeMap::from(generated));
}
