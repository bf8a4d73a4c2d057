//! The plugin's binary and network list, where the runtime looks for them.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use serde_json::json;
use tracing::{info, warn};

use crate::{cni::record::write_atomically, config::AgentConfig};

const BINARY: &str = "skep-cni";
const CONFLIST: &str = "05-skep.conflist";

/// Installs the binary first and the network list last: the list makes the node ready.
///
/// Neither is removed when the agent ends. A runtime without a network list does not even try to
/// delete pods.
pub(super) fn plugin(config: &AgentConfig) -> io::Result<()> {
    install_binary(&config.cni_bin_dir)?;
    install_conflist(&config.cni_conf_dir, &config.run_dir.join("cni.sock"))?;
    for other in earlier_lists(&config.cni_conf_dir) {
        warn!(path = %other.display(), "the runtime takes another network list, not skep's");
    }
    Ok(())
}

fn install_binary(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let own = Path::new("/proc/self/exe");
    let target = dir.join(BINARY);
    if same_file(own, &target)? {
        return Ok(());
    }
    let temporary = dir.join(format!(".{BINARY}.new"));
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // A link costs nothing; between file systems it takes a copy.
    let path = fs::read_link(own)?;
    if fs::hard_link(&path, &temporary).is_err() {
        fs::copy(own, &temporary)?;
        fs::set_permissions(&temporary, fs::Permissions::from_mode(0o755))?;
    }
    fs::rename(&temporary, &target)?;
    info!(path = %target.display(), "plugin installed");
    Ok(())
}

fn same_file(own: &Path, target: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let own = fs::metadata(own)?;
    match fs::metadata(target) {
        Ok(there) => Ok((own.dev(), own.ino()) == (there.dev(), there.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Version 1.0.0, because containerd 1.7 takes a list of 1.1.0 and then fails every pod.
fn install_conflist(dir: &Path, socket: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let list = json!({
        "cniVersion": "1.0.0",
        "name": "skep",
        "plugins": [{"type": BINARY, "socket": socket}],
    });
    let mut bytes = serde_json::to_vec_pretty(&list)?;
    bytes.push(b'\n');
    let path = dir.join(CONFLIST);
    // Every write makes the runtime load all lists again.
    if fs::read(&path).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    write_atomically(&path, &bytes)?;
    info!(path = %path.display(), "network list installed");
    Ok(())
}

fn earlier_lists(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let loaded = |path: &Path| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        matches!(extension, Some("conf" | "conflist" | "json"))
    };
    let before = |path: &Path| path.file_name().is_some_and(|name| name < CONFLIST);
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(|path| loaded(path) && before(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_valid_written_once_and_rivals_are_found() {
        let dir = tempfile::tempdir().unwrap();
        install_conflist(dir.path(), Path::new("/run/skep/cni.sock")).unwrap();
        let path = dir.path().join(CONFLIST);
        let list: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(list["cniVersion"], "1.0.0");
        assert_eq!(list["plugins"][0]["type"], "skep-cni");
        let written = fs::metadata(&path).unwrap().modified().unwrap();
        install_conflist(dir.path(), Path::new("/run/skep/cni.sock")).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), written);
        fs::write(dir.path().join("00-evil.conflist"), "{}").unwrap();
        fs::write(dir.path().join("00-readme.txt"), "").unwrap();
        assert_eq!(earlier_lists(dir.path()), [dir.path().join("00-evil.conflist")]);
    }
}
