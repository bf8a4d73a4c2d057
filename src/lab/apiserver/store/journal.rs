//! Every write as a line of a file, so that a server that is killed and started again knows its objects.
//!
//! `write` without `fsync`: the file is for the life of a lab, and outlives the process, not the machine. A last line
//! that was cut off by the kill is ignored: its writer got no answer.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::collection::Key;

const HEADER: &[u8] = b"skep-lab-objects 1\n";
/// Bytes by which the file may outgrow twice its live content before it is written anew.
const SLACK: u64 = 8 << 20;

/// The objects of an earlier run cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Reading or writing failed.
    #[error("cannot use {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// The file is not what this version writes.
    #[error("{} is damaged in line {line}; remove it to start with an empty cluster", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which line, counted from 1.
        line: usize,
    },
}

/// What an earlier run left.
#[derive(Default)]
pub(in crate::lab::apiserver) struct Recovered {
    pub(in crate::lab::apiserver) revision: u64,
    /// The revision of the last change of each resource.
    pub(in crate::lab::apiserver) latest: HashMap<String, u64>,
    /// By resource; the values carry their revision.
    pub(in crate::lab::apiserver) objects: BTreeMap<String, BTreeMap<Key, Value>>,
}

/// The file and how much of it is needed.
pub(super) struct Journal {
    file: File,
    path: PathBuf,
    bytes: u64,
    /// Bytes after it was last written anew.
    live: u64,
}

impl Journal {
    /// Opens the file, made if absent, and returns what it holds.
    pub(super) fn open(path: &Path) -> Result<(Self, Recovered), JournalError> {
        let failed = |source| JournalError::Io { path: path.to_owned(), source };
        let mut file = options().open(path).map_err(failed)?;
        let mut recovered = Recovered::default();
        let mut bytes = 0;
        let mut reader = BufReader::new(&file);
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            let read = reader.read_until(b'\n', &mut line).map_err(failed)?;
            if read == 0 || line.last() != Some(&b'\n') {
                break;
            }
            let known = if number == 1 { line == HEADER } else { recovered.take(&line).is_some() };
            if !known {
                return Err(JournalError::Damaged { path: path.to_owned(), line: number });
            }
            bytes += read as u64;
        }
        file.set_len(bytes).map_err(failed)?;
        file.seek(SeekFrom::Start(bytes)).map_err(failed)?;
        let mut journal = Self { file, path: path.to_owned(), bytes, live: bytes };
        if bytes == 0 {
            journal.append(HEADER).map_err(failed)?;
        }
        Ok((journal, recovered))
    }

    /// Appends lines; on failure the file is as before.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(lines) {
            self.file.set_len(self.bytes).and(self.file.seek(SeekFrom::Start(self.bytes)))?;
            return Err(error);
        }
        self.bytes += lines.len() as u64;
        Ok(())
    }

    /// Tells whether most of the file is history.
    pub(super) fn is_wasteful(&self) -> bool {
        self.bytes > 2 * self.live + SLACK
    }

    /// Writes the file anew with these lines.
    pub(super) fn replace<'a>(
        &mut self,
        lines: impl Iterator<Item = Vec<u8>> + 'a,
    ) -> io::Result<()> {
        let fresh = self.path.with_extension("new");
        fs::remove_file(&fresh).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })?;
        let mut file = io::BufWriter::new(options().open(&fresh)?);
        file.write_all(HEADER)?;
        let mut bytes = HEADER.len() as u64;
        for line in lines {
            file.write_all(&line)?;
            bytes += line.len() as u64;
        }
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        fs::rename(&fresh, &self.path)?;
        (self.file, self.bytes, self.live) = (file, bytes, bytes);
        Ok(())
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    // Secrets are objects too.
    options.read(true).write(true).create(true).mode(0o600);
    options
}

