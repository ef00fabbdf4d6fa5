//! What differs between operating systems: porting the engine means porting this module.

use std::fs::Metadata;

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
