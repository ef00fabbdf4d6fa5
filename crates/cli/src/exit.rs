//! The exit codes: a contract with whoever calls signoff from a script or a timer.

/// What the process ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Every user is out or skipped (or accepted, where that was asked for), or a plan was made.
    Success,
    /// Somebody is not out.
    NotOut,
    /// The command line is wrong, or a confirmation is needed and nobody is there to give it.
    Usage,
    /// The configuration, the script or a plugin is at fault.
    Configuration,
    /// No user could be tried: a credential is refused, or a vendor cannot be reached or understood.
    Untried,
    /// Somebody was not tried or is in doubt, or the journal cannot be written, so that nothing more may be sent.
    Unfinished,
    /// Stopped by a limit that the workflow set.
    Stopped,
    /// Stopped by a person; it can be taken up again.
    Interrupted,
    /// A fault of signoff itself.
    Bug,
}

impl Exit {
    /// The number the process ends with.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::NotOut => 1,
            Self::Usage => 2,
            Self::Configuration => 3,
            Self::Untried => 4,
            Self::Unfinished => 5,
            Self::Stopped => 7,
            Self::Interrupted => 130,
            Self::Bug => 255,
        }
    }
}

/// For `--help`: what each number means.
pub(crate) const TABLE: &str = "\
Exit codes:
  0    every user is out or skipped, or a plan was made
  1    somebody is not out
  2    wrong usage, or a confirmation is needed without a terminal and without --yes
  3    the configuration, the script or a plugin is at fault
  4    no user could be tried: a credential is refused, or a vendor cannot be reached
  5    unfinished: somebody is untried or in doubt, or the journal fails; `resume` it
  7    stopped by a limit that the workflow set
  130  interrupted: nobody else was tried; `signoff resume` goes on
  255  a fault of signoff itself";