impl Recovered {
    /// Takes a line in; `None` if it is not one.
    fn take(&mut self, line: &[u8]) -> Option<()> {
        let text = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
        let (kind, rest) = text.split_once(' ')?;
        let (resource, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let revision: u64;
        match kind {
            "put" => {
                let value: Value = serde_json::from_str(rest).ok()?;
                let metadata = &value["metadata"];
                revision = metadata["resourceVersion"].as_str()?.parse().ok()?;
                let namespace = metadata["namespace"].as_str().unwrap_or_default();
                let key = Key::new(namespace, metadata["name"].as_str()?);
                self.objects.entry(resource.to_owned()).or_default().insert(key, value);
            }
            "delete" => {
                let mut words = rest.splitn(3, ' ');
                revision = words.next()?.parse().ok()?;
                let key = Key::new(words.next()?, words.next()?);
                self.objects.get_mut(resource)?.remove(&key);
            }
            "latest" => revision = rest.parse().ok()?,
            "drop" => {
                self.objects.remove(resource);
                self.latest.remove(resource);
                return Some(());
            }
            _ => return None,
        }
        self.revision = self.revision.max(revision);
        let latest = self.latest.entry(resource.to_owned()).or_default();
        *latest = revision.max(*latest);
        Some(())
    }
}

pub(super) fn put_line(resource: &str, json: &[u8]) -> Vec<u8> {
    let mut line = Vec::with_capacity(json.len() + resource.len() + 6);
    line.extend_from_slice(b"put ");
    line.extend_from_slice(resource.as_bytes());
    line.push(b' ');
    line.extend_from_slice(json);
    line.push(b'\n');
    line
}

pub(super) fn delete_line(resource: &str, key: &Key, revision: u64) -> Vec<u8> {
    format!("delete {resource} {revision} {} {}\n", key.namespace, key.name).into_bytes()
}

pub(super) fn latest_line(resource: &Arc<str>, revision: u64) -> Vec<u8> {
    format!("latest {resource} {revision}\n").into_bytes()
}

pub(super) fn drop_line(resource: &str) -> Vec<u8> {
    format!("drop {resource}\n").into_bytes()
}

/// Returns the secret in a file, made if absent.
pub(in crate::lab::apiserver) fn secret<const N: usize>(
    path: &Path,
    make: impl FnOnce() -> [u8; N],
) -> Result<[u8; N], JournalError> {
    let failed = |source| JournalError::Io { path: path.to_owned(), source };
    let mut file = options().open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(failed)?;
    if let Ok(secret) = bytes.try_into() {
        return Ok(secret);
    }
    let secret = make();
    file.set_len(0).map_err(failed)?;
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    file.write_all(&secret).map_err(failed)?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(name: &str, revision: u64) -> Vec<u8> {
        let value = json!({"metadata": {"name": name, "namespace": "a",
            "resourceVersion": revision.to_string()}});
        put_line("pods", value.to_string().as_bytes())
    }

    #[test]
    fn what_was_written_is_read_back_even_after_a_cut() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("objects");
        let (mut journal, recovered) = Journal::open(&path).unwrap();
        assert_eq!(recovered.revision, 0);
        for line in [object("x", 5), object("y", 6), delete_line("pods", &Key::new("a", "x"), 7)] {
            journal.append(&line).unwrap();
        }
        journal.append(b"put pods {\"metadata\":{\"na").unwrap();
        let (mut journal, recovered) = Journal::open(&path).unwrap();
        assert_eq!((recovered.revision, recovered.latest["pods"]), (7, 7));
        let names: Vec<_> = recovered.objects["pods"].keys().map(|key| &*key.name).collect();
        assert_eq!(names, ["y"]);
        journal.replace([object("z", 8)].into_iter()).unwrap();
        journal.append(&object("w", 9)).unwrap();
        let recovered = Journal::open(&path).unwrap().1;
        assert_eq!((recovered.revision, recovered.objects["pods"].len()), (9, 2));
        fs::write(&path, b"skep-lab-objects 1\nnonsense\n").unwrap();
        assert!(matches!(Journal::open(&path), Err(JournalError::Damaged { line: 2, .. })));
    }
}
