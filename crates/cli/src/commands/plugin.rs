//! `signoff plugin`: the providers there are, and which of them may run.

use std::path::PathBuf;

use signoff_engine::plugin::{Kind, PluginError, Row, Trust};

use crate::arguments::{Format, General, Plugin};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report;
use crate::setup;
use crate::text::safe;

/// Lists the providers, or pins one.
pub(crate) fn plugin(command: Plugin, general: &General) -> Result<Exit, Failure> {
    // Pins lie beside the configuration; without one, in the folder where one would be made.
    let folder = match setup::configuration(general) {
        Ok(path) => setup::folder_of(&path),
        Err(_) => PathBuf::from("."),
    };
    let registry = setup::registry(general, &folder)?;
    match command {
        Plugin::List => {
            let rows = registry.list()?;
            match general.format {
                Format::Human => report::data(&table(&rows)),
                Format::Json => rows.iter().for_each(|row| report::data(&json(row))),
            }
        }
        Plugin::Trust { plugin } => {
            let (row, earlier) = registry.trust(&plugin)?;
            let sha256 = row.sha256.as_deref().unwrap_or_default();
            report::data(&format!(
                "trusted `{}` {}, sha256 {sha256}",
                row.provider,
                safe(&row.version)
            ));
            if let Some(earlier) = earlier.filter(|earlier| earlier.sha256 != sha256) {
                report::diagnostic(&format!(
                    "it was pinned as {}, sha256 {}",
                    safe(&earlier.version),
                    earlier.sha256
                ));
            }
        }
    }
    Ok(Exit::Success)
}

impl From<PluginError> for Failure {
    fn from(error: PluginError) -> Self {
        Self::configuration(error.to_string(), error.hint())
    }
}

fn table(rows: &[Row]) -> String {
    let cells = |row: &Row| {
        let sha256 = row.sha256.as_deref().unwrap_or_default();
        let path = row.path.as_ref().map(|path| path.display().to_string());
        vec![
            safe(&row.provider).into_owned(),
            safe(&row.version).into_owned(),
            kind(row.kind).to_owned(),
            trust(&row.trust),
            sha256.chars().take(12).collect(),
            safe(&path.unwrap_or_default()).into_owned(),
        ]
    };
    let headings = ["provider", "version", "kind", "trust", "sha256", "path"];
    report::table(&headings, rows.iter().map(cells))
}

fn json(row: &Row) -> String {
    serde_json::json!({
        "event": "plugin",
        "provider": row.provider,
        "version": row.version,
        "kind": kind(row.kind),
        "trust": trust(&row.trust),
        "sha256": row.sha256,
        "path": row.path,
    })
    .to_string()
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Linked => "built in",
        Kind::Plugin => "plugin",
    }
}

fn trust(trust: &Trust) -> String {
    match trust {
        Trust::Trusted => "trusted".to_owned(),
        Trust::NotTrusted => "not trusted".to_owned(),
        Trust::Changed { pinned } => format!("changed since {} was pinned", safe(&pinned.version)),
        Trust::Unusable(error) => format!("unusable: {}", safe(&error.to_string())),
    }
}
