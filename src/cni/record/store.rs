//! The directory of records.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::EndpointRecord;

/// A record cannot be written, read or removed.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The directory cannot be used.
    #[error("cannot use the directory of endpoint records {path}")]
    Directory {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// One record cannot be written.
    #[error("cannot write the endpoint record {path}")]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// One record cannot be removed.
    #[error("cannot remove the endpoint record {path}")]
    Remove {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The directory of records: `<state-dir>/endpoints`.
#[derive(Debug)]
pub struct RecordStore {
    dir: PathBuf,
}

/// What the directory held.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The readable records.
    pub records: Vec<EndpointRecord>,
    /// Files that were set aside because they could not be read.
    pub quarantined: Vec<PathBuf>,
}

const QUARANTINE: &str = "corrupt";

impl RecordStore {
    /// Opens the directory, making it if needed.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(state_dir: &Path) -> Result<Self, RecordError> {
        let dir = state_dir.join("endpoints");
        fs::create_dir_all(&dir)
            .map_err(|source| RecordError::Directory { path: dir.clone(), source })?;
        Ok(Self { dir })
    }

    /// Reads all records. What cannot be read is moved to `corrupt/`, for people to look at.
    ///
    /// # Errors
    /// When the directory cannot be listed.
    pub fn load(&self) -> Result<Loaded, RecordError> {
        let failed = |source| RecordError::Directory { path: self.dir.clone(), source };
        let mut loaded = Loaded::default();
        for entry in fs::read_dir(&self.dir).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("json") => match read(&path) {
                    Ok(record) if self.path(&record.host_ifname) == path => {
                        loaded.records.push(record);
                    }
                    _ => {
                        self.quarantine(&path).map_err(failed)?;
                        loaded.quarantined.push(path);
                    }
                },
                // Left by a write that was cut off; its ADD never returned.
                Some("tmp") => fs::remove_file(&path).map_err(failed)?,
                _ => {}
            }
        }
        loaded.records.sort_by_key(|record| record.incarnation);
        Ok(loaded)
    }

    /// Reads all records and changes nothing.
    ///
    /// # Errors
    /// When the directory cannot be listed.
    pub fn read_all(&self) -> Result<Vec<EndpointRecord>, RecordError> {
        let failed = |source| RecordError::Directory { path: self.dir.clone(), source };
        let entries = fs::read_dir(&self.dir).map_err(failed)?;
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let json = paths.filter(|path| path.extension().is_some_and(|ext| ext == "json"));
        Ok(json.filter_map(|path| read(&path).ok()).collect())
    }

    /// Writes a record; it is on disk when this returns.
    ///
    /// # Errors
    /// When the file system refuses: full, read-only, failing.
    pub fn save(&self, record: &EndpointRecord) -> Result<(), RecordError> {
        let path = self.path(&record.host_ifname);
        serde_json::to_vec(record)
            .map_err(io::Error::from)
            .and_then(|bytes| write_atomically(&path, &bytes))
            .map_err(|source| RecordError::Write { path, source })
    }

    /// Removes a record. That it does not exist is not an error.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn remove(&self, host_ifname: &str) -> Result<(), RecordError> {
        let path = self.path(host_ifname);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(RecordError::Remove { path, source })
            }
            _ => Ok(()),
        }
    }

    fn path(&self, host_ifname: &str) -> PathBuf {
        self.dir.join(format!("{host_ifname}.json"))
    }

    fn quarantine(&self, path: &Path) -> io::Result<()> {
        let aside = self.dir.join(QUARANTINE);
        fs::create_dir_all(&aside)?;
        fs::rename(path, aside.join(path.file_name().expect("a listed file has a name")))
    }
}

fn read(path: &Path) -> io::Result<EndpointRecord> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

/// Replaces a file so that readers, and whoever comes after a crash, see the old or the new
/// contents and nothing else.
///
/// # Errors
/// When the file system refuses; the old file is untouched then.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let result = (|| {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_data()?;
        fs::rename(&temporary, path)
    })();
    if result.is_err() {
        drop(fs::remove_file(&temporary));
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cni::{record::host_ifname, wire::AttachmentKey},
        model::{Addresses, EndpointId, Identity, IfIndex, Incarnation, Labels, MacAddr},
    };

    fn record(n: u32) -> EndpointRecord {
        let attachment = AttachmentKey { container_id: format!("c{n}"), ifname: "eth0".into() };
        EndpointRecord {
            id: EndpointId(n),
            incarnation: Incarnation(n),
            host_ifname: host_ifname(&attachment),
            attachment,
            pod: None,
            addresses: Addresses { v4: Some([10, 0, 0, 1].into()), v6: None },
            ifindex: IfIndex(7),
            mac: MacAddr([2, 0, 0, 0, 0, 1]),
            host_mac: MacAddr([2, 0, 0, 0, 0, 2]),
            mtu: 1500,
            netns: "/run/netns/x".into(),
            netns_inode: 1,
            netns_cookie: 2,
            boot_id: "boot".into(),
            identity: Identity(256),
            labels: Labels::default(),
            created: 0,
        }
    }

    #[test]
    fn what_was_saved_is_loaded_and_what_is_corrupt_is_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        let store = RecordStore::open(dir.path()).unwrap();
        for n in [2, 1] {
            store.save(&record(n)).unwrap();
        }
        let endpoints = dir.path().join("endpoints");
        let good = fs::read(endpoints.join(format!("{}.json", record(1).host_ifname))).unwrap();
        for (name, bytes) in [
            ("empty.json", &b""[..]),
            ("garbage.json", b"\xff\x00\x01"),
            ("truncated.json", &good[..good.len() / 2]),
            ("other-name.json", &good),
            ("cut.tmp", b"{"),
        ] {
            fs::write(endpoints.join(name), bytes).unwrap();
        }
        let loaded = store.load().unwrap();
        assert_eq!(loaded.records, [record(1), record(2)]);
        assert_eq!(loaded.quarantined.len(), 4);
        assert!(!endpoints.join("cut.tmp").exists());
        let again = store.load().unwrap();
        assert_eq!((again.records.len(), again.quarantined.len()), (2, 0));
        store.remove(&record(1).host_ifname).unwrap();
        store.remove(&record(1).host_ifname).unwrap();
        assert_eq!(store.load().unwrap().records, [record(2)]);
    }

    #[test]
    fn names_of_host_devices_fit_the_kernel_and_differ() {
        let name = host_ifname(&record(1).attachment);
        assert_eq!(name.len(), 14);
        assert_ne!(name, host_ifname(&record(2).attachment));
    }
}
