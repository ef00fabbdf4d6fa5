//! The commands, each as thin as it can be.

pub(crate) mod doctor;
pub(crate) mod guard;
pub(crate) mod help;
mod history;
pub(crate) mod init;
pub(crate) mod logout;
mod people;
pub(crate) mod plugin;
mod question;
pub(crate) mod read;
pub(crate) mod reference;
pub(crate) mod replay;
pub(crate) mod resume;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod sandbox;
pub(crate) mod scripts;
pub(crate) mod show;
mod signal;
pub(crate) mod watch_feed;
