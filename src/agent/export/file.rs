//! A file that begins anew before it is too large.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};

use super::plan::{Rotation, Target};

/// Where lines go.
pub(super) enum Sink {
    Stdout,
    File(Rotated),
}

/// A file with its older ones: `NAME.1` is the newest of them.
pub(super) struct Rotated {
    rotation: Rotation,
    file: File,
    bytes: u64,
}

impl Sink {
    /// Opens it; lines are added to a file that is there.
    pub(super) fn open(target: &Target) -> io::Result<Self> {
        Ok(match target {
            Target::File(rotation) => Self::File(Rotated::open(rotation.clone())?),
            Target::Stdout | Target::Collector(_) => Self::Stdout,
        })
    }

    /// Writes whole lines, all or none of them.
    pub(super) fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(lines).and_then(|()| stdout.flush())
            }
            Self::File(file) => file.write(lines),
        }
    }
}

impl Rotated {
    fn open(rotation: Rotation) -> io::Result<Self> {
        let file = append(&rotation.path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { rotation, file, bytes })
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        let bytes = lines.len() as u64;
        if self.bytes > 0 && self.bytes + bytes > self.rotation.max_bytes {
            self.rotate()?;
        }
        match self.file.write_all(lines) {
            Ok(()) => {
                self.bytes += bytes;
                Ok(())
            }
            Err(error) => {
                // Half a line would make the next one unreadable, too.
                let _ = self.file.set_len(self.bytes);
                Err(error)
            }
        }
    }

    /// Makes room: the oldest file goes, the others move on. What needs room on the disk comes first, so that old
    /// files stay where they are when there is none: it is tried again with the next lines.
    fn rotate(&mut self) -> io::Result<()> {
        let Rotation { path, backups, compress, .. } = &self.rotation;
        let numbered = |number: usize| older(path, number, *compress);
        if *backups == 0 {
            self.file.set_len(0)?;
            self.bytes = 0;
            return Ok(());
        }
        // It is gone when somebody took it, or when the last try ended before another was begun.
        if path.exists() {
            // Number 0 is about to be the first.
            let next = if *compress { squeeze(path, &numbered(0))? } else { path.clone() };
            for number in (1..*backups).rev() {
                rename(&numbered(number), &numbered(number + 1))?;
            }
            fs::rename(&next, numbered(1))?;
            if *compress {
                fs::remove_file(path)?;
            }
        }
        self.file = append(path)?;
        self.bytes = 0;
        Ok(())
    }
}

/// Flows say who speaks with whom: that is for the agent's user only.
fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

fn older(path: &Path, number: usize, compressed: bool) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{number}{}", if compressed { ".gz" } else { "" }));
    name.into()
}

/// Moves a file that may not be there.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        moved => moved,
    }
}

/// Compresses a file to another, and returns that; half of it is not left behind.
fn squeeze(from: &Path, to: &Path) -> io::Result<PathBuf> {
    let packed = || {
        let packed =
            OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(to)?;
        let mut packed = GzEncoder::new(packed, Compression::fast());
        io::copy(&mut File::open(from)?, &mut packed)?;
        packed.finish().map(drop)
    };
    packed().inspect_err(|_| drop(fs::remove_file(to)))?;
    Ok(to.to_owned())
}
