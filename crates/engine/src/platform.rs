//! What differs between operating systems: porting the engine means porting this module.

use std::fs::{DirBuilder, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Whether others than its owner may read a file.
#[cfg(unix)]
pub(crate) fn readable_by_others(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    // A pipe, such as a shell's `<(…)`, has no name under which others could open it.
    metadata.is_file() && metadata.permissions().mode() & 0o044 != 0
}

/// Whether others than its owner may read a file. Rights are lists here, inherited from the folder: a user's own
/// folder is closed to others, and nothing simple can be said of the rest.
#[cfg(not(unix))]
pub(crate) const fn readable_by_others(_metadata: &Metadata) -> bool {
    false
}

/// Has a file that is created be for its owner alone.
#[cfg(unix)]
pub(crate) fn private_file(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

/// Has a file that is created be for its owner alone; its folder sees to that.
#[cfg(not(unix))]
pub(crate) fn private_file(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Has a crash of this process write no image of its memory, in which the secrets are, as far as the system lets us.
#[cfg(unix)]
pub fn keep_memory_to_itself() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // It is a second net: where it cannot be had, nothing else is lost.
    let _ = setrlimit(Resource::Core, none);
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        // A program that collects crashes gets them whatever the limit.
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// Has a crash of this process write no image of its memory; the system writes none unless its owner asks for it.
#[cfg(not(unix))]
pub const fn keep_memory_to_itself() {}

/// Makes a folder with its parents, for its owner alone; one that is there is closed to others.
#[cfg(unix)]
pub(crate) fn private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut permissions = std::fs::metadata(folder)?.permissions();
    if permissions.mode() & 0o077 == 0 {
        return Ok(());
    }
    permissions.set_mode(0o700);
    std::fs::set_permissions(folder, permissions)
}

/// Makes a folder with its parents; the rights are those of the user's own folder.
#[cfg(not(unix))]
pub(crate) fn private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).create(folder)
}

/// The network file system that a folder lies on, as far as that can be told.
#[cfg(target_os = "linux")]
pub(crate) fn network_file_system(folder: &Path) -> Option<&'static str> {
    // The magic numbers of statfs(2).
    const NETWORK: [(u64, &str); 8] = [
        (0x6969, "NFS"),
        (0x517B, "SMB"),
        (0xFF53_4D42, "CIFS"),
        (0xFE53_4D42, "SMB2"),
        (0x5346_414F, "AFS"),
        (0x0102_1997, "9P"),
        (0x00C3_6400, "Ceph"),
        (0x0BD0_0BD0, "Lustre"),
    ];
    let status = rustix::fs::statfs(folder).ok()?;
    // The type is signed on some machines, and the numbers have 32 bits.
    let kind = status.f_type as u64 & 0xFFFF_FFFF;
    NETWORK
        .iter()
        .find(|(magic, _)| *magic == kind)
        .map(|(_, name)| *name)
}

/// The network file system that a folder lies on, as far as that can be told.
#[cfg(not(target_os = "linux"))]
pub(crate) fn network_file_system(_folder: &Path) -> Option<&'static str> {
    None
}

/// How many bytes may still be written to the file system that a folder lies on, as far as that can be told.
#[cfg(unix)]
pub(crate) fn free_bytes(folder: &Path) -> Option<u64> {
    let status = rustix::fs::statvfs(folder).ok()?;
    Some(status.f_bavail.saturating_mul(status.f_frsize))
}

/// How many bytes may still be written to the file system that a folder lies on, as far as that can be told.
#[cfg(not(unix))]
pub(crate) fn free_bytes(_folder: &Path) -> Option<u64> {
    None
}

/// Names the present boot of the machine, as far as the system does.
pub(crate) fn boot_id() -> Option<String> {
    proc_file("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned())
}

/// Time since the machine was started, also while it slept, in milliseconds, as far as the system tells.
#[cfg(target_os = "linux")]
pub(crate) fn uptime_ms() -> Option<u64> {
    let uptime = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(uptime.tv_sec).ok()?;
    let nanoseconds = u64::try_from(uptime.tv_nsec).ok()?;
    Some(seconds.saturating_mul(1_000) + nanoseconds / 1_000_000)
}

/// Time since the machine was started, also while it slept, in milliseconds, as far as the system tells.
#[cfg(not(target_os = "linux"))]
pub(crate) fn uptime_ms() -> Option<u64> {
    None
}

#[cfg(target_os = "linux")]
fn proc_file(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

#[cfg(not(target_os = "linux"))]
fn proc_file(_path: &str) -> Option<String> {
    None
}

/// Whether others than its owner may write to a file or folder.
#[cfg(unix)]
pub(crate) fn writable_by_others(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o022 != 0
}

/// Whether others than its owner may write to a file or folder. As with reading, the folder it lies in sees to that.
#[cfg(not(unix))]
pub(crate) const fn writable_by_others(_metadata: &Metadata) -> bool {
    false
}

/// A library that can be loaded, and that nobody can change any more.
#[derive(Debug)]
pub(crate) struct ExecutableCopy {
    /// Absolute.
    pub(crate) path: PathBuf,
    #[cfg(target_os = "linux")]
    file: std::fs::File,
}

#[cfg(target_os = "linux")]
impl ExecutableCopy {
    /// A copy in memory, sealed.
    pub(crate) fn new(bytes: &[u8], _folder: &Path) -> io::Result<Self> {
        use rustix::fs::{MemfdFlags, SealFlags};
        use std::io::Write;
        use std::os::fd::AsRawFd;
        let memory =
            rustix::fs::memfd_create("signoff-plugin", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        let mut file = std::fs::File::from(memory);
        file.write_all(bytes)?;
        rustix::fs::fcntl_add_seals(
            &file,
            SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL,
        )?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        Ok(Self { path, file })
    }

    /// To be called once it is loaded. The file stays open: were its number used again, the system would take the next
    /// library for this one, which it knows by its path.
    pub(crate) fn retire(self) {
        std::mem::forget(self.file);
    }
}

#[cfg(not(target_os = "linux"))]
impl ExecutableCopy {
    /// A copy in a folder that is the user's own.
    pub(crate) fn new(bytes: &[u8], folder: &Path) -> io::Result<Self> {
        use std::io::Write;
        let path = std::path::absolute(folder)?.join(format!(".plugin-{}", uuid::Uuid::new_v4()));
        let mut file = private_file(OpenOptions::new().write(true).create_new(true)).open(&path)?;
        file.write_all(bytes)?;
        Ok(Self { path })
    }

    /// To be called once it is loaded. Where a loaded file cannot be removed it is left.
    pub(crate) fn retire(self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
