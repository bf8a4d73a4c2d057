//! Writing a volume's files all at once: readers see the old ones or the new ones.

use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Component, Path, PathBuf},
};

use super::content::Content;

/// The link to the files that are current.
const CURRENT: &str = "..data";

/// Writes the files, as kubelet does: into a directory of their own, to which one link leads that
/// is replaced by rename.
pub(super) fn write(dir: &Path, content: &Content) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let name = format!("..{}", uuid::Uuid::new_v4().simple());
    let fresh = dir.join(&name);
    fs::create_dir(&fresh)?;
    for (path, (bytes, mode)) in content {
        let path = fresh.join(checked(path)?);
        fs::create_dir_all(path.parent().expect("below the volume's directory"))?;
        fs::write(&path, bytes)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(*mode))?;
    }
    let current = dir.join(CURRENT);
    let old = fs::read_link(&current).ok();
    let next = dir.join("..data_tmp");
    fs::remove_file(&next).ok();
    symlink(&name, &next)?;
    fs::rename(&next, &current)?;
    let firsts: BTreeSet<&str> = content.keys().filter_map(|path| path.split('/').next()).collect();
    for first in &firsts {
        let link = dir.join(first);
        if !link.is_symlink() {
            symlink(Path::new(CURRENT).join(first), &link)?;
        }
    }
    for entry in fs::read_dir(dir)?.flatten() {
        let name = entry.file_name();
        let gone =
            name.to_str().is_some_and(|name| !name.starts_with("..") && !firsts.contains(name));
        if gone {
            fs::remove_file(entry.path())?;
        }
    }
    match old {
        Some(old) => fs::remove_dir_all(dir.join(old)),
        None => Ok(()),
    }
}

/// Refuses paths that would lead out of the volume.
fn checked(path: &str) -> io::Result<PathBuf> {
    let path = PathBuf::from(path);
    if path.components().all(|part| matches!(part, Component::Normal(_))) {
        Ok(path)
    } else {
        let text = format!("{} is not a path below the volume", path.display());
        Err(io::Error::new(io::ErrorKind::InvalidInput, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(files: &[(&str, &str)]) -> Content {
        let file =
            |(path, text): &(&str, &str)| ((*path).to_owned(), (text.as_bytes().to_vec(), 0o640));
        files.iter().map(file).collect()
    }

    #[test]
    fn files_are_replaced_together_and_old_ones_go() {
        let dir = tempfile::tempdir().unwrap();
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).ok();
        write(dir.path(), &content(&[("a", "1"), ("sub/b", "2")])).unwrap();
        assert_eq!((read("a"), read("sub/b")), (Some("1".into()), Some("2".into())));
        write(dir.path(), &content(&[("a", "3")])).unwrap();
        assert_eq!((read("a"), read("sub/b")), (Some("3".into()), None));
        // The link, the directory it leads to, and one link per file.
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    }

    #[test]
    fn no_file_is_written_outside() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["../x", "/etc/x", "a/../../x"] {
            assert!(write(dir.path(), &content(&[(path, "")])).is_err(), "{path}");
        }
    }
}
