//! The arrows between folders: which part may use which, and where a third-party crate may appear.
//!
//! One crate has no crate walls, so this test reads the sources.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// For each folder of `src/`, the folders it may use. Roles of the binary are wired at the bottom.
const MAY_USE: &[(&str, &[&str])] = &[
    ("certificate", &[]),
    ("model", &[]),
    ("telemetry", &[]),
    ("config", &["model", "kernel", "flows"]),
    ("policy", &["model"]),
    ("service", &["model"]),
    ("kubernetes", &["model", "service"]),
    ("maps", &["model", "policy", "service"]),
    ("events", &["model"]),
    ("hubble", &[]),
    ("kernel", &["model", "maps", "events"]),
    ("flows", &["model", "events", "hubble"]),
    ("api", &["model", "maps", "flows", "hubble", "telemetry"]),
    ("cni", &["model", "kernel"]),
    (
        "agent",
        &[
            "model",
            "kubernetes",
            "policy",
            "service",
            "maps",
            "kernel",
            "events",
            "flows",
            "hubble",
            "api",
            "cni",
            "config",
            "telemetry",
        ],
    ),
    (
        "operator",
        &["certificate", "model", "kubernetes", "policy", "api", "config", "telemetry", "install"],
    ),
    ("relay", &["api", "hubble", "telemetry"]),
    ("install", &["model"]),
    ("lab", &["certificate", "model", "kubernetes", "kernel", "config", "telemetry", "install"]),
    ("connectivity", &["model", "kubernetes"]),
    (
        "bench",
        &[
            "model", "policy", "service", "maps", "kernel", "events", "flows", "hubble", "api",
            "cni", "lab", "agent",
        ],
    ),
    (
        "cli",
        &[
            "model",
            "kubernetes",
            "policy",
            "api",
            "flows",
            "hubble",
            "cni",
            "agent",
            "operator",
            "relay",
            "lab",
            "connectivity",
            "bench",
            "config",
            "telemetry",
        ],
    ),
];

/// Crates that stop at their folders.
const CRATES: &[(&str, &[&str])] = &[
    ("aya", &["kernel", "maps"]),
    ("kube", &["kubernetes", "agent", "operator", "lab", "connectivity", "cli"]),
    ("k8s_openapi", &["kubernetes", "agent", "operator", "lab", "connectivity", "cli"]),
    ("comfy_table", &["cli"]),
    ("indicatif", &["cli"]),
    ("ratatui", &["cli"]),
    ("clap", &["cli", "config"]),
    ("axum", &["api", "lab"]),
    ("netlink_packet_route", &["kernel"]),
    ("netlink_packet_core", &["kernel"]),
    ("netlink_sys", &["kernel"]),
    ("rcgen", &["certificate"]),
    ("prost", &["hubble", "api"]),
    ("prost_types", &["hubble", "api"]),
    ("saphyr_parser", &["policy"]),
    ("similar", &["cli"]),
    ("tonic", &["api", "relay"]),
    ("tower", &["api"]),
    ("tokio_rustls", &["api", "agent", "lab"]),
];

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("src is readable") {
        let path = entry.expect("src is readable").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// Returns the code of a file without comments and without its test modules.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a source file is text");
    let text = text.split("#[cfg(test)]").next().expect("split yields one part at least");
    text.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// Returns the names that follow `prefix` in `code`, looking into `{a, b::c}` groups too.
fn names_after(code: &str, prefix: &str) -> BTreeSet<String> {
    let ident = |text: &str| {
        text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
    };
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices(prefix) {
        let rest = &code[at + prefix.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            names.insert(ident(rest));
            continue;
        };
        let mut depth = 0;
        let mut start = true;
        for (offset, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => start = true,
                c if start && !c.is_whitespace() => {
                    names.insert(ident(&group[offset..]));
                    start = false;
                }
                _ => {}
            }
        }
    }
    names
}

/// Yields (folder, file, code) of every file in a folder of `src/`.
fn files_by_folder() -> Vec<(String, PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    sources(&src)
        .into_iter()
        .filter_map(|path| {
            let inside = path.strip_prefix(&src).expect("found below src");
            let folder = inside.iter().next()?.to_str()?.to_owned();
            (inside.iter().count() > 1 && folder != "bin")
                .then(|| (folder, path.clone(), code(&path)))
        })
        .collect()
}

#[test]
fn folders_use_only_what_the_table_allows() {
    let mut wrong = Vec::new();
    for (folder, path, code) in files_by_folder() {
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == folder) else {
            wrong.push(format!("{}: folder {folder} is not in the table", path.display()));
            continue;
        };
        for used in names_after(&code, "crate::") {
            let is_folder = MAY_USE.iter().any(|(name, _)| *name == used);
            if is_folder && used != folder && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{}: {folder} must not use {used}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn third_party_crates_stop_at_their_folders() {
    let mut wrong = Vec::new();
    for (folder, path, code) in files_by_folder() {
        for (name, folders) in CRATES {
            let used = [format!("use {name}::"), format!(" {name}::"), format!("({name}::")]
                .iter()
                .any(|pattern| code.contains(pattern.as_str()));
            if used && !folders.contains(&folder.as_str()) {
                wrong.push(format!("{}: {folder} must not use {name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn policy_and_model_stay_pure() {
    for (folder, path, code) in files_by_folder() {
        if !["model", "policy", "service"].contains(&folder.as_str()) {
            continue;
        }
        for banned in ["tokio", "std::time", "std::fs", "std::process"] {
            assert!(!code.contains(banned), "{}: {folder} must not use {banned}", path.display());
        }
    }
}

#[test]
fn no_file_is_larger_than_the_house_allows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut large = Vec::new();
    for folder in ["src", "bpf/src", "tests"] {
        for path in sources(&root.join(folder)) {
            let lines = fs::read_to_string(&path).expect("a source file is text").lines().count();
            if lines > 800 {
                large.push(format!("{}: {lines} lines", path.display()));
            }
        }
    }
    assert!(large.is_empty(), "{}", large.join("\n"));
}

#[test]
fn the_portable_datapath_depends_on_no_aya_crate() {
    let lib = Path::new(env!("CARGO_MANIFEST_DIR")).join("bpf/src");
    for path in sources(&lib) {
        if path.starts_with(lib.join("bin")) {
            continue;
        }
        // The one exception: user space's promise that ABI types are plain bytes.
        let code = code(&path).replace("unsafe impl aya::Pod for", "");
        assert!(!code.contains("aya"), "{} must not use aya", path.display());
    }
}
