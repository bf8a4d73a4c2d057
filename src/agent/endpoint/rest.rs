//! Addresses that rest, remembered over restarts of the agent.

use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::cni::record::write_atomically;

/// The file of resting addresses. It counts only in the boot that wrote it: its times are since boot.
#[derive(Debug)]
pub(super) struct RestFile {
    path: PathBuf,
    boot_id: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Contents {
    boot_id: String,
    freed: Vec<(IpAddr, Duration)>,
}

impl RestFile {
    pub(super) fn new(state_dir: &Path, boot_id: &str) -> Self {
        Self { path: state_dir.join("resting.json"), boot_id: boot_id.to_owned() }
    }

    /// Returns what an earlier agent of this boot has freed.
    pub(super) fn load(&self) -> Vec<(IpAddr, Duration)> {
        let contents = fs::read(&self.path)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Contents>(&bytes).ok());
        contents
            .filter(|found| found.boot_id == self.boot_id)
            .map(|found| found.freed)
            .unwrap_or_default()
    }

    /// Remembers the addresses that still rest.
    pub(super) fn save(&self, freed: Vec<(IpAddr, Duration)>) {
        let contents = Contents { boot_id: self.boot_id.clone(), freed };
        let written = serde_json::to_vec(&contents)
            .map_err(std::io::Error::from)
            .and_then(|bytes| write_atomically(&self.path, &bytes));
        if let Err(error) = written {
            warn!(%error, "resting addresses not remembered");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_only_in_its_own_boot() {
        let dir = tempfile::tempdir().unwrap();
        let freed: Vec<(IpAddr, Duration)> = vec![
            ("10.244.1.5".parse().unwrap(), Duration::from_secs(7)),
            ("fd00::5".parse().unwrap(), Duration::from_millis(7500)),
        ];
        RestFile::new(dir.path(), "boot-1").save(freed.clone());
        assert_eq!(RestFile::new(dir.path(), "boot-1").load(), freed);
        assert_eq!(RestFile::new(dir.path(), "boot-2").load(), []);
        fs::write(dir.path().join("resting.json"), "garbage").unwrap();
        assert_eq!(RestFile::new(dir.path(), "boot-1").load(), []);
    }
}
