//! One definition per setting gives the flag, the variable and the file key.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

use super::{AgentArgs, InvalidConfig, OperatorArgs, Problem};

/// Where the settings file is unless `--config` says otherwise.
pub(super) const DEFAULT_FILE: &str = "/etc/skep/config.yaml";

/// Defines a clap argument group whose fields may also come from the settings file.
macro_rules! settings {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $($(#[$field_meta:meta])* $field:ident = $key:literal $env:literal,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, clap::Args)]
        pub struct $name {
            /// File with settings in YAML
            #[arg(long = "config", env = "SKEP_CONFIG", value_name = "FILE")]
            pub config: Option<std::path::PathBuf>,
            $(
                #[arg(long = $key, env = $env)]
                $(#[$field_meta])*
                pub $field: Option<String>,
            )*
        }

        impl $name {
            /// Keys of the settings file that this role reads.
            pub const KEYS: &'static [&'static str] = &[$($key),*];

            /// Takes from the file what neither a flag nor a variable has set.
            fn fill(&mut self, file: &std::collections::BTreeMap<String, String>) {
                $(
                    if self.$field.is_none() {
                        self.$field = file.get($key).cloned();
                    }
                )*
            }
        }
    };
}

pub(super) use settings;

/// Collects what is wrong while everything else is parsed.
#[derive(Debug, Default)]
pub(super) struct Parser {
    problems: Vec<Problem>,
}

impl Parser {
    /// Reads the settings file. The default file may be absent; one that was asked for may not.
    pub(super) fn file(
        &mut self,
        asked: Option<&Path>,
    ) -> Result<BTreeMap<String, String>, InvalidConfig> {
        let path = asked.unwrap_or(Path::new(DEFAULT_FILE));
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound && asked.is_none() => {
                return Ok(BTreeMap::new());
            }
            Err(source) => return Err(InvalidConfig::Unreadable { path: path.into(), source }),
        };
        let parsed: Option<BTreeMap<String, serde_yaml::Value>> = serde_yaml::from_str(&text)
            .map_err(|source| InvalidConfig::Malformed { path: path.into(), source })?;
        let mut settings = BTreeMap::new();
        for (key, value) in parsed.unwrap_or_default() {
            let known = AgentArgs::KEYS.contains(&key.as_str())
                || OperatorArgs::KEYS.contains(&key.as_str());
            match scalar(&value) {
                _ if !known => self.refuse(&key, "", "is not a setting"),
                Some(text) => drop(settings.insert(key, text)),
                None => self.refuse(&key, "", "must be a single value or a list of values"),
            }
        }
        Ok(settings)
    }

    /// Parses a value, or notes the problem and returns the default.
    pub(super) fn value<T: FromStr>(
        &mut self,
        key: &str,
        raw: Option<String>,
        default: T,
        expected: &str,
    ) -> T {
        match raw {
            None => default,
            Some(text) => text.parse().unwrap_or_else(|_| {
                self.refuse(key, &text, &format!("is not {expected}"));
                default
            }),
        }
    }

    /// Parses a path, which must be absolute.
    pub(super) fn path(&mut self, key: &str, raw: Option<String>, default: &str) -> PathBuf {
        let path = PathBuf::from(raw.unwrap_or_else(|| default.to_owned()));
        if !path.is_absolute() {
            self.refuse(key, &path.display().to_string(), "is not an absolute path");
        }
        path
    }

    /// Notes a problem.
    pub(super) fn refuse(&mut self, key: &str, value: &str, reason: &str) {
        self.problems.push(Problem {
            key: key.to_owned(),
            value: value.to_owned(),
            reason: reason.to_owned(),
        });
    }

    /// Returns the configuration when nothing was wrong.
    pub(super) fn finish<T>(self, config: T) -> Result<T, InvalidConfig> {
        if self.problems.is_empty() {
            Ok(config)
        } else {
            Err(InvalidConfig::Fields(self.problems))
        }
    }
}

/// Turns a YAML scalar, or a list of them, into the text a flag would have.
fn scalar(value: &serde_yaml::Value) -> Option<String> {
    match value {
        serde_yaml::Value::String(text) => Some(text.clone()),
        serde_yaml::Value::Number(number) => Some(number.to_string()),
        serde_yaml::Value::Bool(flag) => Some(flag.to_string()),
        serde_yaml::Value::Sequence(items) => {
            items.iter().map(scalar).collect::<Option<Vec<_>>>().map(|texts| texts.join(","))
        }
        _ => None,
    }
}
